// SGD with momentum: its formula by hand, what it leaves as it is, and what it refuses.
#include "nn/optim/sgd.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/array/random.hpp"
#include "tests/nn/optim/set_gradient.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::tests;

TEST_CASE(
    "sgd: three steps by hand, with momentum and decay of matrices alone, and of many chunks") {
    Parameter<double> matrix("matrix", Array<double>{{1.0, -2.0}});
    Parameter<double> bias("bias", Array<double>{0.5});
    nn::Sgd<double> sgd({&matrix, &bias, &matrix}, {.momentum = 0.8, .weight_decay = 0.1});
    CHECK(sgd.parameters().size() == 2);
    // v: 0.3, 0.24 + 0.6, 0.672 + 0.9; 1, 1.8, 2.44; of the bias 2, 2.6, 2.08 + 2 / 3
    const double v[3][3] = {{0.3, -1.0, 2.0}, {0.84, -1.8, 2.6}, {1.572, -2.44, 2.08 + 2.0 / 3}};
    double w[] = {1.0, -2.0, 0.5};
    for (int t = 1; t <= 3; ++t) {
        const double lr = 0.01 * t;
        set_gradient(matrix, {{0.3 * t, -1.0}});
        set_gradient(bias, {2.0 / t});
        sgd.step(lr);
        for (int i = 0; i < 3; ++i) w[i] -= lr * (v[t - 1][i] + (i < 2 ? 0.1 * w[i] : 0));
        CHECK(matrix.value()(0, 0) == doctest::Approx(w[0]).epsilon(1e-12));
        CHECK(matrix.value()(0, 1) == doctest::Approx(w[1]).epsilon(1e-12));
        CHECK(bias.value()(0) == doctest::Approx(w[2]).epsilon(1e-12));
        CHECK(sgd.velocities[0](0, 0) == doctest::Approx(v[t - 1][0]).epsilon(1e-12));
        CHECK_FALSE(matrix.has_gradient());
    }
    constexpr std::size_t size = 40'003;
    Parameter<double> large("large", zeros<double>({size}));
    nn::Sgd<double> plain({&large}, {.momentum = 0});
    set_gradient(large, normal<double>(Random(1, "g"), {size}));
    plain.step(0.5);
    CHECK(large.value() == Array<double>(-0.5 * normal<double>(Random(1, "g"), {size})));
}

TEST_CASE(
    "sgd: goes on from its velocities, leaves out what is frozen or has no gradient, and refuses "
    "what would spoil it") {
    Parameter<double> w("w", Array<double>{1, 2});
    Parameter<double> unused("unused", Array<double>{1});
    Parameter<double> fixed("fixed", Array<double>{1, 1});
    nn::Sgd<double> sgd({&w, &unused, &fixed});
    freeze(fixed);
    set_gradient(w, {1, 1});
    sgd.step(0.1);
    Parameter<double> again("w", w.value());
    nn::Sgd<double> resumed({&again});
    resumed.velocities[0] = sgd.velocities[0];
    set_gradient(w, {1, 3});
    set_gradient(again, {1, 3});
    sgd.step(0.1);
    resumed.step(0.1);
    CHECK(again.value() == w.value());
    CHECK(unused.value()(0) == 1);
    CHECK(fixed.value() == Array<double>{1, 1});
    const Array<double> before = w.value();
    set_gradient(w, {1, std::numeric_limits<double>::infinity()});
    CHECK(refusal([&] { sgd.step(0.1); }) == "sgd: w: a gradient must be finite: inf");
    CHECK(w.value() == before);
    for (const double lr : {std::nan(""), -1.0})
        CHECK(refusal([&] { sgd.step(lr); }).starts_with("sgd: the learning rate must be finite"));
    w.mutable_gradient() = zeros<double>({3});
    CHECK(refusal([&] { sgd.step(0.1); }).starts_with("sgd: w must keep its shape"));
    const std::vector<nn::SgdOptions> wrong{
        {.momentum = 1}, {.momentum = -0.1}, {.momentum = std::nan("")}, {.weight_decay = -1}};
    for (const nn::SgdOptions& options : wrong)
        CHECK(refusal([&] {
                  nn::Sgd<double> other({&w}, options);
              }).starts_with("sgd: momentum must be in [0, 1)"));
}
