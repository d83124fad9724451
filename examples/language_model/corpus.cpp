#include "examples/language_model/corpus.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"

namespace taper::examples {

// How many symbols each token stands for: bytes, or characters where the tokenizer knows them.
static std::vector<std::size_t> symbols_of_tokens(const Tokenizer& tokenizer) {
    const auto begins_character = [](char byte) { return (byte & 0xC0) != 0x80; };  // not 10xxxxxx
    std::vector<std::size_t> symbols;
    for (std::int32_t id = 0; id < tokenizer.size(); ++id) {
        if (tokenizer.kind() == TokenizerKind::byte) {
            symbols.push_back(1);
            continue;
        }
        const std::string token = tokenizer.decode(std::span(&id, 1));
        const auto characters = std::count_if(token.begin(), token.end(), begins_character);
        symbols.push_back(static_cast<std::size_t>(characters));
    }
    return symbols;
}

Corpus::Corpus(const Tokenizer& tokenizer, std::vector<Text> texts, std::size_t window)
    : window_(window), vocabulary_(static_cast<std::size_t>(tokenizer.size())) {
    const std::vector<std::size_t> symbols = symbols_of_tokens(tokenizer);
    std::size_t longest = 0;
    files_.reserve(texts.size());
    for (Text& text : texts) {
        const TokenIds& tokens = files_.emplace_back(tokenizer.encode(text.bytes, text.path));
        text.bytes = std::string();  // its memory is free for the next one's tokens
        longest = std::max(longest, tokens.size());
        split(text.path, tokens, symbols);
    }
    if (training_.windows == 0)
        throw Error(
            "--text: a text must have at least a window of tokens (--length; causal: one more): "
            "longest " +
            std::to_string(longest) + ", window " + std::to_string(window));
}

void Corpus::split(const std::string& path, std::span<const std::int32_t> tokens,
                   const std::vector<std::size_t>& symbols) {
    const std::size_t held_out = tokens.size() / 10;
    if (tokens.size() < window_) {
        notices_.push_back(path + ": not used: its " + std::to_string(tokens.size()) +
                           " tokens are less than a window of " + std::to_string(window_));
        return;
    }
    if (held_out < window_) {
        add(training_, tokens);
        notices_.push_back(path + ": nothing of it validates: its last tenth, " +
                           std::to_string(held_out) + " tokens, is shorter than a window of " +
                           std::to_string(window_));
        return;
    }
    add(training_, tokens.first(tokens.size() - held_out));
    add(validation_, tokens.last(held_out));
    for (const std::int32_t id : tokens.last(held_out))
        validation_symbols_ += symbols[static_cast<std::size_t>(id)];
}

void Corpus::add(Part& part, std::span<const std::int32_t> run) const {
    part.runs.push_back(run);
    part.tokens += run.size();
    part.windows += run.size() - window_ + 1;
}

double Corpus::cost_of_frequencies(const Part& part) const {
    std::vector<double> counts(vocabulary_, 1);
    for (const auto run : training_.runs)
        for (const std::int32_t id : run) ++counts[static_cast<std::size_t>(id)];
    const auto total = static_cast<double>(training_.tokens + vocabulary_);
    double sum = 0;
    for (const auto run : part.runs)
        for (const std::int32_t id : run)
            sum -= std::log(counts[static_cast<std::size_t>(id)] / total);
    return sum / static_cast<double>(part.tokens);
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
        for (std::size_t first = 0; first + window_ <= run.size(); first += window_)
            windows.push_back(run.subspan(first, window_));
    if (windows.size() <= count) return windows;
    for (std::size_t i = 0; i < count; ++i) windows[i] = windows[i * windows.size() / count];
    windows.resize(count);
    return windows;
}

}  // namespace taper::examples
