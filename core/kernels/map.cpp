#include "core/kernels/map.hpp"

namespace taper {

bool is_row_of(const Shape& row, const Shape& whole) {
    std::size_t first = 0;
    while (first < row.size() && row[first] == 1) ++first;
    const std::size_t rank = row.size() - first;
    return std::equal(row.begin() + static_cast<std::ptrdiff_t>(first), row.end(),
                      whole.end() - static_cast<std::ptrdiff_t>(rank));
}

}  // namespace taper
