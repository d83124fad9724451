// Files for figure_1 --attention: P of made-up heads, right or wrong.
#pragma once

#include <algorithm>
#include <string>

#include "core/io/safetensors.hpp"
#include "examples/paper/spectra.hpp"

namespace taper::tests {

// Two layers of two heads. The heads of the lower layer have d_h = n, those of the upper one 2: the
// upper ones are of a much lower rank.
inline TensorFile attention_tensors(std::size_t texts, std::size_t n) {
    auto P = empty<float>({texts, 2, 2, n, n});
    float* entry = P.data();
    for (std::uint32_t head = 0; head < texts * 4; ++head) {
        const bool upper = head % 4 >= 2;
        const Random random(1, "head", head);
        const Array<double> matrix = examples::softmax_of_random_heads(n, upper ? 2 : n, 2, random);
        entry = std::copy(matrix.begin(), matrix.end(), entry);
    }
    return {.tensors = {{"P", P}, {"d_h", Ids{static_cast<std::int64_t>(n), 2}}}};
}

}  // namespace taper::tests
