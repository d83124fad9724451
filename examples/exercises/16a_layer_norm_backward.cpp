// Exercise 16a. LayerNorm, backwards
//
// After lesson 16. About 30 minutes.
//
// LayerNorm of each row of `x`, which has the shape (n, d):
//
//     m = 1/d sum_i x_i
//     v = 1/d sum_i (x_i - m)^2
//     z_i = (x_i - m) / sqrt(v + epsi)
//     y_i = "gain"_i z_i + "bias"_i
//
// Given `x`, `gain` (d), $epsi$ and `dy` (n, d), return `dx` (n, d), and `dgain` and `dbias`, both
// (d), which all rows share. Lesson 16 derives them. Close it, and go back through the four lines
// with a pencil. An entry of `x` reaches its own z along three paths, one straight, one through m
// and one through v, and all others of the row through m and v. Only then write the loops.
//
// A test that costs nothing: of each row of `dx` the entries sum to 0, whatever `dy` is. Why?
//
// Run it: sh examples/exercises/run.sh 16a
#include <cmath>

#include "core/array/array.hpp"

using namespace taper;

struct LayerNormGradients {
    Array<double> dx, dgain, dbias;
};

LayerNormGradients layer_norm_gradients(const Array<double>& x, const Array<double>& gain,
                                        double epsilon, const Array<double>& dy) {
    LayerNormGradients d = {zeros<double>(x.shape()), zeros<double>(gain.shape()),
                            zeros<double>(gain.shape())};
    // YOUR CODE
    return d;
}
