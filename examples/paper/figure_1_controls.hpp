// What figure_1 measures where its second claim must come out otherwise.
#pragma once

#include <string>
#include <vector>

#include "examples/paper/figure_1_models.hpp"

namespace taper::examples {

// The share at n/4 of each layer, the mean over the models.
std::vector<double> mean_layer_shares(const Models& models, SpectrumTable ModelSpectra::*table);

struct SkewControl {
    std::string name;
    std::vector<double> shares;  // of each layer
};

// Layers that have not learned: those of the untrained model, or without one random Q and K, which
// say what d_h alone does. Where the trained halves hardly differ either, that would change
// nothing. Then each token of the lower half attends to itself alone: that P is the identity, n
// equal singular values, whose share at n/4 is 1/4.
// verdict: of the trained layers.
SkewControl skew_control(const Models& models, Verdict verdict);

}  // namespace taper::examples
