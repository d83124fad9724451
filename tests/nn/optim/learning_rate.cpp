// The learning rate of a run, exactly, and what weight decay and clipping do to a step.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "nn/optim/adam.hpp"
#include "nn/optim/clip.hpp"
#include "nn/optim/schedule.hpp"

using namespace taper;

namespace {

// The weights (1, 2) and the bias 3 after one step with these gradients.
std::vector<double> after_a_step(double lr, double weight_decay, double limit,
                                 const std::vector<double>& gradients) {
    Parameter<double> matrix("matrix", Array<double>{{1, 2}}), bias("bias", Array<double>{3});
    nn::Adam<double> adam({&matrix, &bias}, {.weight_decay = weight_decay});
    {
        Tape<double> tape;
        const Var<double> factors = Array<double>{{gradients[0], gradients[1]}};
        tape.backward(sum(matrix * factors) + sum(bias * gradients[2]));
    }
    if (limit > 0) nn::clip_gradients<double>({&matrix, &bias}, limit);
    adam.step(lr);
    return {matrix.value()(0, 0), matrix.value()(0, 1), bias.value()(0)};
}

}  // namespace

TEST_CASE("learning rate: the first step, the end of the warm-up, the last step and those beyond") {
    const nn::Schedule schedule{.lr = 0.5, .warmup = 8, .steps = 40};
    CHECK(schedule(1) == 0.5 / 8);
    CHECK(schedule(7) == 0.5 * 7 / 8);
    CHECK(schedule(8) == 0.5);
    for (std::uint64_t step = 9; step <= 40; ++step) {
        CHECK(schedule(step) < schedule(step - 1));
        const double cosine = std::cos(std::acos(-1.0) * static_cast<double>(step - 8) / 32);
        CHECK(schedule(step) ==
              doctest::Approx(0.5 * (0.1 + 0.9 * (1 + cosine) / 2)).epsilon(1e-14));
    }
    CHECK(schedule(24) == doctest::Approx(0.5 * 0.55).epsilon(1e-14));
    CHECK(schedule(40) == 0.05);
    CHECK(schedule(41) == 0.05);
    CHECK(schedule(100'000) == 0.05);
}

TEST_CASE("learning rate: without a warm-up, and with one as long as the run or longer") {
    const nn::Schedule none{.lr = 0.5, .warmup = 0, .steps = 4};
    CHECK(none(1) == doctest::Approx(0.5 * (0.1 + 0.45 * (1 + std::sqrt(0.5)))).epsilon(1e-14));
    CHECK(none(4) == 0.05);
    const nn::Schedule one{.lr = 0.5, .warmup = 1, .steps = 4};
    CHECK(one(1) == 0.5);
    CHECK(one(4) == 0.05);
    const nn::Schedule all{.lr = 0.5, .warmup = 4, .steps = 4};
    CHECK(all(1) == 0.125);
    CHECK(all(4) == 0.5);
    const nn::Schedule longer{.lr = 0.5, .warmup = 8, .steps = 4};
    CHECK(longer(4) == 0.25);
}

TEST_CASE("learning rate: the smallest learning rate there is is never rounded to none") {
    const double least = std::numeric_limits<double>::denorm_min();
    const nn::Schedule schedule{.lr = least, .warmup = 8, .steps = 40};
    for (const std::uint64_t step : {1U, 8U, 9U, 40U, 41U}) CHECK(schedule(step) == least);
}

TEST_CASE("learning rate: a learning rate that is no number stays none") {
    const double none = std::numeric_limits<double>::quiet_NaN();
    for (const std::uint64_t step : {1U, 8U, 9U, 40U})
        CHECK(std::isnan(nn::Schedule{.lr = none, .warmup = 8, .steps = 40}(step)));
}

TEST_CASE(
    "learning rate: weight decay takes lr times its share of matrices, and nothing of biases") {
    const std::vector<double> gradients{0.1, -0.2, 0.3};
    const auto undecayed = after_a_step(0.01, 0, 0, gradients);
    const auto decayed = after_a_step(0.01, 0.25, 0, gradients);
    CHECK(undecayed[0] - decayed[0] == doctest::Approx(0.01 * 0.25 * 1).epsilon(1e-12));
    CHECK(undecayed[1] - decayed[1] == doctest::Approx(0.01 * 0.25 * 2).epsilon(1e-12));
    CHECK(undecayed[2] == decayed[2]);
}

TEST_CASE(
    "learning rate: the first step is lr in each weight, whatever the gradient and the limit") {
    for (const double limit : {0.0, 1e-3, 1e3}) {
        const auto w = after_a_step(0.01, 0, limit, {30, -0.2, 3});
        CHECK(w[0] == doctest::Approx(1 - 0.01).epsilon(1e-5));
        CHECK(w[1] == doctest::Approx(2 + 0.01).epsilon(1e-5));
        CHECK(w[2] == doctest::Approx(3 - 0.01).epsilon(1e-5));
    }
}

TEST_CASE(
    "learning rate: clipping scales every gradient alike, so that their norm is the limit, and "
    "only above it") {
    Parameter<double> a("a", Array<double>{{1, 2}}), b("b", Array<double>{3});
    const auto clipped = [&](double limit) {
        for (auto* p : {&a, &b}) p->clear_gradient();
        Tape<double> tape;
        tape.backward(sum(a * Var<double>(Array<double>{{3, 0}})) + sum(b * 4.0));
        return nn::clip_gradients<double>({&a, &b}, limit);
    };
    CHECK(clipped(0.5) == 5);
    CHECK(a.gradient()(0, 0) == doctest::Approx(0.3).epsilon(1e-15));
    CHECK(a.gradient()(0, 1) == 0);
    CHECK(b.gradient()(0) == doctest::Approx(0.4).epsilon(1e-15));
    CHECK(clipped(5) == 5);
    CHECK(b.gradient()(0) == 4);
}
