#include "examples/paper/figure_1_controls.hpp"

#include <algorithm>

namespace taper::examples {

std::vector<double> mean_layer_shares(const Models& models, SpectrumTable ModelSpectra::*table) {
    std::vector<double> mean(models[0].layers(), 0);
    for (const ModelFigures& figures : models) {
        const std::vector<double> shares = layer_shares(figures.spectra.*table);
        for (std::size_t layer = 0; layer < mean.size(); ++layer)
            mean[layer] += shares[layer] / static_cast<double>(models.size());
    }
    return mean;
}

SkewControl skew_control(const Models& models, Verdict verdict) {
    const bool has_twin = !models[0].spectra.untrained.empty();
    SkewControl control = has_twin
                              ? SkewControl{"the same layers, untrained",
                                            mean_layer_shares(models, &ModelSpectra::untrained)}
                              : SkewControl{"random Q and K of the same d_h",
                                            mean_layer_shares(models, &ModelSpectra::random_heads)};
    if (verdict == Verdict::not_visible) {
        control.name = "P of the lower half of the layers replaced by the identity";
        control.shares = mean_layer_shares(models, &ModelSpectra::trained);
        std::fill_n(control.shares.begin(), control.shares.size() / 2, 0.25);
    }
    return control;
}

}  // namespace taper::examples
