// The check of exercise 7a: values and gradients beside those of taper's sigmoid, then gradcheck.
#include <cmath>

#include "core/check/gradcheck.hpp"
#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

Var<double> my_sigmoid(const Var<double>& x);

static Array<double> gradient(const Array<double>& at, const Array<double>& dy) {
    Parameter<double> x("x", at);
    Tape<double> tape;
    tape.backward(my_sigmoid(x), dy);
    return x.has_gradient() ? x.gradient() : zeros<double>(at.shape());
}

static void with_a_pencil(Check& check) {
    const Array<double> x{0, std::log(3.0), -std::log(3.0)};
    check.with("x {0, ln 3, -ln 3}, dy {1,2,4}");
    check.compare("y", my_sigmoid(x).value(), Array<double>{0.5, 0.75, 0.25},
                  {{Array<double>{0.5, 0.25, 0.75}, "That is the sigmoid of -x."},
                   {Array<double>{1, 3, 1.0 / 3}, "That is e^x."}});
    const Array<double> dx = gradient(x, {1, 2, 4});
    check.compare("dx", dx, Array<double>{0.25, 0.375, 0.75},
                  {{Array<double>{0.25, 0.1875, 0.1875}, "dy is not in it."},
                   {Array<double>{0.75, 1.75 * 1.5, 1.25}, "That is y (1 + y): which sign?"},
                   {Array<double>{0.5, 0.5, 3}, "That is 1 - y alone, times dy."},
                   {Array<double>{0.5, 1.5, 1}, "That is y alone, times dy."},
                   {Array<double>{0.75, 0.875, 3.75}, "That is 1 - y^2: the derivative of tanh."}});
}

static void far_out(Check& check) {
    check.with("x {1000,-1000}, dy {1,1}");
    check.compare("y", my_sigmoid(Array<double>{1000, -1000}).value(), Array<double>{1, 0});
    check.compare("dx", gradient({1000, -1000}, {1, 1}), Array<double>{0, 0},
                  {{Array<double>{0, std::nan("")}, "e^1000 is inf. Use y, which is finite."}});
}

static void as_the_op(Check& check) {
    const auto at = normal<double>(Random(1, "x"), {2, 3, 2}, 2);
    const auto dy = normal<double>(Random(1, "dy"), {2, 3, 2});
    Parameter<double> x("x", at);
    Tape<double> tape;
    const Var<double> y = sigmoid(x);
    tape.backward(y, dy);
    check.with("x (2,3,2)");
    check.compare("y", my_sigmoid(at).value(), y.value());
    check.compare("dx", gradient(at, dy), x.gradient());
}

static void differences(Check& check) {
    const auto op = [](const std::vector<Var<double>>& x) { return my_sigmoid(x[0]); };
    const GradcheckReport report =
        gradcheck("my_sigmoid", op, {normal<double>(Random(2, "x"), {3, 4}, 2)});
    check.with("taper's gradcheck");
    check.require(report.passed && report.entries == 12, report.text(),
                  "gradcheck: expected that it passes, yours: " + report.text());
}

int main() {
    return exercises::run("07a_sigmoid", {with_a_pencil, far_out, as_the_op, differences});
}
