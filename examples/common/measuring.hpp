// What the programs that measure share.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/array/array.hpp"

namespace taper::examples {

// Random ids in [0, V), other ones for each purpose.
Ids random_ids(const Shape& shape, std::size_t V, const char* purpose, std::uint64_t seed = 0);
// The largest resident memory of this process so far.
double peak_megabytes();

// Of a pass: by the clock, and of the processor, all threads together.
struct PassTime {
    double seconds, core_seconds;
};

// The least time of three passes or more, as what disturbs them only adds, and the first is slow
// where its memory is new. Fewer where they are long.
PassTime least_time(const std::function<void()>& pass);

struct Cost {
    double seconds;
    double core_seconds;
    double megabytes;       // of the process at its peak
    double megabytes_more;  // than before the work
};

// Of a work, which returns the time that counts, in a process of its own: so the peak is that of
// this work alone. std::runtime_error, which names it: it did not end.
Cost cost_alone(const std::string& name, const std::function<PassTime()>& work);

}  // namespace taper::examples
