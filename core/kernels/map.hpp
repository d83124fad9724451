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

// The row loop of a formula of one or two inputs, without the formula's type: what walks over whole
// arrays takes it, and is compiled once for all formulas (map.cpp). It refers to f.
template <class T> struct RowLoop {
    // y_i = f(a_i, b_i) for n entries; b is not read where f takes one number.
    void operator()(T* y, std::size_t n, const T* a, const T* b) const { call(f, y, n, a, b); }

    const void* f;
    void (*call)(const void* f, T* y, std::size_t n, const T* a, const T* b);
};
template <class T, class F> RowLoop<T> loop_of_one(const F& f) {
    return {&f, [](const void* formula, T* y, std::size_t n, const T* a, const T*) {
                map_row(y, n, *static_cast<const F*>(formula), a);
            }};
}
template <class T, class F> RowLoop<T> loop_of_two(const F& f) {
    return {&f, [](const void* formula, T* y, std::size_t n, const T* a, const T* b) {
                map_row(y, n, *static_cast<const F*>(formula), a, b);
            }};
}

// f(x_i), and f(a_i, b_i) for two Arrays of one shape, else Error: zip broadcasts.
template <class T> Array<T> map_loop(RowLoop<T> loop, const Array<T>& a, const Array<T>& b);
template <class T, class F> Array<T> map(F f, const Array<T>& x) {
    return map_loop(loop_of_one<T>(f), x, x);
}
template <class T, class F> Array<T> map(F f, const Array<T>& a, const Array<T>& b) {
    return map_loop(loop_of_two<T>(f), a, b);
}

// sum += x, of one shape.
template <class T> void add_to(Array<T>& sum, const Array<T>& x);

// Does an array of shape `row` stand in one of shape `whole` again and again, as one run of memory?
// It does where `row`, its leading ones dropped, is the tail of `whole`.
bool is_row_of(const Shape& row, const Shape& whole);

// f(a_i, b_i) with NumPy's broadcasting. A number, or a row under a matrix (a bias), is read in
// place. Other shapes are expanded first.
template <class T>
Array<T> zip_loop(RowLoop<T> loop, std::string_view op, const Array<T>& a, const Array<T>& b);
template <class T, class F>
Array<T> zip(F f, std::string_view op, const Array<T>& a, const Array<T>& b) {
    return zip_loop(loop_of_two<T>(f), op, a, b);
}

}  // namespace taper
