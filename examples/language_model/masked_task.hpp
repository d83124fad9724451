// Masked language modelling (BERT, Devlin et al. 2019): which positions are to be predicted, and
// what stands there meanwhile.
#pragma once

#include <vector>

#include "examples/common/tokenizer.hpp"
#include "examples/language_model/corpus.hpp"
#include "examples/language_model/task.hpp"

namespace taper::examples {

// Each position of a row is chosen with probability 15 %, and at least one is: a row with none
// would teach nothing. Of the chosen tokens
//     80 %  become the mask
//     10 %  become a random token
//     10 %  stay
class MaskedTask final : public Task {
  public:
    MaskedTask(const Tokenizer& tokenizer, const Corpus& corpus);
    void fill_row(Batch& batch, std::size_t row, std::span<const std::int32_t> window,
                  const Random& random) const override;
    // Some held-out text with masks, and the same with what the model finds likeliest there, in
    // <...>. Training text where nothing is held out.
    std::string sample(const nn::Linformer<float>& model, const Random& random) const override;

  private:
    const Tokenizer& tokenizer_;
    std::vector<std::span<const std::int32_t>> examples_;
};

}  // namespace taper::examples
