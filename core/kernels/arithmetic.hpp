// Functions that the loops of several ops share. Like every function for map_row and sum_row
// (core/kernels/map.hpp) they take numbers or SIMD batches.
#pragma once

#include <cstddef>

#include "core/kernels/map.hpp"

namespace taper {

inline constexpr auto identity = [](auto x) { return x; };
inline constexpr auto plus = [](auto x, auto y) { return x + y; };
inline constexpr auto times = [](auto x, auto y) { return x * y; };

// x_i *= factor for n entries in a row.
template <class T> void scale_row(T* x, std::size_t n, T factor) {
    const auto scaled = [factor](auto v) { return v * factor; };
    map_row(x, n, scaled, x);
}

}  // namespace taper
