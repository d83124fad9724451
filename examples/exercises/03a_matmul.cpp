// Exercise 3a. The backward pass of a matrix product
//
// After lesson 3. About 15 minutes.
//
// A layer multiplies its inputs, one a row, by a matrix of weights:
//
//     y = x W
//     y_(i k) = sum_j x_(i j) W_(j k)
//
// `x` has the shape (n, in), `W` (in, out) and `y` (n, out). A loss $L$ is computed of `y`, and
// backpropagation has come as far as `dy`, the gradient of $L$ by each entry of `y`; it has the
// shape of `y`. Write the two gradients that go further back: `dx`, in the shape of `x`, and `dW`,
// in the shape of `W`. Loops are fine: `W(j, k)` is the entry in row j and column k, counted from
// 0.
//
// Which entries of `y` does one entry of `W` reach, and with which factor? The chain rule sums over
// all of them.
//
// Run it: sh examples/exercises/run.sh 03a
#include "core/array/array.hpp"

using namespace taper;

// dx (n, in) of W (in, out) and dy (n, out)
Array<double> matmul_dx(const Array<double>& W, const Array<double>& dy) {
    const std::size_t n = dy.shape(0);
    const std::size_t in = W.shape(0);
    Array<double> dx = zeros<double>({n, in});
    // YOUR CODE
    return dx;
}

// dW (in, out) of x (n, in) and dy (n, out)
Array<double> matmul_dW(const Array<double>& x, const Array<double>& dy) {
    const std::size_t in = x.shape(1);
    const std::size_t out = dy.shape(1);
    Array<double> dW = zeros<double>({in, out});
    // YOUR CODE
    return dW;
}
