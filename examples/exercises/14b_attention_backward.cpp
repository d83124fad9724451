// Exercise 14b. Attention, backwards
//
// After lesson 14. About 30 minutes.
//
// Of one text, forwards, without a mask:
//
//     S = (Q K^T) / sqrt(d_h)
//     P = softmax(S)
//     y = P V
//
// `Q` and `K` have the shape (n, d_h), `V`, `y` and `dy` (n, c), `S` and `P` (n, n); the softmax is
// taken of each row. A tape has kept `P`. Go back from `dy` with nothing but loops: `dV` and `dP`,
// then `dS`, then `dQ` and `dK`, each in the shape of its array. All that you need has been derived
// in the exercises 3a, for a product, and 10b, for a softmax: which of the two factors is
// transposed is the question here, and where the root goes.
//
// The check tells of each of the five by itself.
//
// Run it: sh examples/exercises/run.sh 14b
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
    AttentionGradients d = {zeros<double>(V.shape()), zeros<double>({n, n}), zeros<double>({n, n}),
                            zeros<double>(Q.shape()), zeros<double>(K.shape())};
    // YOUR CODE
    return d;
}
