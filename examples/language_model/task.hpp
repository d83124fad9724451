// What a language model is trained to do: a task makes rows of a batch from windows of text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "examples/language_model/objective.hpp"

namespace taper::examples {

// What differs between a masked and a causal model.
class Task {
  public:
    virtual ~Task() = default;
    // Fills a row of a batch from a window of tokens: n, or n + 1 for a causal model. `random` is
    // another stream for each row of each step.
    virtual void fill_row(Batch& batch, std::size_t row, std::span<const std::int32_t> window,
                          const Random& random) const = 0;
    // A few lines that show what the model can do now. `random` is another stream for each step.
    virtual std::string sample(const nn::Linformer<float>& model, const Random& random) const = 0;
};

}  // namespace taper::examples
