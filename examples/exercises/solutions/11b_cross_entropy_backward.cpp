// The model answer to exercise 11b, cross-entropy backwards
//
// With $s = sum_m e^(x_m)$, in one row:
//
//     (del ln s) / (del x_j) = 1 / s (del s) / (del x_j) = e^(x_j) / s = p_j
//     (del (-x_t)) / (del x_j) = -[j = t]
//     dx_j = (p_j - [j = t]) / N
//
// The softmax comes back by itself: p minus a row that is 1 at the right token and 0 elsewhere,
// which is called one-hot. The right logit is to rise, by as much as its probability falls short of
// 1; all others are to fall by what they have too much. It is between -1 and 1 whatever the logits
// are.
#include <algorithm>
#include <cmath>

#include "core/array/array.hpp"

using namespace taper;

Array<double> cross_entropy_dx(const Array<double>& logits, const Ids& targets) {
    Array<double> dx = zeros<double>(logits.shape());
    double N = 0;
    for (const std::int64_t target : targets) N += target == -100 ? 0 : 1;
    for (std::size_t i = 0; i < targets.size(); ++i) {
        if (targets(i) == -100) continue;
        double m = logits(i, 0);
        for (std::size_t j = 1; j < logits.shape(1); ++j) m = std::max(m, logits(i, j));
        double sum = 0;
        for (std::size_t j = 0; j < logits.shape(1); ++j) sum += std::exp(logits(i, j) - m);
        for (std::size_t j = 0; j < logits.shape(1); ++j)
            dx(i, j) = std::exp(logits(i, j) - m) / sum / N;
        dx(i, static_cast<std::size_t>(targets(i))) -= 1 / N;
    }
    return dx;
}
