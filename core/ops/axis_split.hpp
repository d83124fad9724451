// A shape seen from one of its axes.
#pragma once

#include "core/array/array.hpp"

namespace taper {

// The shape as (outer, extent, inner), where extent is that of the axis.
struct AxisSplit {
    std::size_t outer = 1, extent, inner = 1;

    AxisSplit(const Shape& shape, std::size_t axis) : extent(shape[axis]) {
        for (std::size_t i = 0; i < axis; ++i) outer *= shape[i];
        for (std::size_t i = axis + 1; i < shape.size(); ++i) inner *= shape[i];
    }

    // Where the `inner` entries of place (o, j) begin.
    std::size_t entry(std::size_t o, std::size_t j) const { return (o * extent + j) * inner; }
};

}  // namespace taper
