// Exercise 17a. Residual blocks: pre-norm and post-norm
//
// After lesson 17. About 20 minutes.
//
// A block is wired of two maps that are given: `f`, say a feed-forward network, and `norm`, say
// LayerNorm. Each takes an array and returns one of the same shape.
//
//     "pre-norm:"  y = x + f("norm"(x))
//     "post-norm:"  y = "norm"(x + f(x))
//
// Write both, and both backward passes. There `back_f` takes the cotangent of what f returned and
// returns the cotangent of what f was given, $J^T$ times it; `back_norm` does it for the norm.
// (They know at which point f and the norm were taken.) Return `dx` of `dy`.
//
// Arrays of one shape are added with `+`. Along how many paths does x reach y, and what does each
// do to the cotangent? Where the forward pass calls norm and then f, which comes first on the way
// back?
//
// Run it: sh examples/exercises/run.sh 17a
#include <functional>

#include "core/array/array.hpp"

using namespace taper;

using Map = std::function<Array<double>(const Array<double>&)>;

// y of x
Array<double> pre_norm(const Array<double>& x, const Map& f, const Map& norm) {
    Array<double> y = zeros<double>(x.shape());
    // YOUR CODE
    return y;
}

// y of x
Array<double> post_norm(const Array<double>& x, const Map& f, const Map& norm) {
    Array<double> y = zeros<double>(x.shape());
    // YOUR CODE
    return y;
}

// dx of dy
Array<double> pre_norm_dx(const Array<double>& dy, const Map& back_f, const Map& back_norm) {
    Array<double> dx = zeros<double>(dy.shape());
    // YOUR CODE
    return dx;
}

// dx of dy
Array<double> post_norm_dx(const Array<double>& dy, const Map& back_f, const Map& back_norm) {
    Array<double> dx = zeros<double>(dy.shape());
    // YOUR CODE
    return dx;
}
