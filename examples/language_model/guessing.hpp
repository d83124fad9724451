// What a model finds likeliest: at a mask, or of classes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/array/array.hpp"

namespace taper::examples {

struct Guess {
    std::int32_t token;
    double probability;
};

// The `count` most probable of the entries that have these logits, all finite; the first of equally
// probable ones first. token: the number of the entry.
std::vector<Guess> likeliest(std::span<const float> logits, std::size_t count);

// A line of a list: the probability, a fraction of 1, and the name of what it is of.
std::string guess_line(double probability, const std::string& name);

// The `count` most probable tokens at a position of logits (1, n, V), the likeliest first. The
// mask, which is the last id, is never among them: probabilities are of all other tokens.
// NotFinite: a logit that is not finite.
std::vector<Guess> best_guesses(const Array<float>& logits, std::size_t position,
                                std::size_t count);

}  // namespace taper::examples
