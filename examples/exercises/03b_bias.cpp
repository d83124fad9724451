// Exercise 3b. A bias, added to every row
//
// After lesson 3. About 10 minutes.
//
// A layer adds the same bias `b`, of the shape (d), to every row of a batch `x`, of the shape
// (B, n, d): B texts of n positions each, with d numbers a position.
//
//     y_(m i j) = x_(m i j) + b_j
//
// Write the forward pass, and `db`, the gradient of the loss by each entry of `b`. The gradient
// `dy` of the result is given; it has the shape (B, n, d). How often is one entry of `b` used?
//
// Run it: sh examples/exercises/run.sh 03b
#include "core/array/array.hpp"

using namespace taper;

// y (B, n, d) of x (B, n, d) and b (d)
Array<double> add_bias(const Array<double>& x, const Array<double>& b) {
    Array<double> y = zeros<double>(x.shape());
    // YOUR CODE
    return y;
}

// db (d) of dy (B, n, d)
Array<double> bias_gradient(const Array<double>& dy) {
    Array<double> db = zeros<double>({dy.shape(2)});
    // YOUR CODE
    return db;
}
