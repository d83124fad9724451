// The larger of two numbers, where NaN counts as infinitely large. It stands on the standard
// library alone.
#pragma once

#include <cmath>
#include <limits>

namespace taper::examples {

// The larger of both, infinity where one is NaN: std::max(x, NaN) is x, and no bound on the largest
// would see it.
inline double larger(double a, double b) {
    if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::infinity();
    return a > b ? a : b;
}

}  // namespace taper::examples
