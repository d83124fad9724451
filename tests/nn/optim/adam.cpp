// Adam: its formula by hand, what it leaves as it is, and what it refuses.
#include "nn/optim/adam.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/array/random.hpp"
#include "core/check/gradcheck.hpp"
#include "nn/optim/clip.hpp"
#include "nn/optim/sgd.hpp"
#include "tests/nn/optim/set_gradient.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::tests;

TEST_CASE("adam: three steps by hand, with bias correction and decay of matrices alone") {
    Parameter<double> matrix("matrix", Array<double>{{1.0, -2.0}});
    Parameter<double> bias("bias", Array<double>{0.5});
    nn::Adam<double> adam({&matrix, &bias},
                          {.beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 0.1});
    double w[] = {1.0, -2.0, 0.5};
    double m[3] = {};
    double v[3] = {};
    for (int t = 1; t <= 3; ++t) {
        const double g[] = {0.3 * t, -1.0, 2.0 / t};
        const double lr = 0.01 * t;
        set_gradient(matrix, {{g[0], g[1]}});
        set_gradient(bias, {g[2]});
        adam.step(lr);
        for (int i = 0; i < 3; ++i) {
            m[i] = 0.9 * m[i] + 0.1 * g[i];
            v[i] = 0.95 * v[i] + 0.05 * g[i] * g[i];
            const double m_hat = m[i] / (1 - std::pow(0.9, t));
            const double v_hat = v[i] / (1 - std::pow(0.95, t));
            const double decay = i < 2 ? 0.1 * w[i] : 0;
            w[i] -= lr * (m_hat / (std::sqrt(v_hat) + 1e-8) + decay);
        }
        CHECK(matrix.value()(0, 0) == doctest::Approx(w[0]).epsilon(1e-12));
        CHECK(matrix.value()(0, 1) == doctest::Approx(w[1]).epsilon(1e-12));
        CHECK(bias.value()(0) == doctest::Approx(w[2]).epsilon(1e-12));
        CHECK_FALSE(matrix.has_gradient());
    }
    CHECK(adam.moments[0].t == 3);
}

TEST_CASE("adam: a parameter without a gradient, or not trainable, stays") {
    Parameter<double> used("used", Array<double>{1.0});
    Parameter<double> unused("unused", Array<double>{1.0});
    Parameter<double> fixed("fixed", Array<double>{1.0}, false);
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

TEST_CASE("adam: moments of a parameter of many chunks, against a plain loop in double") {
    constexpr std::size_t size = 40'003;
    Parameter<double> w("w", normal<double>(Random(1, "w"), {size}));
    Array<double> plain = w.value(), m = zeros<double>({size}), v = m;
    nn::Adam<double> adam({&w});
    for (int t = 1; t <= 3; ++t) {
        const Array<double> g =
            normal<double>(Random(2, "g").substream(static_cast<std::uint32_t>(t)), {size});
        set_gradient(w, g);
        adam.step(0.01);
        for (std::size_t i = 0; i < size; ++i) {
            m(i) = 0.9 * m(i) + 0.1 * g(i);
            v(i) = 0.95 * v(i) + 0.05 * g(i) * g(i);
            const double m_hat = m(i) / (1 - std::pow(0.9, t));
            const double v_hat = v(i) / (1 - std::pow(0.95, t));
            plain(i) -= 0.01 * m_hat / (std::sqrt(v_hat) + 1e-8);
        }
    }
    std::size_t wrong = 0;
    const auto differ = [](double a, double b) {
        return !(std::abs(a - b) <= 1e-12 * (1 + std::abs(b)));
    };
    for (std::size_t i = 0; i < size; ++i)
        wrong += differ(w.value()(i), plain(i)) || differ(adam.moments[0].m(i), m(i)) ||
                 differ(adam.moments[0].v(i), v(i));
    CHECK(wrong == 0);
}

TEST_CASE(
    "adam: a frozen parameter and its moments stay bit by bit, is not in the norm, and goes on "
    "where it is thawed") {
    Parameter<double> table("table", Array<double>{{1, -2}, {3, 4}});
    Parameter<double> w("w", Array<double>{{0.5, 0.25}});
    const nn::Parameters<double> both{&table, &w};
    nn::Adam<double> adam(both, {.weight_decay = 0.5});
    const auto step = [&] {
        Tape<double> tape;
        tape.backward(sum(table * w * w));
        const double norm = nn::gradient_norm<double>(both);
        adam.step(0.01);
        return norm;
    };
    for (int i = 0; i < 10; ++i) step();
    freeze(table);
    const Array<double> before = table.value();
    const Array<double> m = adam.moments[0].m;
    const Array<double> v = adam.moments[0].v;
    for (int i = 0; i < 50; ++i) {
        const auto dw = [&](std::size_t column) {
            const double sum = table.value()(0, column) + table.value()(1, column);
            return 2 * sum * w.value()(0, column);
        };
        const double norm_of_dw = std::hypot(dw(0), dw(1));
        CHECK(step() == doctest::Approx(norm_of_dw));
    }
    CHECK(table.value() == before);
    CHECK(adam.moments[0].m == m);
    CHECK(adam.moments[0].v == v);
    // a gradient from wherever
    table.leaf->gradient = std::make_unique<Array<double>>(full<double>({2, 2}, 100));
    CHECK(nn::gradient_norm<double>({&table}) == 0);
    nn::clip_gradients<double>(both, 1);
    CHECK(table.gradient() == full<double>({2, 2}, 100));
    const auto report = gradcheck(
        "frozen", [&] { return sum(table * w * w); }, both);
    CHECK(report.entries == 2);
    thaw(table);
    table.clear_gradient();
    step();
    CHECK(table.value() != before);
    CHECK(adam.moments[0].m != m);
}

TEST_CASE("adam: what was frozen from the start is taken in once it is thawed") {
    Parameter<double> w("w", Array<double>{1.0}), late("late", Array<double>{1.0}, false);
    nn::Adam<double> adam({&late, &w});
    CHECK(adam.parameters().size() == 1);
    thaw(late);
    Tape<double> tape;
    tape.backward(sum(w * late));
    adam.step(0.1);
    CHECK(late.value()(0) != 1.0);
    CHECK_FALSE(late.has_gradient());
    REQUIRE(adam.parameters().size() == 2);
    CHECK(adam.parameters()[1] == &late);
    CHECK(adam.moments[1].m(0) != 0);
}

TEST_CASE(
    "adam: what is thawed or gets its first gradient late moves as under an optimiser of its own") {
    const nn::AdamOptions usual{.beta2 = 0.999};  // whose correction lasts for thousands of steps
    Parameter<double> first("first", Array<double>{1, 2});
    Parameter<double> thawed("thawed", Array<double>{3, -1}, false);
    Parameter<double> unused("unused", Array<double>{0.5, 4});
    Parameter<double> thawed_alone("thawed", thawed.value());
    Parameter<double> unused_alone("unused", unused.value());
    nn::Adam<double> adam({&first, &thawed, &unused}, usual);
    nn::Adam<double> alone({&thawed_alone, &unused_alone}, usual);
    for (int t = 1; t <= 50; ++t) {
        set_gradient(first, {0.1 * t, 1});
        adam.step(0.01);
    }
    thaw(thawed);
    for (int t = 1; t <= 5; ++t) {
        for (Parameter<double>* p : {&first, &thawed, &unused, &thawed_alone, &unused_alone})
            set_gradient(*p, {0.3 * t, -1});
        adam.step(0.01);
        alone.step(0.01);
        CHECK(thawed.value() == thawed_alone.value());
        CHECK(unused.value() == unused_alone.value());
    }
}

TEST_CASE(
    "adam: in float the first step is lr for every beta, and what float does not hold is refused") {
    const auto step = [](nn::AdamOptions options, float gradient, double lr) {
        options.weight_decay = 0;
        Parameter<float> w("w", Array<float>{2});
        nn::Adam<float> adam({&w}, options);
        {
            Tape<float> tape;
            tape.backward(sum(w * gradient));
        }
        adam.step(lr);
        return w.value()(0);
    };
    for (const double beta : {0.5, 0.9, 0.999, 0.9999, 0.99999, 0.999999, 0.99999999})
        CHECK(step({.beta1 = std::min(beta, 0.99999), .beta2 = beta}, 1, 1) ==
              doctest::Approx(1).epsilon(1e-5));
    CHECK(refusal([&] {
              step({.eps = 1e-50}, 0, 0.1);
          }).starts_with("adam: eps must be above 0 as a number of"));
    CHECK(
        refusal([&] { step({}, 1, 1e39); }).starts_with("adam: the learning rate must be finite"));
    Parameter<float> w("w", Array<float>{2});
    nn::Adam<float> adam({&w});
    set_gradient(w, {1});
    adam.moments[0].v = zeros<float>({2});
    CHECK(refusal([&] {
              adam.step(0.1);
          }).starts_with("adam: w must keep its shape, and so must its gradient and mo"));
    CHECK(w.value()(0) == 2);
    adam.moments.clear();
    CHECK(refusal([&] { adam.step(0.1); }) ==
          "adam: every parameter must have its moments: 1 parameters, 0 moments");
    nn::Sgd<float> sgd({&w});
    CHECK(refusal([&] { sgd.step(1e39); }).starts_with("sgd: the learning rate must be finite"));
    sgd.velocities[0] = zeros<float>({2});
    CHECK(refusal([&] {
              sgd.step(0.1);
          }).starts_with("sgd: w must keep its shape, and so must its gradient and vel"));
    CHECK(w.value()(0) == 2);
    sgd.velocities.clear();
    CHECK(refusal([&] { sgd.step(0.1); }) ==
          "sgd: every parameter must have its velocity: 1 parameters, 0 velocities");
}
