// The learning rate over a run: linear warm-up, then half a cosine down to a tenth.
#pragma once

#include <cstdint>

namespace taper::nn {

struct Schedule {
    double lr;             // the largest
    std::uint64_t warmup;  // steps until it is reached; may be 0, and may be above steps
    std::uint64_t steps;   // of the whole run

    // step is 1 to steps. The rate is never 0: the first step has lr / warmup. NaN where lr is.
    double operator()(std::uint64_t step) const;
};

}  // namespace taper::nn
