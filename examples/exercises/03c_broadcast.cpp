// Exercise 3c. Back through broadcasting
//
// After lesson 3. About 20 minutes.
//
// Before a sum or a product of arrays, NumPy and taper repeat what is too small: shapes are aligned
// at their last axis, and an axis of extent 1, or one that is missing, is repeated. Here `x` is
// repeated to the shape (n, m). It may have had the shape
//
// - (n, m): nothing is repeated,
// - (1, m) or (m): the one row stands in every row,
// - (n, 1): the one column stands in every column,
// - (1, 1), (1) or (): the one number stands everywhere.
//
// Given `dy`, the gradient of the repeated array, of the shape (n, m), return `dx`, in the shape
// that `x` had. Backwards, every entry of `dy` belongs to the one entry of `x` of which it was a
// copy.
//
// `shape.size()` is the number of axes, `shape.back()` the last extent. `dx.data()[i]` is the entry
// number i of an array of any shape, counted row by row.
//
// Run it: sh examples/exercises/run.sh 03c
#include "core/array/array.hpp"

using namespace taper;

// dx, of the shape given, of dy (n, m)
Array<double> broadcast_gradient(const Array<double>& dy, const Shape& shape) {
    Array<double> dx = zeros<double>(shape);
    // YOUR CODE
    return dx;
}
