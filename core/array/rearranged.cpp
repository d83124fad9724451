// The entries of an Array in another order, or repeated: permuted, matrices_transposed, expand.
#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "core/array/array.hpp"
#include "core/kernels/parallel.hpp"

namespace taper {

// A tile has 16 by 16 entries: a few cache lines of either side at a time.
constexpr std::size_t tile = 16;

template <class T>
void copy_transposed(std::size_t rows, std::size_t columns, const T* from, std::size_t from_stride,
                     T* to, std::size_t to_stride) {
    for (std::size_t first_row = 0; first_row < rows; first_row += tile)
        for (std::size_t first_column = 0; first_column < columns; first_column += tile)
            for (std::size_t j = first_column; j < std::min(first_column + tile, columns); ++j)
                for (std::size_t i = first_row; i < std::min(first_row + tile, rows); ++i)
                    to[j * to_stride + i] = from[i * from_stride + j];
}

namespace {

// An axis of y, with the strides in entries along it: in x (0: x is repeated) and in y.
struct Axis {
    std::size_t extent, x_stride, y_stride;
};

}  // namespace

// The axes of y. Neighbours that go through x like one axis are joined into one.
static std::vector<Axis> joined(const Shape& shape, const std::vector<std::size_t>& x_strides) {
    std::vector<Axis> axes;
    std::size_t y_stride = 1;
    for (std::size_t i = shape.size(); i-- > 0;) {
        if (shape[i] == 1) continue;
        const bool continues_last =
            !axes.empty() && x_strides[i] == axes.back().extent * axes.back().x_stride;
        if (continues_last) axes.back().extent *= shape[i];
        else axes.push_back({shape[i], x_strides[i], y_stride});
        y_stride *= shape[i];
    }
    if (axes.empty()) axes.push_back({1, 1, 1});
    std::reverse(axes.begin(), axes.end());
    return axes;
}

// The Array y of that shape in which one step along axis i is x_strides[i] entries in x. The
// smallest stride above 0 of an axis longer than 1 is 1.
template <class T>
static Array<T> rearranged(const Array<T>& x, const Shape& shape,
                           const std::vector<std::size_t>& x_strides) {
    auto y = empty<T>(shape);
    if (y.size() == 0) return y;
    std::vector<Axis> axes = joined(shape, x_strides);
    const Axis row = axes.back();  // the axis whose entries are neighbours in y
    axes.pop_back();
    Axis column = {1, 1, 1};  // the axis whose entries are neighbours in x, if it is not `row`
    std::size_t strips = 1;   // of `tile` entries of a row: the unit that is transposed
    const bool transposes = row.x_stride > 1;
    if (transposes) {
        const auto is_column = [](const Axis& axis) { return axis.x_stride == 1; };
        const auto found = std::find_if(axes.begin(), axes.end(), is_column);
        column = *found;
        axes.erase(found);
        strips = ceil_quotient(row.extent, tile);
    }

    // A task is a strip of one row, with all of `column`.
    const auto copy_strips = [&](std::size_t begin, std::size_t end) {
        for (std::size_t task = begin; task < end; ++task) {
            // Where the row of this task begins in x and in y.
            const T* from = x.data();
            T* to = y.data();
            std::size_t rest = task / strips;
            for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
                const std::size_t index = rest % axis->extent;
                from += index * axis->x_stride;
                to += index * axis->y_stride;
                rest /= axis->extent;
            }
            if (row.x_stride == 0) {
                std::fill_n(to, row.extent, *from);
            } else if (row.x_stride == 1) {
                std::copy_n(from, row.extent, to);
            } else {
                const std::size_t first = task % strips * tile;
                const std::size_t rows = std::min(tile, row.extent - first);
                copy_transposed(rows, column.extent, from + first * row.x_stride, row.x_stride,
                                to + first, column.y_stride);
            }
        }
    };
    const std::size_t tasks = y.size() / (row.extent * column.extent) * strips;
    const std::size_t chunk = 1 + (1 << 14) / (y.size() / tasks);
    parallel_for(tasks, chunk, copy_strips);
    return y;
}

// The entries from one step to the next along each axis. xtensor's own strides are 0 where an
// extent is 1.
template <class T> static std::vector<std::size_t> strides_of(const Array<T>& x) {
    std::vector<std::size_t> strides(x.dimension());
    std::size_t stride = 1;
    for (std::size_t i = x.dimension(); i-- > 0;) {
        strides[i] = stride;
        stride *= x.shape(i);
    }
    return strides;
}

template <class T> Array<T> expand(const Array<T>& x, const Shape& shape) {
    if (x.shape() == shape) return x;
    const std::vector<std::size_t> strides = strides_of(x);
    const std::size_t new_axes = shape.size() - strides.size();
    std::vector<std::size_t> x_strides(shape.size(), 0);
    for (std::size_t i = 0; i < strides.size(); ++i)
        if (x.shape(i) > 1) x_strides[new_axes + i] = strides[i];
    return rearranged(x, shape, x_strides);
}

template <class T> Array<T> permuted(const Array<T>& x, const std::vector<std::size_t>& axes) {
    const std::vector<std::size_t> strides = strides_of(x);
    Shape shape(axes.size());
    std::vector<std::size_t> x_strides(axes.size());
    for (std::size_t i = 0; i < axes.size(); ++i) {
        shape[i] = x.shape(axes[i]);
        x_strides[i] = strides[axes[i]];
    }
    return rearranged(x, shape, x_strides);
}

template <class T> Array<T> matrices_transposed(const Array<T>& x) {
    std::vector<std::size_t> axes(x.dimension());
    std::iota(axes.begin(), axes.end(), 0);
    std::swap(axes[axes.size() - 2], axes[axes.size() - 1]);
    return permuted(x, axes);
}

#define TAPER_INSTANTIATE(T)                                                           \
    template Array<T> expand(const Array<T>&, const Shape&);                           \
    template void copy_transposed(std::size_t, std::size_t, const T*, std::size_t, T*, \
                                  std::size_t);                                        \
    template Array<T> permuted(const Array<T>&, const std::vector<std::size_t>&);      \
    template Array<T> matrices_transposed(const Array<T>&);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE
template Array<bool> expand(const Array<bool>&, const Shape&);

}  // namespace taper
