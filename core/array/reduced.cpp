// Sums and maxima along axes.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/array/array.hpp"
#include "core/kernels/map.hpp"
#include "core/kernels/parallel.hpp"

namespace taper {

// A strip: neighbouring columns that are reduced together, and stay in cache.
constexpr std::size_t widest_strip = 256;

// Reduces a run of neighbouring axes, [first, last): x (outer, m, inner) -> y (outer, 1, inner).
// strip(x, m, inner, n, y) reduces n columns of m rows each, the rows `inner` entries apart.
template <class T, class F>
static Array<T> reduce_run(const Array<T>& x, std::size_t first, std::size_t last, F strip) {
    std::size_t outer = 1, m = 1, inner = 1;
    Shape reduced = x.shape();
    for (std::size_t i = 0; i < x.dimension(); ++i) {
        const std::size_t extent = x.shape(i);
        if (i < first) {
            outer *= extent;
        } else if (i < last) {
            m *= extent;
            reduced[i] = 1;
        } else {
            inner *= extent;
        }
    }
    auto y = empty<T>(reduced);
    const std::size_t width = std::min(inner, widest_strip);
    const std::size_t strips = inner == 0 ? 0 : ceil_quotient(inner, width);
    const auto reduce_strips = [&](std::size_t begin, std::size_t end) {
        for (std::size_t task = begin; task < end; ++task) {
            const std::size_t outer_index = task / strips;
            const std::size_t column = task % strips * width;
            const std::size_t columns = std::min(width, inner - column);
            // With m = 0 x has no entries, and no pointer beyond its begin.
            const std::size_t x_begin = m == 0 ? 0 : outer_index * m * inner + column;
            const std::size_t y_begin = outer_index * inner + column;
            strip(x.data() + x_begin, m, inner, columns, y.data() + y_begin);
        }
    };
    const std::size_t chunk = 1 + (1 << 16) / (m * width + 1);
    parallel_for(outer * strips, chunk, reduce_strips);
    return y;
}

// Reduces the runs of neighbouring axes that are to be reduced, one run after the other.
template <class T, class F>
static Array<T> reduce_axes(const Array<T>& x, const std::vector<bool>& reduced, F strip) {
    Array<T> y;
    const Array<T>* from = &x;
    for (std::size_t i = 0; i < reduced.size();) {
        std::size_t last = i;
        while (last < reduced.size() && reduced[last]) ++last;
        if (last > i) {
            y = reduce_run(*from, i, last, strip);
            from = &y;
        }
        i = last + 1;
    }
    return from == &x ? x : y;
}

// A single column stands in memory as a row. It is reduced in this many interleaved parts, which do
// not wait for one another. Then come the entries left over, and the parts in order.
constexpr std::size_t lanes = 16;

template <class T>
static void sum_strip(const T* x, std::size_t m, std::size_t inner, std::size_t n, T* y) {
    double total[widest_strip];
    std::fill_n(total, n, 0.0);
    if (inner == 1) {
        double lane[lanes] = {};
        std::size_t j = 0;
        for (; j + lanes <= m; j += lanes)
            for (std::size_t l = 0; l < lanes; ++l) lane[l] += static_cast<double>(x[j + l]);
        for (; j < m; ++j) total[0] += static_cast<double>(x[j]);
        for (double part : lane) total[0] += part;
    } else {
        for (std::size_t j = 0; j < m; ++j) {
            const T* const row = x + j * inner;
            for (std::size_t i = 0; i < n; ++i) total[i] += static_cast<double>(row[i]);
        }
    }
    for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<T>(total[i]);
}

template <class T> Array<T> sum_axes(const Array<T>& x, const std::vector<bool>& reduced) {
    return reduce_axes(x, reduced, sum_strip<T>);
}

// NaN wins.
template <class T> static T larger(T a, T b) { return b > a || std::isnan(b) ? b : a; }
template <class T> static Simd<T> larger(Simd<T> a, Simd<T> b) {
    return xsimd::select(b > a || xsimd::isnan(b), b, a);
}

template <class T>
static void max_strip(const T* x, std::size_t m, std::size_t inner, std::size_t n, T* y) {
    const auto larger_of = [](auto a, auto b) { return larger(a, b); };
    std::fill_n(y, n, -std::numeric_limits<T>::infinity());
    if (inner == 1) {
        T lane[lanes];
        std::fill_n(lane, lanes, *y);
        std::size_t j = 0;
        for (; j + lanes <= m; j += lanes) map_row(lane, lanes, larger_of, lane, x + j);
        for (; j < m; ++j) *y = larger(*y, x[j]);
        for (T part : lane) *y = larger(*y, part);
    } else {
        for (std::size_t j = 0; j < m; ++j) map_row(y, n, larger_of, y, x + j * inner);
    }
}

template <class T> Array<T> max_axes(const Array<T>& x, const std::vector<bool>& reduced) {
    return reduce_axes(x, reduced, max_strip<T>);
}

template <class T> Array<T> sum_to(Array<T>&& x, const Shape& shape) {
    return x.shape() == shape ? std::move(x) : sum_to(std::as_const(x), shape);
}

template <class T> Array<T> sum_to(const Array<T>& x, const Shape& shape) {
    if (x.shape() == shape) return x;
    const std::size_t extra = x.dimension() - shape.size();
    std::vector<bool> reduced(x.dimension());
    for (std::size_t i = 0; i < x.dimension(); ++i)
        reduced[i] = i < extra || (shape[i - extra] == 1 && x.shape(i) != 1);
    return reshaped(sum_axes(x, reduced), shape);
}

#define TAPER_INSTANTIATE(T)                                               \
    template Array<T> sum_to(const Array<T>&, const Shape&);               \
    template Array<T> sum_to(Array<T>&&, const Shape&);                    \
    template Array<T> sum_axes(const Array<T>&, const std::vector<bool>&); \
    template Array<T> max_axes(const Array<T>&, const std::vector<bool>&);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
