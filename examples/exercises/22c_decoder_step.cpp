// Exercise 22c. One step of a decoder
//
// After lesson 22. About 20 minutes.
//
// A model that writes gets one position after the other. It need not keep what it has read: the
// slots are enough, and they are the *state* of each head. Write one step, for h heads at once.
//
// The step gets `query`, `key` and `value` of the new position, of the shape (h, d_h): row s is of
// head s. `e` and `f` (k) are the columns of E and F for this position, the same for all heads.
// `K_bar` and `V_bar` (h, k, d_h) are the state: what the step before has left, and 0 before the
// first. It changes them in place, and returns y (h, d_h). For each head
//
//     bar K <- bar K + e k^T
//     bar V <- bar V + f v^T
//     y = "softmax"((q bar K^T) / sqrt(d_h)) bar V
//
// How does the cost of a step grow with the number of positions that were read?
//
// Run it: sh examples/exercises/run.sh 22c
#include <algorithm>
#include <cmath>
#include <vector>

#include "core/array/array.hpp"

using namespace taper;

// softmax
std::vector<double> weights_of(std::vector<double> scores) {
    const double largest = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (double& score : scores) sum += score = std::exp(score - largest);
    for (double& score : scores) score /= sum;
    return scores;
}

Array<double> decoder_step(const Array<double>& query, const Array<double>& key,
                           const Array<double>& value, const Array<double>& e,
                           const Array<double>& f, Array<double>& K_bar, Array<double>& V_bar) {
    Array<double> y = zeros<double>(query.shape());
    // YOUR CODE
    return y;
}
