// How much arithmetic a model does.
#pragma once

#include "nn/config.hpp"

namespace taper::examples {

// The multiply-adds of a forward pass over `batch` whole sequences, those of the textbook
// algorithm, whatever shortcut is taken: full causal attention as all n x n scores, too.
double multiply_adds(const nn::Config& config, std::size_t batch);

}  // namespace taper::examples
