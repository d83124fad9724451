// What the programs that measure share.
#pragma once

#include <functional>
#include <string>

#include "core/array/array.hpp"

namespace taper::examples {

// Random ids in [0, V), other ones for each purpose.
Ids random_ids(const Shape& shape, std::size_t V, const char* purpose);
// The largest resident memory of this process so far.
double peak_megabytes();

struct Cost {
    double seconds;
    double megabytes;       // of the process at its peak
    double megabytes_more;  // than before the work
};

// Of a work, which returns the seconds that count, in a process of its own: so the peak is that of
// this work alone. std::runtime_error, which names it: it did not end.
Cost cost_alone(const std::string& name, const std::function<double()>& work);

}  // namespace taper::examples
