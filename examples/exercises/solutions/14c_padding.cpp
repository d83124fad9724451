// The model answer to exercise 14c, an attention that does not see its padding
//
// The row of a query is wrong where padding is among the keys that it sees: then a part of the
// weight goes there, and the other weights are too small.
//
// - Without `causal` each query sees all positions: in a text with padding, wherever it stands, all
//   real rows are wrong. In a text without padding none is, whatever the other texts have.
// - With `causal` a query sees what stands before it. Padding at the end is behind all real
//   positions, and none is wrong. Padding in front is seen by all.
//
// That is why a causal model is often trained with padding at the end and no mask, and why it fails
// when texts are filled up in front.
//
// The mend is one condition, in the one place that says what a query sees. A row at padding is
// passed over as well. Its query would see the real keys, and numbers that look like a result would
// stand where there is no text.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/array/array.hpp"

using namespace taper;

Mask wrong_outputs(const Mask& real, bool causal) {
    Mask wrong(real.shape(), false);
    for (std::size_t b = 0; b < real.shape(0); ++b)
        for (std::size_t t = 0; t < real.shape(1); ++t) {
            const std::size_t end = causal ? t + 1 : real.shape(1);
            bool sees_padding = false;
            for (std::size_t j = 0; j < end; ++j)
                if (!real(b, j)) sees_padding = true;
            wrong(b, t) = real(b, t) && sees_padding;
        }
    return wrong;
}

Array<double> padded_attention(const Array<double>& Q, const Array<double>& K,
                               const Array<double>& V, const Mask& real, bool causal) {
    const std::size_t n = Q.shape(1);
    const std::size_t d_h = Q.shape(2);
    Array<double> y = zeros<double>(Q.shape());
    for (std::size_t b = 0; b < Q.shape(0); ++b)
        for (std::size_t t = 0; t < n; ++t) {
            const auto sees = [&](std::size_t j) { return real(b, j) && (!causal || j <= t); };
            if (!real(b, t)) continue;
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
