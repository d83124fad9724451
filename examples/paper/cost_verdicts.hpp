// The rules by which costs are judged: how they grow with n, and what one form of attention saves.
#pragma once

#include "examples/paper/report.hpp"

namespace taper::examples {

// exponents: x of cost ~ n^x, of each seed. Beyond n^1.5, halfway between O(n) and O(n^2), a cost
// is no longer called linear. At n^1.2 a token costs 1.7 times as much at 16 times the length,
// which caches can explain.
Verdict is_linear(const Spread& exponents);

// How many times as cheap something is at one n, by us and by the paper.
struct Saving {
    std::size_t n;
    double ours, paper;
};

// Savings at growing n. They must grow with n, each at least 0.9 of the one before, as measured
// times vary by a few percent. holds: they are at least 0.8 of the paper's, in the geometric mean.
// holds weaker: they are not, but at the longest n something is saved, a tenth at least.
Verdict saves(const std::vector<Saving>& savings);

}  // namespace taper::examples
