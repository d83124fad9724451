// Matrix products: the one wrapper over xtensor-blas. Nothing else calls BLAS.
//
// Each product sets OpenBLAS to one thread, and so it stays: the number is the process's, and to
// put it back while other threads are in products would take a lock around every one. A program
// that uses OpenBLAS itself calls openblas_set_num_threads before its own products; taper's bits do
// not depend on it.
#pragma once

#include "core/array/array.hpp"

namespace taper {

// One matrix in memory, or its transpose: (rows, columns) as the product reads it; `stride` entries
// from one stored row to the next.
template <class T> struct Matrix {
    const T* data;
    std::size_t rows, columns, stride;
    bool transposed = false;
};

// The last two axes of x; of several matrices, the first.
template <class T> Matrix<T> matrix(const Array<T>& x) {
    const std::size_t rows = x.shape(x.dimension() - 2), columns = x.shape(x.dimension() - 1);
    return {x.data(), rows, columns, columns};
}

template <class T> Matrix<T> transposed(const Matrix<T>& x) {
    return {x.data, x.columns, x.rows, x.stride, !x.transposed};
}

// Are products cut into the small blocks that suit OpenBLAS's AVX-512 kernels? At first where the
// processor has these. Set by tests, between products: so both ways are tried on every machine. The
// roundings differ, and nothing else.
bool in_blocks();
void set_in_blocks(bool cut);

// c (a.rows, b.columns), rows c_stride apart, = a b, or += a b. On the calling thread alone.
template <class T>
void gemm(const Matrix<T>& a, const Matrix<T>& b, T* c, std::size_t c_stride,
          bool accumulate = false);

// A b that serves many rows of a, `a_rows` in all: where it pays, copied once into panels of 64
// columns, (rows, 64) one behind the other. BLAS reads them in order, and with b transposed as fast
// as otherwise.
template <class T> struct Panels {
    static constexpr std::size_t width = 64;
    Matrix<T> b;
    // (columns / 64, rounded up; rows; 64), or (): b itself is read
    Array<T> data;
    Panels(const Matrix<T>& b, std::size_t a_rows);  // on all threads
};
// c = a b, plus `row` (b.columns entries) in each row where there is one. On the calling thread
// alone.
template <class T>
void gemm(const Matrix<T>& a, const Panels<T>& b, T* c, std::size_t c_stride,
          const T* row = nullptr);

// c += a b, where a 0 in a hides what it meets: 0 NaN and 0 inf are 0 here. Neither is transposed.
template <class T>
void add_seen(const Matrix<T>& a, const Matrix<T>& b, T* c, std::size_t c_stride);

// The last two axes are matrices, the axes before them broadcast; a or b can be read transposed. On
// all threads. The shapes must agree: op matmul checks them.
template <class T>
Array<T> product(const Array<T>& a, bool transpose_a, const Array<T>& b, bool transpose_b);

// a (..., k), b (k, n) -> (..., n): all rows of a by one matrix, plus `row` (n) where there is one.
// On all threads.
template <class T>
Array<T> rows_times(const Array<T>& a, const Matrix<T>& b, const Array<T>* row = nullptr);

// a (..., m), b (..., n) -> (m, n): a^T b, all axes but the last being rows; the sum of the rows of
// a (m), too, if asked for. On all threads.
template <class T>
Array<T> row_product(const Array<T>& a, const Array<T>& b, Array<T>* a_sum = nullptr);

}  // namespace taper
