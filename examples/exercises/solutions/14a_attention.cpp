// The model answer to exercise 14a, attention with a mask for padding
//
// For one query at a time: its scores, the largest of them, the sum of the powers, and the mean of
// the values. Each of these loops passes over the padding with the same line. So a padded key has
// the weight 0 without being multiplied by it, since 0 times nan is nan, and a padded score can not
// become the largest, beside which all real ones vanish.
//
// With the largest score m subtracted the powers are between 0 and 1, and their sum is 1 at least:
//
//     P_(t j) = e^(S_(t j) - m) / (sum_i e^(S_(t i) - m))
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/array/array.hpp"

using namespace taper;

Array<double> attention_y(const Array<double>& Q, const Array<double>& K, const Array<double>& V,
                          const std::vector<bool>& real) {
    const std::size_t n = Q.shape(0);
    const std::size_t d_h = Q.shape(1);
    Array<double> y = zeros<double>({n, V.shape(1)});
    for (std::size_t t = 0; t < n; ++t) {
        std::vector<double> S(n);
        double m = -std::numeric_limits<double>::infinity();
        for (std::size_t j = 0; j < n; ++j) {
            if (!real[j]) continue;
            for (std::size_t c = 0; c < d_h; ++c) S[j] += Q(t, c) * K(j, c);
            S[j] /= std::sqrt(static_cast<double>(d_h));
            m = std::max(m, S[j]);
        }
        double sum = 0;
        for (std::size_t j = 0; j < n; ++j)
            if (real[j]) sum += std::exp(S[j] - m);
        for (std::size_t j = 0; j < n; ++j) {
            if (!real[j]) continue;
            const double P = std::exp(S[j] - m) / sum;
            for (std::size_t c = 0; c < V.shape(1); ++c) y(t, c) += P * V(j, c);
        }
    }
    return y;
}
