// Table 3 of arXiv 2006.04768, as it stands there: what inference with Linformer saves against the
// Transformer.
#pragma once

#include <cstddef>
#include <map>

namespace taper::examples {

struct PaperCell {
    double time, memory;  // saved, times
};

// By n and k.
const std::map<std::size_t, std::map<std::size_t, PaperCell>>& paper_table();

// The paper has k up to n / 2.
bool in_table(std::size_t n, std::size_t k);

// The cell of n and k; where the table has none, that of the next larger n and k or of the largest.
struct NearestCell {
    std::size_t n, k;
    PaperCell saved;
};
NearestCell nearest_cell(std::size_t n, std::size_t k);

}  // namespace taper::examples
