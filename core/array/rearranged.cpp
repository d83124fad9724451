// The entries of an Array in another order, or repeated.
#include <algorithm>
#include <numeric>

#include "core/array/array.hpp"
#include "core/kernels/parallel.hpp"

namespace taper {

constexpr std::size_t tile = 16;  // by 16 entries: a few cache lines of either side at a time

template <class T>
void copy_transposed(std::size_t rows, std::size_t columns, const T* from, std::size_t from_stride,
                     T* to, std::size_t to_stride) {
    for (std::size_t i = 0; i < rows; i += tile)
        for (std::size_t at = 0; at < columns; at += tile)
            for (std::size_t j = at; j < std::min(at + tile, columns); ++j)
                for (std::size_t r = i; r < std::min(i + tile, rows); ++r)
                    to[j * to_stride + r] = from[r * from_stride + j];
}

// An axis of y, and how far one step along it goes in x (0: x is repeated) and in y.
struct Steps {
    std::size_t extent, in_x, in_y;
};

// All axes of y, those that go through x like one joined.
static std::vector<Steps> joined(const Shape& shape, const std::vector<std::size_t>& in_x) {
    std::vector<Steps> axes;
    std::size_t in_y = 1;
    for (std::size_t i = shape.size(); i-- > 0; in_y *= shape[i]) {
        if (shape[i] == 1) continue;
        if (!axes.empty() && in_x[i] == axes.back().extent * axes.back().in_x)
            axes.back().extent *= shape[i];
        else axes.push_back({shape[i], in_x[i], in_y});
    }
    if (axes.empty()) axes.push_back({1, 1, 1});
    std::reverse(axes.begin(), axes.end());
    return axes;
}

// y of that shape: a step along its axis i goes in_x[i] entries on in x. The smallest step but 0 is
// 1.
template <class T>
static Array<T> rearranged(const Array<T>& x, const Shape& shape,
                           const std::vector<std::size_t>& in_x) {
    auto y = empty<T>(shape);
    if (y.size() == 0) return y;
    std::vector<Steps> axes = joined(shape, in_x);
    const Steps row = axes.back();  // what stands together in y
    axes.pop_back();
    Steps column = {1, 1, 1};  // what stands together in x, where that is another axis
    std::size_t strips = 1;    // of rows that are transposed at a time
    if (row.in_x > 1) {
        const auto found = std::find_if(axes.begin(), axes.end(),
                                        [](const Steps& axis) { return axis.in_x == 1; });
        column = *found;
        axes.erase(found);
        strips = (row.extent + tile - 1) / tile;
    }
    const std::size_t tasks = y.size() / (row.extent * column.extent) * strips;
    parallel_for(tasks, 1 + (1 << 14) / (y.size() / tasks),
                 [&](std::size_t begin, std::size_t end) {
                     for (std::size_t task = begin; task < end; ++task) {
                         const T* from = x.data();
                         T* to = y.data();
                         std::size_t rest = task / strips;
                         for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
                             from += rest % axis->extent * axis->in_x;
                             to += rest % axis->extent * axis->in_y;
                             rest /= axis->extent;
                         }
                         const std::size_t at = task % strips * tile;
                         if (row.in_x == 0) std::fill_n(to, row.extent, *from);
                         else if (row.in_x == 1) std::copy_n(from, row.extent, to);
                         else
                             copy_transposed(std::min(tile, row.extent - at), column.extent,
                                             from + at * row.in_x, row.in_x, to + at, column.in_y);
                     }
                 });
    return y;
}

// The step from one entry of x to the next, along each axis.
template <class T> static std::vector<std::size_t> steps_of(const Array<T>& x) {
    std::vector<std::size_t> steps(x.dimension());
    std::size_t step = 1;
    for (std::size_t i = x.dimension(); i-- > 0; step *= x.shape(i)) steps[i] = step;
    return steps;
}

template <class T> Array<T> expand(const Array<T>& x, const Shape& shape) {
    if (x.shape() == shape) return x;
    const std::vector<std::size_t> steps = steps_of(x);
    const std::size_t new_axes = shape.size() - steps.size();
    std::vector<std::size_t> in_x(shape.size(), 0);
    for (std::size_t i = 0; i < steps.size(); ++i)
        if (x.shape(i) > 1) in_x[new_axes + i] = steps[i];
    return rearranged(x, shape, in_x);
}

template <class T> Array<T> permuted(const Array<T>& x, const std::vector<std::size_t>& axes) {
    const std::vector<std::size_t> steps = steps_of(x);
    Shape shape(axes.size());
    std::vector<std::size_t> in_x(axes.size());
    for (std::size_t i = 0; i < axes.size(); ++i) {
        shape[i] = x.shape(axes[i]);
        in_x[i] = steps[axes[i]];
    }
    return rearranged(x, shape, in_x);
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
