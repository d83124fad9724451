// The learning rate over a run: linear warm-up, then half a cosine down to a tenth.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

namespace taper::nn {

struct Schedule {
    double lr;             // the largest
    std::uint64_t warmup;  // steps until it is reached; may be 0, and may be above steps
    std::uint64_t steps;   // of the whole run

    // step is 1 to steps. Never 0: the first step has lr / warmup. NaN where lr is: of two that do
    // not compare std::max gives back the first.
    double operator()(std::uint64_t step) const {
        constexpr double smallest = std::numeric_limits<double>::denorm_min();
        if (step < warmup) return std::max(lr * static_cast<double>(step) / static_cast<double>(warmup), smallest);
        const double past = static_cast<double>(step - warmup),
                     rest = static_cast<double>(steps > warmup ? steps - warmup : 1);
        return std::max(lr * (0.1 + 0.45 * (1 + std::cos(std::numbers::pi * std::min(1.0, past / rest)))), smallest);
    }
};

}  // namespace taper::nn
