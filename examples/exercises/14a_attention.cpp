// Exercise 14a. Attention, with a mask for padding
//
// After lesson 14. About 25 minutes.
//
// Attention of one text: each query meets each key, and takes a mean of the values.
//
//     S_(t j) = (sum_c Q_(t c) K_(j c)) / sqrt(d_h)
//     P_(t j) = e^(S_(t j)) / (sum_i e^(S_(t i)))
//     y_t = sum_j P_(t j) V_j
//
// `Q` and `K` have the shape (n, d_h), `V` and `y` (n, c). But texts of a batch are of different
// lengths, and a shorter one is filled up with positions that are no text, called *padding*.
// `real` has n entries: where `real[j]` is false, position j is padding. No query may see its key
// and value, so its score is minus infinity: both sums, over i and over j, are over the real
// positions alone. One at least is real. The queries at padding get a row of `y` like all others.
//
// What stands at a padded position may be any number, or none: let 0 times nan not come into your
// sums. And large scores must not overflow (lesson 10).
//
// Run it: sh examples/exercises/run.sh 14a
#include <algorithm>
#include <cmath>
#include <vector>

#include "core/array/array.hpp"

using namespace taper;

// y (n, c) of Q (n, d_h), K (n, d_h), V (n, c) and real (n)
Array<double> attention_y(const Array<double>& Q, const Array<double>& K, const Array<double>& V,
                          const std::vector<bool>& real) {
    const std::size_t n = Q.shape(0);
    Array<double> y = zeros<double>({n, V.shape(1)});
    // YOUR CODE
    return y;
}
