// Exercise 11a. Cross-entropy from logits
//
// After lesson 11. About 20 minutes.
//
// A model guesses the next token: row i of `logits`, of the shape (N, V), has a score for each of V
// tokens, and `targets` (N) says which one came. Softmax of a row gives probabilities p; the loss
// is the mean over the rows of how surprised the model was:
//
//     L = 1/N sum_i -ln p_(i t_i)
//
// Through p it fails where the right token was very improbable: p rounds to 0, and its logarithm is
// -infinity. But $-ln p_t$ can be written without p, by the logits and the logarithm of a sum of
// powers; and that sum is safe when the largest logit m of the row is taken out of it:
//
//     ln sum_j e^(x_j) = m + ln sum_j e^(x_j - m)
//
// Return L. `targets(i)` is a signed number: `static_cast<std::size_t>(targets(i))` is an index.
//
// Run it: sh examples/exercises/run.sh 11a
#include <algorithm>
#include <cmath>

#include "core/array/array.hpp"

using namespace taper;

// L of logits (N, V) and targets (N)
double cross_entropy_loss(const Array<double>& logits, const Ids& targets) {
    // YOUR CODE
    return 0;
}
