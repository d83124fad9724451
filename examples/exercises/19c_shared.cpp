// Exercise 19c. One matrix for all
//
// After lesson 19. About 15 minutes.
//
// A model may use one matrix E in many places. With F = E a layer uses it twice,
//
//     bar K = E K
//     bar V = E V
//
// and a model of L layers that all share it uses it 2 L times. What is `dE` then? Look at what is
// given: the gradient of one use, $d bar X X^T$.
//
// `K` and `V` have the shape (n, d_h), E has (k, n), and `dK_bar` and `dV_bar` have (k, d_h).
//
// Then a step of gradient descent with the rate `lr`. It changes E once, $E <- E - lr dE$, after
// all of `dE` is known. Why not after each use?
//
// Run it: sh examples/exercises/run.sh 19c
#include <vector>

#include "core/array/array.hpp"

using namespace taper;

struct Layer {
    Array<double> K, V, dK_bar, dV_bar;
};

// What one use, X_bar = E X, adds to dE: (k, n).
Array<double> of_one_use(const Array<double>& X, const Array<double>& dX_bar) {
    Array<double> dE = zeros<double>({dX_bar.shape(0), X.shape(0)});
    for (std::size_t j = 0; j < dE.shape(0); ++j)
        for (std::size_t i = 0; i < dE.shape(1); ++i)
            for (std::size_t c = 0; c < X.shape(1); ++c) dE(j, i) += dX_bar(j, c) * X(i, c);
    return dE;
}

// dE (k, n) of one layer with F = E
Array<double> key_value_dE(const Layer& layer) {
    Array<double> dE = zeros<double>({layer.dK_bar.shape(0), layer.K.shape(0)});
    // YOUR CODE; Arrays can be added: a + b, a += b
    return dE;
}

// dE (k, n) of all layers, one at least
Array<double> layerwise_dE(const std::vector<Layer>& layers) {
    Array<double> dE = zeros<double>({layers[0].dK_bar.shape(0), layers[0].K.shape(0)});
    // YOUR CODE
    return dE;
}

// E after the step
Array<double> shared_step(Array<double> E, const std::vector<Layer>& layers, double lr) {
    // YOUR CODE
    return E;
}
