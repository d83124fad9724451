// Exercise 11b. Cross-entropy, backwards
//
// After lesson 11. About 20 minutes.
//
// The loss of exercise 11a, written with the logits x of a row and the right token t:
//
//     L = 1/N sum_i (ln sum_j e^(x_(i j)) - x_(i t_i))
//
// Write its gradient, of the shape (N, V). What is the derivative of the logarithm of a sum of
// powers by one of the exponents? You have met it before. It must not overflow either.
//
// Some rows do not count: a target of -100, taper's `ignore_index`, marks a row whose token is not
// to be guessed, such as padding. Its gradient is 0, and N is the number of rows that count. At
// least one does.
//
// Run it: sh examples/exercises/run.sh 11b
#include <algorithm>
#include <cmath>

#include "core/array/array.hpp"

using namespace taper;

// dx (N, V) of logits (N, V) and targets (N)
Array<double> cross_entropy_dx(const Array<double>& logits, const Ids& targets) {
    Array<double> dx = zeros<double>(logits.shape());
    // YOUR CODE
    return dx;
}
