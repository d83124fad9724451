// What a masked model finds likeliest at a mask.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/array/array.hpp"

namespace taper::examples {

struct Guess {
    std::int32_t token;
    double probability;
};

// The `count` most probable tokens at a position of logits (1, n, V), the likeliest first. The
// mask, which is the last id, is never among them: probabilities are of all other tokens.
// NotFinite: a logit that is not finite.
std::vector<Guess> best_guesses(const Array<float>& logits, std::size_t position,
                                std::size_t count);

}  // namespace taper::examples
