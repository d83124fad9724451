// A shape seen from one of its axes.
#pragma once

#include "core/array/array.hpp"

namespace taper {

// The shape as three axes (outer, extent, inner), the given axis in the middle.
struct AxisSplit {
    std::size_t outer = 1, extent, inner = 1;

    AxisSplit(const Shape& shape, std::size_t axis) : extent(shape[axis]) {
        for (std::size_t i = 0; i < axis; ++i) outer *= shape[i];
        for (std::size_t i = axis + 1; i < shape.size(); ++i) inner *= shape[i];
    }

    // The entry where the `inner` entries at (o, j) begin.
    std::size_t entry(std::size_t o, std::size_t j) const { return (o * extent + j) * inner; }
};

}  // namespace taper
