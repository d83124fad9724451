// The model answer to exercise 3a, the backward pass of a matrix product
//
// $L$ depends on $W_(j k)$ through every $y_(i k)$ of the column k: once for each row i of `x`.
// There the local derivative is
//
//     (del y_(i k)) / (del W_(j k)) = x_(i j)
//
// and all other entries of `y` do not contain $W_(j k)$. The chain rule sums over these paths:
//
//     dW_(j k) = sum_i (del y_(i k)) / (del W_(j k)) dy_(i k) = sum_i x_(i j) dy_(i k)
//
// which is the matrix product $dW = x^T dy$. In the same way $x_(i j)$ reaches every $y_(i k)$ of
// its row i, with the factor $W_(j k)$:
//
//     dx_(i j) = sum_k dy_(i k) W_(j k)
//
// which is $dx = dy W^T$. Both can be found by their shapes alone: (in, n) times (n, out) is the
// only product of `x` and `dy` that has the shape of `W`.
#include "core/array/array.hpp"

using namespace taper;

Array<double> matmul_dx(const Array<double>& W, const Array<double>& dy) {
    const std::size_t n = dy.shape(0);
    const std::size_t in = W.shape(0);
    const std::size_t out = W.shape(1);
    Array<double> dx = zeros<double>({n, in});
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < in; ++j)
            for (std::size_t k = 0; k < out; ++k) dx(i, j) += dy(i, k) * W(j, k);
    return dx;
}

Array<double> matmul_dW(const Array<double>& x, const Array<double>& dy) {
    const std::size_t n = x.shape(0);
    const std::size_t in = x.shape(1);
    const std::size_t out = dy.shape(1);
    Array<double> dW = zeros<double>({in, out});
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < in; ++j)
            for (std::size_t k = 0; k < out; ++k) dW(j, k) += x(i, j) * dy(i, k);
    return dW;
}
