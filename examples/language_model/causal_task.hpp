// Causal language modelling: position t of a window predicts token t + 1.
#pragma once

#include "examples/common/tokenizer.hpp"
#include "examples/language_model/task.hpp"

namespace taper::examples {

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
