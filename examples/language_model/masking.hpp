// Masked language modelling (BERT, Devlin et al. 2019): which positions are to be predicted, and what stands there meanwhile.
#pragma once

#include <span>

#include "core/random.hpp"

namespace taper::examples {

// Rows of tokens, and what is to be predicted at each position, or ignore_index.
struct Batch {
    taper::Ids tokens;   // (B, n)
    taper::Ids targets;  // (B, n)
};

// Adds one row. Each position is chosen with probability 15 %, and at least one is (a row with none would teach nothing).
// A chosen token becomes the mask in 80 % of the cases, a random token in 10 %, and stays in 10 %. mask_id is the last id;
// the random tokens are below it. `random` decides alone: the same stream masks alike.
void mask_row(Batch& batch, std::size_t row, std::span<const std::int32_t> window, std::int64_t mask_id, const Random& random);

}  // namespace taper::examples
