// The model answer to exercise 14b, attention backwards
//
// The last product is $y = P V$. As in exercise 3a each factor gets `dy` times the other one,
// transposed:
//
//     dV_(j c) = sum_t P_(t j) dy_(t c)
//     dP_(t j) = sum_c dy_(t c) V_(j c)
//
// A softmax of each row, as in exercise 10b:
//
//     dS_(t j) = P_(t j) (dP_(t j) - sum_i P_(t i) dP_(t i))
//
// And $S = (Q K^T) / sqrt(d_h)$ is a product again. The transposition is in it already, so
// $Q_(t c)$ meets $K_(j c)$ in $S_(t j)$, and each is beside the other:
//
//     dQ_(t c) = sum_j dS_(t j) K_(j c) / sqrt(d_h)
//     dK_(j c) = sum_t dS_(t j) Q_(t c) / sqrt(d_h)
//
// The sums tell which index is transposed: a value and a key are summed over the queries that
// looked at them, a query over its keys.
#include <cmath>

#include "core/array/array.hpp"

using namespace taper;

struct AttentionGradients {
    Array<double> dV, dP, dS, dQ, dK;
};

AttentionGradients attention_gradients(const Array<double>& Q, const Array<double>& K,
                                       const Array<double>& V, const Array<double>& P,
                                       const Array<double>& dy) {
    const std::size_t n = Q.shape(0);
    const double root = std::sqrt(static_cast<double>(Q.shape(1)));
    AttentionGradients d = {zeros<double>(V.shape()), zeros<double>({n, n}), zeros<double>({n, n}),
                            zeros<double>(Q.shape()), zeros<double>(K.shape())};
    for (std::size_t t = 0; t < n; ++t) {
        double mean = 0;
        for (std::size_t j = 0; j < n; ++j) {
            for (std::size_t c = 0; c < V.shape(1); ++c) {
                d.dV(j, c) += P(t, j) * dy(t, c);
                d.dP(t, j) += dy(t, c) * V(j, c);
            }
            mean += P(t, j) * d.dP(t, j);
        }
        for (std::size_t j = 0; j < n; ++j) {
            d.dS(t, j) = P(t, j) * (d.dP(t, j) - mean);
            for (std::size_t c = 0; c < Q.shape(1); ++c) {
                d.dQ(t, c) += d.dS(t, j) * K(j, c) / root;
                d.dK(j, c) += d.dS(t, j) * Q(t, c) / root;
            }
        }
    }
    return d;
}
