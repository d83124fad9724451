// Causal language modelling: what is to be predicted, and text from a model, token by token.
#pragma once

#include <functional>
#include <span>

#include "examples/language_model/training.hpp"

namespace taper::examples {

// How a token is drawn from logits: from the top_k likeliest, of these from the likeliest whose
// probabilities reach top_p together, with probabilities p^(1 / temperature) (Holtzman et al.
// 2020). Temperature 0: the likeliest.
struct Sampling {
    double temperature = 1;   // >= 0
    std::uint64_t top_k = 0;  // 0: all
    double top_p = 1;         // in (0, 1]
};
// uniform is in [0, 1). Of equally likely tokens the one with the smaller id comes first.
std::int32_t draw_token(const Array<float>& logits, const Sampling& sampling, double uniform);

// Reads tokens one by one, any number of them. When the n positions of the window are full, its
// older half is dropped and the rest read again: what follows depends on the tokens in the window
// alone, at a constant cost a token on average.
class Reader {
  public:
    explicit Reader(const nn::Linformer<float>& model) : model_(model), decoder_(model) {}
    const Array<float>& read(std::int32_t token);  // logits (V) of the next token
    const TokenIds& window() const { return window_; }

  private:
    const nn::Linformer<float>& model_;
    nn::Decoder<float> decoder_;
    TokenIds window_;
    Array<float> logits_;
};

// `count` tokens after the prompt (at least one token), each drawn with another number of `random`;
// each is told at once. Returns the window that the last one was drawn from.
TokenIds generate(const nn::Linformer<float>& model, std::span<const std::int32_t> prompt,
                  std::uint64_t count, const Sampling& sampling, const Random& random,
                  const std::function<void(std::int32_t)>& tell);

// Position t of a window is to tell token t + 1.
class CausalTask final : public Task {
  public:
    explicit CausalTask(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}
    void fill_row(Batch& batch, std::size_t row, std::span<const std::int32_t> window,
                  const Random& random) const override;
    // Some text as the model writes it, at temperature 0.8.
    std::string sample(const nn::Linformer<float>& model, const Random& random) const override;

  private:
    const Tokenizer& tokenizer_;
};

}  // namespace taper::examples
