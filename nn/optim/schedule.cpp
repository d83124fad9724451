// Compiled once: a program and a test that asks what it did have the same bits.
#include "nn/optim/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace taper::nn {

double Schedule::operator()(std::uint64_t step) const {
    constexpr double smallest = std::numeric_limits<double>::denorm_min();
    // Where lr is NaN, so is the result: of two that do not compare std::max returns the first.
    if (step < warmup)
        return std::max(lr * static_cast<double>(step) / static_cast<double>(warmup), smallest);
    const auto done = static_cast<double>(step - warmup);
    const auto total = static_cast<double>(steps > warmup ? steps - warmup : 1);
    const double cosine = std::cos(std::numbers::pi * std::min(1.0, done / total));
    return std::max(lr * (0.1 + 0.45 * (1 + cosine)), smallest);
}

}  // namespace taper::nn
