// What the programs share that measure.
#pragma once

#include "core/array/array.hpp"

namespace taper::examples {

// in [0, V); of another purpose, other ones
Ids random_ids(const Shape& shape, std::size_t V, const char* purpose);
// resident, of this process so far
double peak_megabytes();

}  // namespace taper::examples
