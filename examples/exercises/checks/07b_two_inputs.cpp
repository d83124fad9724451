// The check of exercise 7b: numbers by hand, the same composed of taper's ops, and gradcheck.
#include <cmath>

#include "core/check/gradcheck.hpp"
#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

Var<double> gate(const Var<double>& x, const Var<double>& g);

static Array<double> gradient(const Parameter<double>& x) {
    return x.has_gradient() ? x.gradient() : zeros<double>(x.shape());
}

static void with_a_pencil(Check& check) {
    Parameter<double> x("x", Array<double>{{4, 8}, {2, -1}});
    Parameter<double> g("g", Array<double>{0, std::log(3.0)});
    const Array<double> dy{{1, 2}, {10, 20}};
    check.with("x {{4,8},{2,-1}}, g {0, ln 3} so that s is {0.5,0.75}, dy {{1,2},{10,20}}");
    Tape<double> tape;
    const Var<double> y = gate(x, g);
    check.compare("y", y.value(), Array<double>{{2, 6}, {1, -0.75}},
                  {{Array<double>{{0, 8 * std::log(3.0)}, {0, -std::log(3.0)}},
                    "That is x g: the gate is s, a number between 0 and 1."},
                   {Array<double>{{2, 4}, {1.5, -0.75}}, "That has a gate a row, not a column."}});
    tape.backward(y, dy);
    check.compare("dx", gradient(x), Array<double>{{0.5, 1.5}, {5, 15}},
                  {{Array<double>{{1, 2}, {10, 20}}, "That is dy. Forwards x was multiplied by s."},
                   {Array<double>{{0.25, 0.375}, {2.5, 3.75}},
                    "That has s (1 - s) in it, which belongs to g."}});
    // s (1 - s): 1/4, 3/16
    check.compare("dg", gradient(g), Array<double>{24 * 0.25, -4 * 0.1875},
                  {{Array<double>{20 * 0.25, -20 * 0.1875}, "That is the last row alone: sum, +=."},
                   {Array<double>{24, -4}, "That is ds. From s to g it is one step more."},
                   {Array<double>{11 * 0.25, 22 * 0.1875}, "x is not in it."},
                   {Array<double>{12 * 0.25, -2 * 0.1875}, "That is a mean over the rows."}});
}

static void as_composed(Check& check) {
    for (const Shape& shape : {Shape{3, 4}, Shape{1, 2}, Shape{5, 1}}) {
        const auto x_values = normal<double>(Random(1, "x"), shape);
        const auto g_values = normal<double>(Random(1, "g"), {shape[1]}, 2);
        const auto dy = normal<double>(Random(1, "dy"), shape);
        for (const bool x_is_constant : {false, true}) {
            Parameter<double> x("x", x_values), g("g", g_values);
            Parameter<double> x_again("x", x_values), g_again("g", g_values);
            {
                Tape<double> tape;
                tape.backward(gate(x_is_constant ? x.detach() : x, g), dy);
            }
            {
                Tape<double> tape;
                tape.backward(x_again * sigmoid(g_again), dy);
            }
            check.with("x " + to_string(shape) + (x_is_constant ? ", no Parameter" : ""));
            check.compare("dg", gradient(g), g_again.gradient());
            if (!x_is_constant) check.compare("dx", gradient(x), x_again.gradient());
        }
    }
}

static void differences(Check& check) {
    const auto op = [](const std::vector<Var<double>>& x) { return gate(x[0], x[1]); };
    const GradcheckReport report = gradcheck(
        "gate", op, {normal<double>(Random(2, "x"), {3, 4}), normal<double>(Random(2, "g"), {4})});
    check.with("taper's gradcheck");
    check.require(report.passed && report.entries == 16, report.text(),
                  "gradcheck: expected that it passes, yours: " + report.text());
}

int main() { return exercises::run("07b_two_inputs", {with_a_pencil, as_composed, differences}); }
