// The check of exercise 16b: two rows by hand, then the same norm made of taper's small ops.
#include <array>
#include <cmath>
#include <vector>

#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

Var<double> rms_norm(const Var<double>& x, const Var<double>& gain, double epsilon);

struct Result {
    Array<double> y, dx, dgain;
};
static Result of_yours(const Array<double>& x_value, const Array<double>& gain_value,
                       double epsilon, const Array<double>& dy) {
    const Parameter<double> x("x", x_value);
    const Parameter<double> gain("gain", gain_value);
    Tape<double> tape;
    const Var<double> y = rms_norm(x, gain, epsilon);
    tape.backward(y, dy);
    return {y.value(), x.gradient(), gain.gradient()};
}

static void with_a_pencil(Check& check) {
    check.with(
        "x {{1,5,7},{2,-2,2}}, gain {1,-1,2}, epsilon 0, dy {{5,10,1},{4,2,1}};\n"
        "so the roots of q are 5 and 2");
    const Result yours =
        of_yours({{1, 5, 7}, {2, -2, 2}}, Array<double>{1, -1, 2}, 0, {{5, 10, 1}, {4, 2, 1}});
    const double s3 = std::sqrt(3);
    check.compare("y", yours.y, Array<double>{{0.2, -1, 2.8}, {1, 1, 2}},
                  {{Array<double>{{0.2 / s3, -1 / s3, 2.8 / s3}, {1 / s3, 1 / s3, 2 / s3}},
                    "That is divided by the length of the row. It is the root of a mean."},
                   {Array<double>{{0.2, 1, 1.4}, {1, -1, 1}}, "The gain is missing."},
                   {Array<double>{{0.04, -0.2, 0.56}, {0.5, 0.5, 1}},
                    "That is divided by q. It is its root."}});
    check.compare("dgain", yours.dgain, Array<double>{5, 8, 2.4},
                  {{Array<double>{4, -2, 1}, "That is the last row. All rows share the gain."},
                   {Array<double>{13, 46, 9}, "That is with x. The gain stands before z."},
                   {Array<double>{5, -8, 4.8},
                    "That has the gain itself in it. The derivative of gain z by gain is z."}});
    // g is dy gain, {{5,-10,2},{4,-2,2}}; the means of g z are -6.2/3 and 8/3, of g -1 and 4/3.
    const double a = -6.2 / 3, b = 8.0 / 3, m = 4.0 / 3;
    const auto rows = [](double a0, double a1, double a2, double b0, double b1, double b2) {
        return Array<double>{{a0 / 5, a1 / 5, a2 / 5}, {b0 / 2, b1 / 2, b2 / 2}};
    };
    check.compare(
        "dx", yours.dx, rows(5 - 0.2 * a, -10 - a, 2 - 1.4 * a, 4 - b, -2 + b, 2 - b),
        {{rows(5, -10, 2, 4, -2, 2), "That is the straight path alone. q is made of x as well."},
         {rows(6 - 0.2 * a, -9 - a, 3 - 1.4 * a, 4 - b - m, -2 + b - m, 2 - b - m),
          "That is LayerNorm's: the path through a mean of x is not here."},
         {rows(5 * (5 - 0.2 * a), 5 * (-10 - a), 5 * (2 - 1.4 * a), 2 * (4 - b), 2 * (-2 + b),
               2 * (2 - b)),
          "A factor that each row has by itself is missing: the straight slope of z by x."},
         {rows(5 - 0.6 * a, -10 - 3 * a, 2 - 4.2 * a, 4 - 3 * b, -2 + 3 * b, 2 - 3 * b),
          "There stands a sum where there should be a mean: 1/d is in q."},
         {rows(5 + 0.2 * a, -10 + a, 2 + 1.4 * a, 4 + b, -2 - b, 2 + b),
          "The path through q has the other sign: where q rises, z falls."},
         {rows(5 - 0.1 * a, -10 - 0.5 * a, 2 - 0.7 * a, 4 - 0.5 * b, -2 + 0.5 * b, 2 - 0.5 * b),
          "The path through q is only half of it: the derivative of x^2 is 2 x."}});
}

static void as_small_ops(Check& check) {
    std::uint32_t number = 0;
    for (const auto& [n, d] :
         std::vector<std::array<std::size_t, 2>>{{3, 5}, {1, 4}, {5, 2}, {2, 1}})
        for (const double epsilon : {1e-5, 0.5}) {
            const Random random(1, "rms norm", ++number);
            const Parameter<double> x("x", normal<double>(random, {n, d}));
            const Parameter<double> gain("gain", normal<double>(random.substream(1), {d}));
            const auto dy = normal<double>(random.substream(2), {n, d});
            Tape<double> tape;
            const Var<double> y = gain * x / sqrt(mean(square(x), {-1}, KeepDims::yes) + epsilon);
            tape.backward(y, dy);
            check.with("x " + to_string(x.shape()) + ", epsilon " + Check::text(epsilon));
            const Result yours = of_yours(x.value(), gain.value(), epsilon, dy);
            check.compare("y", yours.y, y.value());
            check.compare("dgain", yours.dgain, gain.gradient());
            check.compare("dx", yours.dx, x.gradient());
        }
}

int main() { return exercises::run("16b_rms_norm", {with_a_pencil, as_small_ops}); }
