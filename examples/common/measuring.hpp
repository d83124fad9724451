// What the programs share that measure.
#pragma once

#include "core/array.hpp"

namespace taper::examples {

Ids random_ids(const Shape& shape, std::size_t V, const char* purpose);  // in [0, V); of another purpose, other ones
double peak_megabytes();                                                 // resident, of this process so far

}  // namespace taper::examples
