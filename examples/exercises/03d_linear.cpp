// Exercise 3d. A linear layer, backwards
//
// After lesson 3. About 20 minutes.
//
// A linear layer (PyTorch's `nn.Linear`, taper's `linear`) keeps its weights as (out, in), one row
// for each output, and its input has a batch axis:
//
//     y_(m i k) = sum_j x_(m i j) W_(k j) + b_k
//
// `x` has the shape (B, n, in), `W` (out, in), `b` (out), `y` and its gradient `dy` (B, n, out).
// The forward pass is given. Write the three gradients: `dx`, `dW` and `db`, each in the shape of
// what it is the gradient of.
//
// Run it: sh examples/exercises/run.sh 03d
#include "core/array/array.hpp"

using namespace taper;

// y (B, n, out) of x (B, n, in), W (out, in) and b (out)
Array<double> linear_layer(const Array<double>& x, const Array<double>& W, const Array<double>& b) {
    Array<double> y = zeros<double>({x.shape(0), x.shape(1), W.shape(0)});
    for (std::size_t m = 0; m < x.shape(0); ++m)
        for (std::size_t i = 0; i < x.shape(1); ++i)
            for (std::size_t k = 0; k < W.shape(0); ++k) {
                y(m, i, k) = b(k);
                for (std::size_t j = 0; j < W.shape(1); ++j) y(m, i, k) += x(m, i, j) * W(k, j);
            }
    return y;
}

// dx (B, n, in) of W (out, in) and dy (B, n, out)
Array<double> linear_dx(const Array<double>& W, const Array<double>& dy) {
    Array<double> dx = zeros<double>({dy.shape(0), dy.shape(1), W.shape(1)});
    // YOUR CODE
    return dx;
}

// dW (out, in) of x (B, n, in) and dy (B, n, out)
Array<double> linear_dW(const Array<double>& x, const Array<double>& dy) {
    Array<double> dW = zeros<double>({dy.shape(2), x.shape(2)});
    // YOUR CODE
    return dW;
}

// db (out) of dy (B, n, out)
Array<double> linear_db(const Array<double>& dy) {
    Array<double> db = zeros<double>({dy.shape(2)});
    // YOUR CODE
    return db;
}
