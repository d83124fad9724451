// Elementwise loops and row sums on xsimd batches, the inner loops of most ops.
//
// A formula is a generic lambda over batches, `[](auto x) { return 1 / (1 + exp(-x)); }`. The last,
// partial batch is padded and goes through the same vector code, so an entry's result does not
// depend on where it stands. A lambda over plain numbers, `[](T x) { ... }`, is called entry by
// entry: for what xsimd does not have or does badly.
#pragma once

#include <algorithm>
#include <type_traits>
#include <vector>
#include <xsimd/xsimd.hpp>

#include "core/array/array.hpp"
#include "core/kernels/parallel.hpp"

namespace taper {

// Entries of a task of an elementwise loop: a multiple of every batch size.
inline constexpr std::size_t elementwise_chunk = 1 << 14;

template <class T> using Simd = xsimd::batch<T>;

// The batch that starts at x; where fewer than a batch's entries are left, the rest is ones.
template <class T> Simd<T> load_tail(const T* x, std::size_t left) {
    T padded[Simd<T>::size];
    T* const end = std::copy_n(x, left, padded);
    std::fill(end, padded + Simd<T>::size, T(1));
    return Simd<T>::load_unaligned(padded);
}

// y_i = f(x_i, ...) for n entries in a row.
template <class T, class F, class... X> void map_row(T* y, std::size_t n, F f, const X*... x) {
    if constexpr (std::is_invocable_v<F, const Simd<X>&...>) {
        constexpr std::size_t width = Simd<T>::size;
        std::size_t i = 0;
        for (; i + width <= n; i += width)
            f(Simd<X>::load_unaligned(x + i)...).store_unaligned(y + i);
        if (i < n) {
            T last[width];
            f(load_tail(x + i, n - i)...).store_unaligned(last);
            std::copy_n(last, n - i, y + i);
        }
    } else {
        for (std::size_t i = 0; i < n; ++i) y[i] = f(x[i]...);
    }
}

// sum_i f(x_i, ...) in T: one partial sum a lane, then the lanes in order, then the entries left.
template <class T, class F, class... X>
T sum_lanes(std::size_t n, F f, const T* first, const X*... rest) {
    constexpr std::size_t width = Simd<T>::size;
    T entries[width];
    T total = 0;
    std::size_t i = 0;
    if (n >= width) {
        Simd<T> sums(T(0));
        for (; i + width <= n; i += width)
            sums += f(Simd<T>::load_unaligned(first + i), Simd<X>::load_unaligned(rest + i)...);
        sums.store_unaligned(entries);
        for (std::size_t l = 0; l < width; ++l) total += entries[l];
    }
    if (i < n) {
        f(load_tail(first + i, n - i), load_tail(rest + i, n - i)...).store_unaligned(entries);
        for (std::size_t l = 0; l < n - i; ++l) total += entries[l];
    }
    return total;
}

// Entries of a run: so many are summed in T.
inline constexpr std::size_t sum_run_entries = 1 << 12;

// sum_i f(x_i, ...): runs of a long row are summed in T, their sums in double.
template <class T, class F, class... X>
T sum_row(std::size_t n, F f, const T* first, const X*... rest) {
    if (n <= sum_run_entries) return sum_lanes(n, f, first, rest...);
    double total = 0;
    for (std::size_t begin = 0; begin < n; begin += sum_run_entries) {
        const std::size_t run = std::min(sum_run_entries, n - begin);
        total += static_cast<double>(sum_lanes(run, f, first + begin, (rest + begin)...));
    }
    return static_cast<T>(total);
}

// sums_j += sum_i x_ij, the rows of x `stride` apart. The sum over i is made in T, so a call takes
// some hundred rows at most.
template <class T>
void add_rows(std::size_t rows, std::size_t columns, const T* x, std::size_t stride, double* sums) {
    const auto plus = [](auto s, auto v) { return s + v; };
    std::vector<T> partial(columns);
    for (std::size_t i = 0; i < rows; ++i)
        map_row(partial.data(), columns, plus, partial.data(), x + i * stride);
    for (std::size_t j = 0; j < columns; ++j) sums[j] += static_cast<double>(partial[j]);
}

// The largest of n >= 1 entries; with a NaN among them, any.
template <class T> T max_row(std::size_t n, const T* x) {
    constexpr std::size_t width = Simd<T>::size;
    T largest = x[0];
    std::size_t i = 0;
    if (n >= width) {
        auto lanes = Simd<T>::load_unaligned(x);
        for (i = width; i + width <= n; i += width)
            lanes = xsimd::max(lanes, Simd<T>::load_unaligned(x + i));
        T entries[width];
        lanes.store_unaligned(entries);
        largest = *std::max_element(entries, entries + width);
    }
    for (; i < n; ++i) largest = x[i] > largest ? x[i] : largest;
    return largest;
}

// f(x_i, ...) over Arrays of one shape; zip broadcasts.
template <class T, class F, class... Rest>
Array<T> map(F f, const Array<T>& x, const Rest&... rest) {
    if (((rest.shape() != x.shape()) || ...))
        shape_error("map", "all arrays must have one shape: zip broadcasts",
                    {{"x", x.shape()}, {"x", rest.shape()}...});
    auto y = empty<T>(x.shape());
    parallel_for(y.size(), elementwise_chunk, [&](std::size_t begin, std::size_t end) {
        map_row(y.data() + begin, end - begin, f, x.data() + begin, rest.data() + begin...);
    });
    return y;
}

// sum += x, of one shape.
template <class T> void add_to(Array<T>& sum, const Array<T>& x) {
    parallel_for(x.size(), elementwise_chunk, [&](std::size_t begin, std::size_t end) {
        const auto plus = [](auto s, auto v) { return s + v; };
        map_row(sum.data() + begin, end - begin, plus, sum.data() + begin, x.data() + begin);
    });
}

// Does an array of shape `row` stand in one of shape `whole` again and again, as one run of memory?
// It does where `row`, its leading ones dropped, is the tail of `whole`.
bool is_row_of(const Shape& row, const Shape& whole);

// f(a_i, b_i) with NumPy's broadcasting. A number, or a row under a matrix (a bias), is read in
// place. Other shapes are expanded first.
template <class T, class F>
Array<T> zip(F f, std::string_view op, const Array<T>& a, const Array<T>& b) {
    if (a.shape() == b.shape()) return map(f, a, b);
    const Shape shape = broadcast_shape(op, {"a", a.shape()}, {"b", b.shape()});
    const bool both_in_place = is_row_of(a.shape(), shape) && is_row_of(b.shape(), shape);
    const std::size_t n = std::min(a.size(), b.size());
    if (!both_in_place || n == 0) return map(f, expand(a, shape), expand(b, shape));
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
    const std::size_t blocks = (y.size() + block - 1) / block;
    const std::size_t chunk = 1 + elementwise_chunk / block;
    parallel_for(blocks, chunk, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin * block; i < std::min(end * block, y.size()); i += block) {
            const T* const a_block = a_is_row ? row : a.data() + i;
            const T* const b_block = a_is_row ? b.data() + i : row;
            map_row(y.data() + i, std::min(block, y.size() - i), f, a_block, b_block);
        }
    });
    return y;
}

}  // namespace taper
