// What the rise of the shares with the layer is held against.
#include "examples/paper/figure_1_controls.hpp"

#include <doctest/doctest.h>

#include "tests/support/scratch.hpp"

using namespace taper::examples;
using namespace taper::tests;

namespace {

// Of one text, one head a layer and n = 4: these shares at n/4.
SpectrumTable table_of(const std::vector<double>& shares) {
    SpectrumTable table{.texts = 1, .layers = shares.size(), .heads = 1, .cells = {}};
    for (const double share : shares) {
        const Shares of_head{share, 1, 1, 1};
        table.cells.push_back(
            {.shares = of_head, .shuffled = of_head, .entropy = 0, .distance = 0});
    }
    return table;
}

// Two models, so that their mean is seen.
Models models_of(const SpectrumTable& untrained) {
    Models models(2);
    for (ModelFigures& figures : models) {
        figures.spectra.trained = table_of({0.5, 0.9});
        figures.spectra.untrained = untrained;
        figures.spectra.random_heads = table_of({0.6, 0.6});
    }
    models[1].spectra.trained = table_of({0.7, 0.9});
    return models;
}

}  // namespace

TEST_CASE("figure_1 controls: the layers untrained, without these random heads, or the identity") {
    const Models with_twin = models_of(table_of({0.8, 0.8}));
    CHECK(mean_layer_shares(with_twin, &ModelSpectra::trained)[0] == doctest::Approx(0.6));

    const SkewControl untrained = skew_control(with_twin, Verdict::holds);
    CHECK(contains(untrained.name, "untrained"));
    CHECK(untrained.shares[0] == doctest::Approx(0.8));
    const SkewControl random = skew_control(models_of({}), Verdict::holds_weaker);
    CHECK(contains(random.name, "random Q and K"));
    CHECK(random.shares[0] == doctest::Approx(0.6));
    const SkewControl identity = skew_control(with_twin, Verdict::not_visible);
    CHECK(contains(identity.name, "identity"));
    CHECK(identity.shares[0] == doctest::Approx(0.25));
    CHECK(identity.shares[1] == doctest::Approx(0.9));
}
