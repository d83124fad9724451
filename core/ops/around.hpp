// A shape seen from one of its axes.
#pragma once

#include "core/array/array.hpp"

namespace taper {

// The shape as (outer, extent, inner), extent that of the axis.
struct Around {
    std::size_t outer = 1, extent, inner = 1;
    Around(const Shape& shape, std::size_t axis) : extent(shape[axis]) {
        for (std::size_t i = 0; i < shape.size(); ++i)
            if (i != axis) (i < axis ? outer : inner) *= shape[i];
    }
};

}  // namespace taper
