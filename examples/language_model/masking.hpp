// Masked language modelling (BERT, Devlin et al. 2019): which positions are to be predicted, and
// what stands there meanwhile.
#pragma once

#include <span>

#include "examples/language_model/training.hpp"

namespace taper::examples {

// Each position of a row is chosen with probability 15 %, and at least one is (a row with none
// would teach nothing). A chosen token becomes the mask in 80 % of the cases, a random token in 10
// %, and stays in 10 %.
class MaskedTask final : public Task {
  public:
    MaskedTask(const Tokenizer& tokenizer, const Corpus& corpus);
    void fill_row(Batch& batch, std::size_t row, std::span<const std::int32_t> window,
                  const Random& random) const override;
    // Some held-out text with masks, and the same with what the model finds likeliest there, in
    // <...>.
    std::string sample(const nn::Linformer<float>& model, const Random& random) const override;

  private:
    const Tokenizer& tokenizer_;
    std::vector<std::span<const std::int32_t>> examples_;
};

// The most probable token at each place of one row of logits (1, n, V) where the mask stands. The
// mask is never the answer.
struct Guess {
    std::int32_t token;
    double probability;
};
std::vector<Guess> best_guesses(const Array<float>& logits, std::size_t position,
                                std::size_t count);

}  // namespace taper::examples
