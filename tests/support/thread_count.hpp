// The number of threads, for a scope.
#pragma once

#include "core/kernels/parallel.hpp"

namespace taper::tests {

struct Threads {
    const int before = threads();
    explicit Threads(int count) { set_threads(count); }
    ~Threads() { set_threads(before); }
    Threads(const Threads&) = delete;
    Threads& operator=(const Threads&) = delete;
};

}  // namespace taper::tests
