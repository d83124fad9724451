// How long some work takes, in the time of the processor: other programs do not count.
#pragma once

#include <ctime>

namespace taper::tests {

template <class Work> std::clock_t cpu_time(const Work& work) {
    const std::clock_t start = std::clock();
    work();
    return std::clock() - start;
}

}  // namespace taper::tests
