// Text from a causal model: tokens drawn from its logits, one by one.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "examples/common/tokenizer.hpp"
#include "nn/linformer.hpp"

namespace taper::examples {

// How a token is drawn from logits: from the top_k likeliest. Their probabilities become
// p^(1 / temperature), and the likeliest that then reach top_p together stay (Holtzman et al.
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
    // The logits (V) of the next token.
    const Array<float>& read(std::int32_t token);
    const TokenIds& window() const { return window_; }

  private:
    void drop_older_half();

    const nn::Linformer<float>& model_;
    nn::Decoder<float> decoder_;
    TokenIds window_;
    Array<float> logits_;
};

// Draws `count` tokens after the prompt (at least one token), each with another number of
// `random`, and calls `tell` with each at once. Returns the window that the last one was drawn
// from.
TokenIds generate(const nn::Linformer<float>& model, std::span<const std::int32_t> prompt,
                  std::uint64_t count, const Sampling& sampling, const Random& random,
                  const std::function<void(std::int32_t)>& tell);

}  // namespace taper::examples
