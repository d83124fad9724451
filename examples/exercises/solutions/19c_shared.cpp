// The model answer to exercise 19c, one matrix for all
//
// The loss depends on an entry of E through every place where it is used, and the chain rule adds
// up over all of these paths. No path knows of the others. So
//
//     dE = d bar K K^T + d bar V V^T
//
// and of a model the sum of that over its layers. It is a sum and not a mean: if E moves a little,
// each use moves the loss, and the loss moves by all of that together.
//
// The gradients `dK_bar` and `dV_bar` hold at the E of the forward pass. After a first part of the
// step they would be out of date, so one step is made of the whole sum.
//
// A tape needs no rule for it: each use adds its part to the same gradient.
#include <vector>

#include "core/array/array.hpp"

using namespace taper;

struct Layer {
    Array<double> K, V, dK_bar, dV_bar;
};

Array<double> of_one_use(const Array<double>& X, const Array<double>& dX_bar) {
    Array<double> dE = zeros<double>({dX_bar.shape(0), X.shape(0)});
    for (std::size_t j = 0; j < dE.shape(0); ++j)
        for (std::size_t i = 0; i < dE.shape(1); ++i)
            for (std::size_t c = 0; c < X.shape(1); ++c) dE(j, i) += dX_bar(j, c) * X(i, c);
    return dE;
}

Array<double> key_value_dE(const Layer& layer) {
    const Array<double> of_keys = of_one_use(layer.K, layer.dK_bar);
    const Array<double> of_values = of_one_use(layer.V, layer.dV_bar);
    return of_keys + of_values;
}

Array<double> layerwise_dE(const std::vector<Layer>& layers) {
    Array<double> dE = zeros<double>({layers[0].dK_bar.shape(0), layers[0].K.shape(0)});
    for (const Layer& layer : layers) dE += key_value_dE(layer);
    return dE;
}

Array<double> shared_step(Array<double> E, const std::vector<Layer>& layers, double lr) {
    E -= lr * layerwise_dE(layers);
    return E;
}
