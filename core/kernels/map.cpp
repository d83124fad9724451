#include "core/kernels/map.hpp"

namespace taper {

bool is_row_of(const Shape& row, const Shape& whole) {
    const auto not_1 = [](std::size_t extent) { return extent != 1; };
    const auto first = std::find_if(row.begin(), row.end(), not_1);
    return std::equal(first, row.end(), whole.end() - (row.end() - first));
}

}  // namespace taper
