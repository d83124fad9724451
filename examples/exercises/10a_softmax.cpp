// Exercise 10a. Softmax that does not overflow
//
// After lesson 10. About 15 minutes.
//
// Softmax makes probabilities of the scores in a row:
//
//     y_(i j) = e^(x_(i j)) / (sum_m e^(x_(i m)))
//
// `x` and `y` have the shape (n, d), and each row of y sums to 1. As the formula stands it fails:
// $e^1000$ is infinite, and inf / inf is nan; and where all scores of a row are -1000, it is 0 / 0.
// What does not change when the same number is subtracted from all scores of a row?
//
// A score may be -infinity: that is a place which is not to be looked at, and its probability is 0.
// At least one score of a row is finite.
//
// Run it: sh examples/exercises/run.sh 10a
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/array/array.hpp"

using namespace taper;

// y (n, d) of x (n, d)
Array<double> stable_softmax(const Array<double>& x) {
    Array<double> y = zeros<double>(x.shape());
    // YOUR CODE
    return y;
}
