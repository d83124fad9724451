// The tokens a language model is trained on: whole files, their last tenth held out, cut into
// windows.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/array/random.hpp"
#include "examples/common/tokenizer.hpp"

namespace taper::examples {

// A window here is n tokens of a text, or n + 1, not the causal model's --window. Validation looks
// at so many, and at fewer of a short text.
inline constexpr std::size_t most_validation_windows = 200;

// Windows of `window` tokens. A window never spans two files.
class Corpus {
  public:
    // Each text is encoded as a whole and then forgotten: its tokens take four times its memory.
    // Its last tenth validates. Where that is shorter than a window, all of the text trains.
    // Error: no text has a window.
    Corpus(const Tokenizer& tokenizer, std::vector<Text> texts, std::size_t window);

    std::size_t training_tokens() const { return training_.tokens; }
    std::size_t validation_tokens() const { return validation_.tokens; }
    // The characters of these; byte: the bytes.
    std::size_t validation_symbols() const { return validation_symbols_; }
    // Of the frequencies that tokens have in the training text, in nats per token: what they cost
    // there, and on the validation text. Each token counts once more than it comes, as one that
    // comes in the validation text alone would cost infinitely much.
    double training_entropy() const { return cost_of_frequencies(training_); }
    double validation_cross_entropy() const { return cost_of_frequencies(validation_); }
    // One line each, for the user.
    const std::vector<std::string>& notices() const { return notices_; }

    // A training window, each with the same probability, by the random number that `random` has at
    // `counter`.
    std::span<const std::int32_t> training_window(const Random& random,
                                                  std::uint64_t counter) const;
    // At most `count` validation windows, evenly spread and without overlap: the same ones every
    // time.
    std::vector<std::span<const std::int32_t>> validation_windows(std::size_t count) const;

  private:
    struct Part {
        std::vector<std::span<const std::int32_t>> runs;  // one a file
        std::size_t tokens = 0;
        std::size_t windows = 0;
    };
    // Adds the tokens of a file to what trains and what validates. symbols: of each token.
    void split(const std::string& path, std::span<const std::int32_t> tokens,
               const std::vector<std::size_t>& symbols);
    void add(Part& part, std::span<const std::int32_t> run) const;
    double cost_of_frequencies(const Part& part) const;

    std::size_t window_, vocabulary_;
    std::vector<TokenIds> files_;
    Part training_, validation_;
    std::size_t validation_symbols_ = 0;
    std::vector<std::string> notices_;
};

}  // namespace taper::examples
