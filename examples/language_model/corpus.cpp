#include "examples/language_model/corpus.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace taper::examples {

Corpus::Corpus(const Tokenizer& tokenizer, std::vector<Text> texts, std::size_t window)
    : window_(window) {
    std::size_t longest = 0;
    std::vector<std::size_t> symbols;  // of each token
    for (std::int32_t id = 0; id < tokenizer.size(); ++id) {
        const std::string token = tokenizer.decode(std::span(&id, 1));
        const bool byte = tokenizer.kind() == TokenizerKind::byte;
        // a character's first byte is not 10xxxxxx
        const auto begins = [](char c) { return (c & 0xC0) != 0x80; };
        symbols.push_back(
            byte ? 1 : static_cast<std::size_t>(std::count_if(token.begin(), token.end(), begins)));
    }
    files_.reserve(texts.size());
    for (Text& text : texts) {
        const TokenIds& tokens = files_.emplace_back(tokenizer.encode(text.bytes, text.path));
        text.bytes = std::string();  // not beside the next one's tokens
        const std::span<const std::int32_t> all(tokens);
        longest = std::max(longest, all.size());
        const std::size_t held_out = all.size() / 10;
        if (held_out >= window) {
            add(training_, all.first(all.size() - held_out));
            add(validation_, all.last(held_out));
            for (const std::int32_t id : all.last(held_out))
                validation_symbols_ += symbols[static_cast<std::size_t>(id)];
        } else if (all.size() >= window) {
            add(training_, all);
            notices_.push_back(text.path + ": nothing of it validates: its last tenth, " +
                               std::to_string(held_out) + " tokens, is shorter than a window of " +
                               std::to_string(window));
        } else {
            notices_.push_back(text.path + ": not used: its " + std::to_string(all.size()) +
                               " tokens are less than a window of " + std::to_string(window));
        }
    }
    if (training_.windows == 0)
        throw Error(
            "--text: a text must have at least a window of tokens (--length; causal: one more): "
            "longest " +
            std::to_string(longest) + ", window " + std::to_string(window));
}

void Corpus::add(Part& part, std::span<const std::int32_t> run) const {
    part.runs.push_back(run);
    part.tokens += run.size();
    part.windows += run.size() - window_ + 1;
}

std::span<const std::int32_t> Corpus::training_window(const Random& random,
                                                      std::uint64_t counter) const {
    std::uint64_t window = random.below(counter, training_.windows);
    for (const auto run : training_.runs) {
        const std::size_t windows = run.size() - window_ + 1;
        if (window < windows) return run.subspan(window, window_);
        window -= windows;
    }
    throw std::logic_error("training_window: past the last window");
}

std::vector<std::span<const std::int32_t>> Corpus::validation_windows(std::size_t count) const {
    std::vector<std::span<const std::int32_t>> windows;
    for (const auto run : validation_.runs)
        for (std::size_t at = 0; at + window_ <= run.size(); at += window_)
            windows.push_back(run.subspan(at, window_));
    if (windows.size() <= count) return windows;
    for (std::size_t i = 0; i < count; ++i) windows[i] = windows[i * windows.size() / count];
    windows.resize(count);
    return windows;
}

}  // namespace taper::examples
