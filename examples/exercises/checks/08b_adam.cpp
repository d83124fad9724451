// The check of exercise 8b: the first two steps by hand, then many beside taper's Adam.
#include <cmath>

#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"
#include "nn/optim/adam.hpp"

using namespace taper;
using exercises::Check;
using Vector = std::vector<double>;

struct AdamRates {
    double learning_rate, beta1, beta2, epsilon;
};

void adam_step(Vector& w, Vector& m, Vector& v, const Vector& g, int t, const AdamRates& rates);

static void first_steps(Check& check) {
    const AdamRates rates{0.5, 0.5, 0.84, 1e-8};
    Vector w{3, 3, 3}, m(3, 0.0), v(3, 0.0);
    check.with("w {3,3,3}, rate 0.5, beta_1 0.5, beta_2 0.84: step 1 with g {100,-0.001,0}");
    adam_step(w, m, v, {100, -0.001, 0}, 1, rates);
    check.compare("m", m, Vector{50, -0.0005, 0},
                  {{Vector{100, -0.001, 0}, "That is corrected. m itself stays as it is."}});
    check.compare("v", v, Vector{1600, 0.16e-6, 0},
                  {{Vector{16, -0.00016, 0}, "That is a mean of g. v is one of g^2."},
                   {Vector{10000, 1e-6, 0}, "That is corrected. v itself stays as it is."}});
    const double uncorrected = 0.5 * 0.5 / std::sqrt(0.16);
    check.compare("w", w, Vector{2.5, 3.5 - 0.5e-5, 3},
                  {{Vector{3 - uncorrected, 3 + uncorrected, 3}, "m and v are uncorrected."},
                   {Vector{3.5, 2.5, 3}, "That is up the hill."},
                   {Vector{2.5, 3.5, std::nan("")}, "0 / 0: where is epsilon?"}},
                  2e-5);
    check.compare("w where g is -0.001", w[1], 3 + 0.5 * 0.001 / (0.001 + 1e-8),
                  {{3 + 0.5 * 0.001 / std::sqrt(1e-6 + 1e-8),
                    "epsilon is inside of the root. It is added behind it."},
                   {3.5, "Where is epsilon?"}},
                  1e-8);
    check.with("step 2 with g {-100,-0.001,0}");
    const Vector before = w;
    adam_step(w, m, v, {-100, -0.001, 0}, 2, rates);
    check.compare("m", m, Vector{-25, -0.00075, 0});
    check.compare("v", v, Vector{2944, 0.2944e-6, 0});
    // 1 - beta^2: 0.75 and 0.2944
    check.compare("the way of w[0]", w[0] - before[0], 0.5 * (25 / 0.75) / 100,
                  {{0.5 * (25 / 0.5) / std::sqrt(2944 / 0.16),
                    "The correction is that of step 1: it depends on t."}},
                  1e-8);
}

static void as_adam(Check& check) {
    const AdamRates rates{0.01, 0.9, 0.95, 1e-8};
    const auto start = normal<double>(Random(1, "w"), {6});
    Parameter<double> parameter("w", start);
    nn::Adam<double> adam({&parameter},
                          {.beta1 = rates.beta1, .beta2 = rates.beta2, .eps = rates.epsilon});
    Vector w(start.begin(), start.end()), m(6, 0.0), v(6, 0.0);
    check.with("50 steps beside taper's Adam");
    for (int t = 1; t <= 50; ++t) {
        const auto g = normal<double>(Random(1, "g", static_cast<std::uint32_t>(t)), {6}, 10.0 / t);
        Tape<double> tape;
        tape.backward(parameter + 0.0, g);
        adam.step(rates.learning_rate);
        adam_step(w, m, v, Vector(g.begin(), g.end()), t, rates);
    }
    const Array<double>& expected = parameter.value();
    check.compare("w", w, Vector(expected.begin(), expected.end()));
}

int main() { return exercises::run("08b_adam", {first_steps, as_adam}); }
