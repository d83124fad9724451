// How far numbers are apart, for tests and for what the lessons claim: NaN is never near.
#pragma once

#include <cmath>
#include <limits>
#include <type_traits>

#include "core/engine/tape.hpp"
#include "examples/common/larger.hpp"

namespace taper::examples {

// The largest |x_i|, 0 of no entries.
template <class T> double largest(const Array<T>& x) {
    double most = 0;
    for (const T entry : x) most = larger(most, std::abs(static_cast<double>(entry)));
    return most;
}

// The largest |a_i - b_i|. Arrays of two shapes, and an infinity and anything, are infinitely far
// apart.
template <class T> double apart(const Array<T>& a, const std::type_identity_t<Array<T>>& b) {
    if (a.shape() != b.shape()) return std::numeric_limits<double>::infinity();
    double most = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        most = larger(
            most, std::abs(static_cast<double>(a.data()[i]) - static_cast<double>(b.data()[i])));
    return most;
}
inline double apart(const Var<double>& a, const Var<double>& b) {
    return apart(a.value(), b.value());
}

}  // namespace taper::examples
