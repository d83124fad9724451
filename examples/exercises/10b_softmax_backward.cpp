// Exercise 10b. Softmax, backwards
//
// After lesson 10. About 15 minutes.
//
// Every probability of a row depends on every score of the row:
//
//     (del y_j) / (del x_i) = y_j ([i = j] - y_i)
//
// where $[i = j]$ is 1 where i and j are the same, else 0. So each $dx_i$ is a sum over the row.
// `y`, the result of softmax, and `dy` are given, both of the shape (n, d): return `dx`. It takes
// one sum for each row, which all entries of the row share; the Jacobian of d x d numbers is not
// needed.
//
// Run it: sh examples/exercises/run.sh 10b
#include "core/array/array.hpp"

using namespace taper;

// dx (n, d) of y (n, d) and dy (n, d)
Array<double> softmax_dx(const Array<double>& y, const Array<double>& dy) {
    Array<double> dx = zeros<double>(y.shape());
    // YOUR CODE
    return dx;
}
