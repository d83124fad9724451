// Matrix products: the one wrapper over xtensor-blas. Nothing else calls BLAS.
//
// One call for each shape of the work. The first three run on the calling thread, in a chunk of
// parallel_for. The others use all threads.
//
//   call                         shapes                           used by
//   gemm(a, b, c)                (m, k) (k, n) -> (m, n)          attention, causal_attention,
//                                                                 feed_forward (dW), all below
//       the elementary product, of matrices anywhere in memory
//   gemm(a, panels, c, row)      (m, k) (k, n) (n) -> (m, n)      feed_forward, rows_times
//       b serves many strips of rows: it is copied once into the order in which BLAS reads it
//   gemm_masked(a, b, c)         (m, k) (k, n) -> (m, n)          attention, causal_attention
//       adds to c; a zero in a hides a row of b, which may hold NaN there
//   product(a, b)                (..., m, k) (..., k, n)          matmul
//                                -> (..., m, n)
//       many matrices, whose batch axes broadcast: a task is a strip of rows of one of them
//   rows_times(a, b, row)        (..., k) (k, n) (n) -> (..., n)  linear (y, dx), matmul by one b
//       one b for all rows of the batch: they are one tall matrix
//   sum_of_outer_products(a, b)  (..., m) (..., n) -> (m, n)      linear (dW), matmul (db of one b)
//       the sum goes over the long axis, all rows of the batch: its parts are tasks
//
// Each product sets OpenBLAS to one thread, and so it stays: the number is the process's, and to
// put it back while other threads are in products would take a lock around every one. A program
// that uses OpenBLAS itself calls openblas_set_num_threads before its own products. The bits of
// taper's results do not depend on it.
#pragma once

#include "core/array/array.hpp"

namespace taper {

// One matrix in memory, or its transpose: (rows, columns) as the product reads it; `stride` entries
// from one stored row to the next.
template <class T> struct MatrixView {
    const T* data;
    std::size_t rows, columns, stride;
    bool transposed = false;
};

// The last two axes of x. Of several matrices it is the first.
template <class T> MatrixView<T> matrix(const Array<T>& x) {
    const std::size_t rows = x.shape(x.dimension() - 2);
    const std::size_t columns = x.shape(x.dimension() - 1);
    return {x.data(), rows, columns, columns};
}

template <class T> MatrixView<T> transposed(const MatrixView<T>& x) {
    return {x.data, x.columns, x.rows, x.stride, !x.transposed};
}

// Are products cut into the small blocks that suit OpenBLAS's AVX-512 kernels? At first they are
// where the processor has these. Tests set it between products, and so try both ways on every
// machine. The roundings differ, and nothing else.
bool in_blocks();
void set_in_blocks(bool cut);

// c = a b, or c += a b to accumulate. c is (a.rows, b.columns), its rows c_stride entries apart. On
// the calling thread.
template <class T>
void gemm(const MatrixView<T>& a, const MatrixView<T>& b, T* c, std::size_t c_stride,
          bool accumulate = false);

// A matrix b that serves many rows of a. Where it pays, it is copied once into panels of 64
// columns, (rows, 64) one behind the other. BLAS reads them in order, and b transposed is as fast
// as b itself.
template <class T> struct Panels {
    static constexpr std::size_t width = 64;
    MatrixView<T> b;
    // (columns / 64, rounded up; rows; 64), or () where b itself is read
    Array<T> data;
    // For a_rows rows of a in all. On all threads.
    Panels(const MatrixView<T>& b, std::size_t a_rows);
};
// c = a b, plus `row` (b.columns entries) in each row where there is one. c as above. On the
// calling thread.
template <class T>
void gemm(const MatrixView<T>& a, const Panels<T>& b, T* c, std::size_t c_stride,
          const T* row = nullptr);

// c += a b, where 0 NaN and 0 inf are 0 if the 0 is in a. Neither matrix is transposed. c as above.
// On the calling thread.
template <class T>
void gemm_masked(const MatrixView<T>& a, const MatrixView<T>& b, T* c, std::size_t c_stride);

// The last two axes of a and b are matrices, the axes before them broadcast, and either can be read
// transposed. The shapes must agree: op matmul checks them. On all threads.
template <class T>
Array<T> product(const Array<T>& a, bool transpose_a, const Array<T>& b, bool transpose_b);

// a (..., k), b (k, n) -> (..., n): all rows of a by one matrix, plus `row` (n) where there is one.
// On all threads.
template <class T>
Array<T> rows_times(const Array<T>& a, const MatrixView<T>& b, const Array<T>* row = nullptr);

// a (..., m), b (..., n) -> (m, n): the sum over all rows of (row of a)^T (row of b), which is
// a^T b. The sum of the rows of a (m), too, where a_sum is not null. On all threads.
template <class T>
Array<T> sum_of_outer_products(const Array<T>& a, const Array<T>& b, Array<T>* a_sum = nullptr);

}  // namespace taper
