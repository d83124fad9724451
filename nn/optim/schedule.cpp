// The schedule is compiled here, once, so that a program and a test of it get the same bits.
#include "nn/optim/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace taper::nn {

double Schedule::operator()(std::uint64_t step) const {
    constexpr double smallest = std::numeric_limits<double>::denorm_min();
    // Where lr is NaN, the result is NaN: std::max returns the first of two numbers that do not
    // compare.
    if (step < warmup)
        return std::max(lr * static_cast<double>(step) / static_cast<double>(warmup), smallest);
    const auto done = static_cast<double>(step - warmup);
    const auto total = static_cast<double>(steps > warmup ? steps - warmup : 1);
    const double cosine = std::cos(std::numbers::pi * std::min(1.0, done / total));
    return std::max(lr * (0.1 + 0.45 * (1 + cosine)), smallest);
}

}  // namespace taper::nn
