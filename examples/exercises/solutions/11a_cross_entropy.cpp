// The model answer to exercise 11a, cross-entropy from logits
//
// The logarithm of a quotient is a difference, and that of a power is its exponent:
//
//     -ln p_t = -ln (e^(x_t) / (sum_j e^(x_j))) = ln sum_j e^(x_j) - x_t
//     -ln p_t = m - x_t + ln sum_j e^(x_j - m)
//
// No power is above 1, and the sum has a term that is 1, so its logarithm is finite and not below
// 0. A right token 2000 below the largest logit costs 2000 nats, where $-ln p$ would be infinite.
#include <algorithm>
#include <cmath>

#include "core/array/array.hpp"

using namespace taper;

double cross_entropy_loss(const Array<double>& logits, const Ids& targets) {
    double total = 0;
    for (std::size_t i = 0; i < targets.size(); ++i) {
        double m = logits(i, 0);
        for (std::size_t j = 1; j < logits.shape(1); ++j) m = std::max(m, logits(i, j));
        double sum = 0;
        for (std::size_t j = 0; j < logits.shape(1); ++j) sum += std::exp(logits(i, j) - m);
        const std::size_t t = static_cast<std::size_t>(targets(i));
        total += m - logits(i, t) + std::log(sum);
    }
    return total / static_cast<double>(targets.size());
}
