// Exercise 14c. An attention that does not see its padding
//
// After lesson 14. About 25 minutes.
//
// `padded_attention` works on a batch: `Q`, `K`, `V` and its result have the shape (B, n, d_h). The
// mask `real` (B, n) is false where a position of a text is padding (exercise 14a); it may stand at
// the end of a text or in front. With `causal` query t sees the keys up to t alone. The function is
// handed the mask and ignores it. No error tells, and the numbers look well.
//
// First find out which numbers are wrong. `wrong_outputs` returns true at (b, t) where position t
// of text b is real, and its row of `y` is another one because padding was seen. Think it through
// for padding at the end and in front, with `causal` and without. (Rows of `y` at padding are not
// counted: nobody is to read them.) The check measures whether you are right.
//
// Then mend `padded_attention`: no query may see padding, and the rows of `y` at padding are to
// be 0.
//
// Run it: sh examples/exercises/run.sh 14c
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/array/array.hpp"

using namespace taper;

Mask wrong_outputs(const Mask& real, bool causal) {
    Mask wrong(real.shape(), false);
    // YOUR CODE: wrong(b, t)
    return wrong;
}

Array<double> padded_attention(const Array<double>& Q, const Array<double>& K,
                               const Array<double>& V, const Mask& real, bool causal) {
    const std::size_t n = Q.shape(1);
    const std::size_t d_h = Q.shape(2);
    Array<double> y = zeros<double>(Q.shape());
    // YOUR CODE: mend what follows
    for (std::size_t b = 0; b < Q.shape(0); ++b)
        for (std::size_t t = 0; t < n; ++t) {
            const auto sees = [&](std::size_t j) { return !causal || j <= t; };
            std::vector<double> S(n);
            double m = -std::numeric_limits<double>::infinity();
            for (std::size_t j = 0; j < n; ++j) {
                if (!sees(j)) continue;
                for (std::size_t c = 0; c < d_h; ++c) S[j] += Q(b, t, c) * K(b, j, c);
                S[j] /= std::sqrt(static_cast<double>(d_h));
                m = std::max(m, S[j]);
            }
            double sum = 0;
            for (std::size_t j = 0; j < n; ++j)
                if (sees(j)) sum += std::exp(S[j] - m);
            for (std::size_t j = 0; j < n; ++j)
                for (std::size_t c = 0; c < d_h; ++c)
                    if (sees(j)) y(b, t, c) += std::exp(S[j] - m) / sum * V(b, j, c);
        }
    return y;
}
