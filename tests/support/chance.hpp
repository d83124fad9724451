// What chance allows: counts and samples within four standard deviations of what they should be.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "core/array/array.hpp"

namespace taper::tests {

inline bool within_four_sigma(double found, double expected, double deviation) {
    return std::abs(found - expected) <= 4 * deviation;
}

// So many of `trials` independent ones, each with probability p.
inline bool is_share(std::size_t count, std::size_t trials, double p) {
    const double expected = static_cast<double>(trials) * p;
    return within_four_sigma(static_cast<double>(count), expected, std::sqrt(expected * (1 - p)));
}

// Draws from equally likely ones, so many of each: the statistic of Pearson, m - 1 on average with
// variance 2 (m - 1).
inline bool are_even(const std::vector<std::size_t>& counts) {
    double total = 0, squares = 0;
    for (const std::size_t n : counts) total += static_cast<double>(n);
    const double m = static_cast<double>(counts.size());
    const double expected = total / m;
    for (const std::size_t n : counts) squares += std::pow(static_cast<double>(n) - expected, 2);
    return within_four_sigma(squares / expected, m - 1, std::sqrt(2 * (m - 1)));
}

// Independent entries N(0, deviation^2): their mean, their variance, and no entry that is one in a
// hundred million.
template <class T> bool is_normal(const Array<T>& x, double deviation) {
    const double n = static_cast<double>(x.size());
    const double variance = deviation * deviation;
    double sum = 0, squares = 0;
    bool near = true;
    for (const T entry : x) {
        const double v = static_cast<double>(entry);
        sum += v;
        squares += v * v;
        near = near && std::abs(v) < 5.73 * deviation;
    }
    return near && within_four_sigma(sum / n, 0, deviation / std::sqrt(n)) &&
           within_four_sigma(squares / n, variance, variance * std::sqrt(2 / n));
}

}  // namespace taper::tests
