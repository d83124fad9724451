#include "core/gemm.hpp"

#include <algorithm>
#include <cmath>
#include <xtensor-blas/xblas.hpp>  // not cxxblas.cxx alone: before xblas_config.hpp it is the slow generic code

#include "core/map.hpp"
#include "core/parallel.hpp"

#ifndef HAVE_CBLAS
#error "xtensor-blas must call a BLAS library: its generic products are 50 times slower"
#endif

extern "C" void openblas_set_num_threads(int);

namespace taper {

template <class T> void gemm(const Matrix<T>& a, const Matrix<T>& b, T* c, std::size_t c_stride, bool accumulate) {
    // OpenBLAS stays on one thread: parallel_for is outside. The index type, alpha and beta are spelled out since any
    // other type selects a scalar triple loop.
    static const bool one_thread = (openblas_set_num_threads(1), true);
    static_cast<void>(one_thread);
    const auto index = [](std::size_t n) { return static_cast<xt::blas_index_t>(n); };
    const auto trans = [](const Matrix<T>& m) { return m.transposed ? cxxblas::Trans : cxxblas::NoTrans; };
    const auto leading = [&](std::size_t stride) { return index(std::max<std::size_t>(stride, 1)); };
    cxxblas::gemm<xt::blas_index_t>(cxxblas::RowMajor, trans(a), trans(b), index(a.rows), index(b.columns),
                                    index(a.columns), T(1), a.data, leading(a.stride), b.data, leading(b.stride),
                                    accumulate ? T(1) : T(0), c, leading(c_stride));
}

template <class T> void add_seen(const Matrix<T>& a, const Matrix<T>& b, T* c, std::size_t c_stride) {
    const auto zero = [](auto x) { return x * 0; };  // NaN where x is not finite
    T hidden = 0;
    for (std::size_t i = 0; i < b.rows; ++i) hidden += sum_row(b.columns, zero, b.data + i * b.stride);
    if (hidden == 0) return gemm(a, b, c, c_stride, true);
    std::vector<T> finite(b.rows * b.columns);  // b with zeros for the rest, which is added by itself
    for (std::size_t i = 0; i < b.rows; ++i)
        for (std::size_t j = 0; j < b.columns; ++j) {
            const T x = b.data[i * b.stride + j];
            finite[i * b.columns + j] = std::isfinite(x) ? x : 0;
            for (std::size_t t = 0; t < a.rows && !std::isfinite(x); ++t)
                if (const T weight = a.data[t * a.stride + i]; weight != 0) c[t * c_stride + j] += weight * x;
        }
    gemm(a, {finite.data(), b.rows, b.columns, b.columns}, c, c_stride, true);
}

// The shape of the matrices before the last two axes.
static Shape batch_of(const Shape& shape) { return Shape(shape.begin(), shape.end() - 2); }

// For each matrix of the broadcast batch, the number of the matrix of x that it reads.
static std::vector<std::size_t> batch_numbers(const Shape& x, const Shape& batch) {
    std::vector<std::size_t> numbers(count(batch), 0);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        std::size_t rest = i, stride = 1;
        for (std::size_t axis = 1; axis <= x.size(); ++axis) {
            const std::size_t extent = x[x.size() - axis], whole = batch[batch.size() - axis];
            if (extent != 1) numbers[i] += rest % whole * stride;
            rest /= whole;
            stride *= extent;
        }
    }
    return numbers;
}

template <class T> Array<T> product(const Array<T>& a, bool transpose_a, const Array<T>& b, bool transpose_b) {
    const auto matrix = [](const Array<T>& x, bool transposed) {
        const std::size_t rows = x.shape(x.dimension() - 2), columns = x.shape(x.dimension() - 1);
        return transposed ? Matrix<T>{x.data(), columns, rows, columns, true}
                          : Matrix<T>{x.data(), rows, columns, columns};
    };
    Matrix<T> left = matrix(a, transpose_a), right = matrix(b, transpose_b);
    Shape batch = broadcast_shape("matmul", {"a", batch_of(a.shape())}, {"b", batch_of(b.shape())});
    Shape shape = batch;
    shape.push_back(left.rows);
    shape.push_back(right.columns);
    auto c = empty<T>(shape);
    if (b.dimension() == 2 && !transpose_a) {  // one matrix for the whole batch: the rows of a are rows of one product
        left.rows = a.size() / std::max<std::size_t>(left.columns, 1);
        if (left.columns == 0) left.rows = c.size() / std::max<std::size_t>(right.columns, 1);
        batch.resize(0);
    }
    if (c.size() == 0) return c;
    if (left.columns == 0) {
        c.fill(T(0));
        return c;
    }
    // Tasks of about 8 MFLOP, at least 64 rows, so that BLAS is efficient inside one.
    const std::size_t per_row = 2 * left.columns * right.columns;
    const std::size_t rows = std::min(left.rows, std::max<std::size_t>(64, (8'000'000 / per_row + 15) / 16 * 16));
    const std::size_t strips = (left.rows + rows - 1) / rows;
    const std::size_t size_a = left.rows * left.columns, size_b = right.rows * right.columns;
    const auto number_a = batch_numbers(batch.empty() ? Shape{} : batch_of(a.shape()), batch);
    const auto number_b = batch_numbers(batch.empty() ? Shape{} : batch_of(b.shape()), batch);
    const std::size_t tasks_a_chunk = std::max<std::size_t>(1, 1'000'000 / (per_row * rows));
    parallel_for(number_a.size() * strips, tasks_a_chunk, [&](std::size_t begin, std::size_t end) {
        for (std::size_t task = begin; task < end; ++task) {
            const std::size_t i = task / strips, first = task % strips * rows;
            Matrix<T> strip = left;
            strip.data += number_a[i] * size_a + first * (transpose_a ? 1 : left.stride);
            strip.rows = std::min(rows, left.rows - first);
            Matrix<T> whole = right;
            whole.data += number_b[i] * size_b;
            gemm(strip, whole, c.data() + (i * left.rows + first) * right.columns, right.columns);
        }
    });
    return c;
}

#define TAPER_INSTANTIATE(T)                                                       \
    template void gemm(const Matrix<T>&, const Matrix<T>&, T*, std::size_t, bool); \
    template void add_seen(const Matrix<T>&, const Matrix<T>&, T*, std::size_t);   \
    template Array<T> product(const Array<T>&, bool, const Array<T>&, bool);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
