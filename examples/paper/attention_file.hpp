// The attention matrices of a model that another program has run, read from a safetensors file:
// pretrained.py writes one.
#pragma once

#include <string>
#include <vector>

#include "core/array/array.hpp"
#include "examples/paper/spectra.hpp"

namespace taper::examples {

struct AttentionFile {
    Array<float> P;                // (texts, L, h, n, n); each row is 0 or more, and sums to 1
    std::vector<std::size_t> d_h;  // of each layer: the columns of a head's Q and K

    std::size_t texts() const { return P.shape(0); }
    HeadMatrices text(std::size_t index) const;
};

// Error "PATH: [tensor NAME:] rule: values" unless the file has P, F32, and d_h, I64 (L), with two
// layers or more, which are compared, and n of 8 or more.
AttentionFile load_attention(const std::string& path);

}  // namespace taper::examples
