// Products cut into blocks, as for AVX-512 kernels, or not: one of the two is not what this machine
// does by itself.
#pragma once

#include "core/kernels/gemm.hpp"

namespace taper::tests {

// For its scope.
struct Blocks {
    const bool before = in_blocks();
    explicit Blocks(bool cut) { set_in_blocks(cut); }
    ~Blocks() { set_in_blocks(before); }
    Blocks(const Blocks&) = delete;
    Blocks& operator=(const Blocks&) = delete;
};

}  // namespace taper::tests
