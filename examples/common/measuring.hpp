// What the programs that measure share.
#pragma once

#include "core/array/array.hpp"

namespace taper::examples {

// Random ids in [0, V), other ones for each purpose.
Ids random_ids(const Shape& shape, std::size_t V, const char* purpose);
// The largest resident memory of this process so far.
double peak_megabytes();

}  // namespace taper::examples
