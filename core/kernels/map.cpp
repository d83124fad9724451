#include "core/kernels/map.hpp"

#include "core/kernels/arithmetic.hpp"

namespace taper {

template <class T> Array<T> map_loop(RowLoop<T> loop, const Array<T>& a, const Array<T>& b) {
    if (a.shape() != b.shape())
        shape_error("map", "all arrays must have one shape: zip broadcasts",
                    {{"x", a.shape()}, {"x", b.shape()}});
    auto y = empty<T>(a.shape());
    parallel_for(y.size(), elementwise_chunk, [&](std::size_t begin, std::size_t end) {
        loop(y.data() + begin, end - begin, a.data() + begin, b.data() + begin);
    });
    return y;
}

template <class T> void add_to(Array<T>& sum, const Array<T>& x) {
    parallel_for(x.size(), elementwise_chunk, [&](std::size_t begin, std::size_t end) {
        map_row(sum.data() + begin, end - begin, plus, sum.data() + begin, x.data() + begin);
    });
}

bool is_row_of(const Shape& row, const Shape& whole) {
    const auto not_1 = [](std::size_t extent) { return extent != 1; };
    const auto first = std::find_if(row.begin(), row.end(), not_1);
    return std::equal(first, row.end(), whole.end() - (row.end() - first));
}

template <class T>
Array<T> zip_loop(RowLoop<T> loop, std::string_view op, const Array<T>& a, const Array<T>& b) {
    if (a.shape() == b.shape()) return map_loop(loop, a, b);
    const Shape shape = broadcast_shape(op, {"a", a.shape()}, {"b", b.shape()});
    const bool both_in_place = is_row_of(a.shape(), shape) && is_row_of(b.shape(), shape);
    const std::size_t n = std::min(a.size(), b.size());
    if (!both_in_place || n == 0) return map_loop(loop, expand(a, shape), expand(b, shape));
    auto y = empty<T>(shape);
    const bool a_is_row = a.size() < b.size();
    const T* row = a_is_row ? a.data() : b.data();
    // A row of few entries, as a number is, is written down often enough for a long loop.
    constexpr std::size_t long_loop = 256;
    const std::size_t copies = std::max<std::size_t>(std::min(long_loop, y.size()) / n, 1);
    const std::size_t block = n * copies;
    std::vector<T> repeated;
    if (copies > 1) {
        for (std::size_t i = 0; i < copies; ++i) repeated.insert(repeated.end(), row, row + n);
        row = repeated.data();
    }
    const std::size_t blocks = ceil_quotient(y.size(), block);
    const std::size_t chunk = 1 + elementwise_chunk / block;
    parallel_for(blocks, chunk, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin * block; i < std::min(end * block, y.size()); i += block) {
            const T* const a_block = a_is_row ? row : a.data() + i;
            const T* const b_block = a_is_row ? b.data() + i : row;
            loop(y.data() + i, std::min(block, y.size() - i), a_block, b_block);
        }
    });
    return y;
}

#define TAPER_INSTANTIATE(T)                                                  \
    template Array<T> map_loop(RowLoop<T>, const Array<T>&, const Array<T>&); \
    template void add_to(Array<T>&, const Array<T>&);                         \
    template Array<T> zip_loop(RowLoop<T>, std::string_view, const Array<T>&, const Array<T>&);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
