// Adam, clipping, the schedule.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/clip.hpp"
#include "nn/adam.hpp"
#include "nn/schedule.hpp"
#include "tests/scratch.hpp"

using namespace taper;
using tests::refusal;

static void set_gradient(Parameter<double>& p, const Array<double>& g) {
    Tape<double> tape;
    tape.backward(sum(p * Var<double>(g)));
}

TEST_CASE("adam: three steps by hand, with bias correction and decay of matrices alone") {
    Parameter<double> matrix("matrix", Array<double>{{1.0, -2.0}}), bias("bias", Array<double>{0.5});
    nn::Adam<double> adam({&matrix, &bias}, {.beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 0.1});
    double w[] = {1.0, -2.0, 0.5}, m[3] = {}, v[3] = {};
    for (int t = 1; t <= 3; ++t) {
        const double g[] = {0.3 * t, -1.0, 2.0 / t}, lr = 0.01 * t;
        set_gradient(matrix, {{g[0], g[1]}});
        set_gradient(bias, {g[2]});
        adam.step(lr);
        for (int i = 0; i < 3; ++i) {
            m[i] = 0.9 * m[i] + 0.1 * g[i];
            v[i] = 0.95 * v[i] + 0.05 * g[i] * g[i];
            const double step = m[i] / (1 - std::pow(0.9, t)) / (std::sqrt(v[i] / (1 - std::pow(0.95, t))) + 1e-8);
            w[i] -= lr * (step + (i < 2 ? 0.1 * w[i] : 0));
        }
        CHECK(matrix.value()(0, 0) == doctest::Approx(w[0]).epsilon(1e-12));
        CHECK(matrix.value()(0, 1) == doctest::Approx(w[1]).epsilon(1e-12));
        CHECK(bias.value()(0) == doctest::Approx(w[2]).epsilon(1e-12));
        CHECK_FALSE(matrix.has_gradient());
    }
    CHECK(adam.steps == 3);
}

TEST_CASE("adam: a parameter without a gradient, or not trainable, stays") {
    Parameter<double> used("used", Array<double>{1.0}), unused("unused", Array<double>{1.0}),
        fixed("fixed", Array<double>{1.0}, false);
    nn::Adam<double> adam({&used, &unused, &fixed});
    Tape<double> tape;
    tape.backward(sum(used * fixed));
    CHECK_FALSE(fixed.has_gradient());
    adam.step(0.1);
    CHECK(used.value()(0) != 1.0);
    CHECK(unused.value()(0) == 1.0);
    CHECK(fixed.value()(0) == 1.0);
    CHECK(adam.parameters().size() == 2);
}

TEST_CASE("clip: a global norm, in double, also of gradients whose squares overflow float") {
    Parameter<float> a("a", zeros<float>({3})), b("b", zeros<float>({40, 7}));
    const auto set = [&](float ga, float gb) {
        for (auto* p : {&a, &b}) {
            p->clear_gradient();
            Tape<float> tape;
            tape.backward(sum(*p), full<float>({}, p == &a ? ga : gb));
        }
    };
    set(1e25f, 1e25f);
    CHECK(clip_gradients<float>({&a, &b}, 1) == doctest::Approx(1e25 * std::sqrt(283.0)));
    CHECK(gradient_norm<float>({&a, &b}) == doctest::Approx(1).epsilon(1e-6));
    set(0.01f, 0);
    CHECK(clip_gradients<float>({&a, &b}, 1) == doctest::Approx(0.01 * std::sqrt(3.0)));
    CHECK(a.gradient()(0) == 0.01f);
    set(0, std::numeric_limits<float>::infinity());
    CHECK(refusal([&] { clip_gradients<float>({&a, &b}, 1); }) == "b: a gradient must be finite: inf at (0,0)");
    CHECK(refusal([&] { clip_gradients<float>({&a}, 0); }).starts_with("clip_gradients: the limit must be above 0: 0"));
}

TEST_CASE("schedule: warm-up, cosine, and its edges") {
    const nn::Schedule usual{.lr = 1, .warmup = 10, .steps = 100};
    CHECK(usual(1) == doctest::Approx(0.1));
    CHECK(usual(10) == doctest::Approx(1));
    CHECK(usual(55) == doctest::Approx(0.55));
    CHECK(usual(100) == doctest::Approx(0.1));
    for (const std::uint64_t warmup : {0U, 1U, 5U, 10U, 50U})
        for (const std::uint64_t steps : {1U, 5U, 10U}) {
            const nn::Schedule schedule{.lr = 1e-3, .warmup = warmup, .steps = steps};
            for (std::uint64_t step = 1; step <= steps; ++step) {
                CHECK(schedule(step) > 0);
                CHECK(schedule(step) <= 1e-3);
            }
        }
}
