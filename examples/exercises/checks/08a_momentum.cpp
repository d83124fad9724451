// The check of exercise 8a: three steps by hand, then many beside taper's Sgd.
#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"
#include "nn/optim/sgd.hpp"

using namespace taper;
using exercises::Check;
using Vector = std::vector<double>;

void momentum_step(Vector& w, Vector& v, const Vector& g, double learning_rate, double momentum);

static void with_a_pencil(Check& check) {
    Vector w{1, -2}, v{0, 0};
    check.with("w {1,-2}, v {0,0}, learning rate 0.5, momentum 0.5, a step with g {2,4}");
    momentum_step(w, v, {2, 4}, 0.5, 0.5);
    check.compare("v", v, Vector{2, 4},
                  {{Vector{1, 2}, "g is added as it is: v <- mu v + g."},
                   {Vector{-1, -2}, "v adds up gradients; the minus stands before the step."}});
    check.compare("w", w, Vector{0, -4},
                  {{Vector{1, -2}, "w did not move: it moves by the new v, so v comes first."},
                   {Vector{2, 0}, "That is up the hill: the step is against the gradient."},
                   {Vector{-1, -6}, "The learning rate is missing."}});
    check.with("a second step with g {2,-1}");
    momentum_step(w, v, {2, -1}, 0.5, 0.5);
    check.compare("v", v, Vector{3, 1},
                  {{Vector{2, -1}, "That is g: half of the old v is still to be in it."},
                   {Vector{4, 3}, "Half of the old v alone survives."}});
    check.compare("w", w, Vector{-1.5, -4.5},
                  {{Vector{-1, -3.5}, "w was moved by g. It is moved by v."}});
}

static void as_sgd(Check& check) {
    for (const double momentum : {0.0, 0.9}) {
        const auto start = normal<double>(Random(1, "w"), {6});
        Parameter<double> parameter("w", start);
        nn::Sgd<double> sgd({&parameter}, {.momentum = momentum});
        Vector w(start.begin(), start.end()), v(6, 0.0);
        check.with("20 steps, momentum " + Check::text(momentum));
        for (std::uint32_t step = 0; step < 20; ++step) {
            const auto g = normal<double>(Random(1, "g", step), {6});
            Tape<double> tape;
            tape.backward(parameter + 0.0, g);
            sgd.step(0.1);
            momentum_step(w, v, Vector(g.begin(), g.end()), 0.1, momentum);
        }
        const Array<double>& expected = parameter.value();
        check.compare("w", w, Vector(expected.begin(), expected.end()));
    }
}

int main() { return exercises::run("08a_momentum", {with_a_pencil, as_sgd}); }
