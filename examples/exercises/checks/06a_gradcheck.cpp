// The check of exercise 6a: gradients that are right, and ones that are wrong in the ways that a
// gradient check must not miss.
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "examples/exercises/exercise.hpp"

using taper::exercises::Check;
using Vector = std::vector<double>;
using Function = std::function<double(const Vector&)>;

bool gradient_is_right(const Function& f, Vector x, const Vector& gradient);

static const Vector x{1.5, -2, 0.5};

// s (x0^2 x1 + sin x2)
static Function function(double s) {
    return [s](const Vector& v) { return s * (v[0] * v[0] * v[1] + std::sin(v[2])); };
}
static Vector slopes(double s) {
    return {s * 2 * x[0] * x[1], s * x[0] * x[0], s * std::cos(x[2])};
}

static void compare(Check& check, const std::string& what, bool yours, bool expected,
                    const std::string& if_wrong) {
    const auto word = [](bool right) { return std::string(right ? "right" : "wrong"); };
    check.require(yours == expected, what + ": " + word(expected),
                  what + ": expected " + word(expected) + ", yours says " + word(yours), if_wrong);
}

static void right_ones(Check& check) {
    check.with("x0^2 x1 + sin x2 at (1.5,-2,0.5), with gradients that are right");
    compare(check, "the gradient", gradient_is_right(function(1), x, slopes(1)), true, "");
    compare(check, "with 3e-9 more in an entry",
            gradient_is_right(function(1), x, {slopes(1)[0], slopes(1)[1], slopes(1)[2] + 3e-9}),
            true, "The differences themselves are right to some nine digits only.");
    compare(check, "of a million times that", gradient_is_right(function(1e6), x, slopes(1e6)),
            true, "The bound grows with the largest entry of n.");
    const auto sum = [](const Vector& v) { return v[0] + v[1] + v[2]; };
    compare(check, "zeros, of a constant",
            gradient_is_right([](const Vector&) { return 7; }, x, {0, 0, 0}), true,
            "Where all is 0 the bound is 0, and 0 <= 0 is right; 0 / 0 would be nan.");
    compare(check, "ones, of a sum", gradient_is_right(sum, x, {1, 1, 1}), true, "");
    // Moved by h, x0 would change the slope by x1 thirtyfold.
    const auto steep = [](const Vector& v) { return std::exp(30 * v[0]) * v[1]; };
    const double e = std::exp(30 * 0.1);
    compare(check, "of e^(30 x0) x1", gradient_is_right(steep, {0.1, 0.01}, {0.3 * e, e}), true,
            "Is x[0] put back before x[1] is moved?");
}

static void wrong_ones(Check& check) {
    check.with("gradients that are wrong");
    const auto with = [](std::size_t i, double value) {
        Vector gradient = slopes(1);
        gradient[i] = value;
        return gradient_is_right(function(1), x, gradient);
    };
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double infinity = std::numeric_limits<double>::infinity();
    compare(check, "the first entry with the other sign", with(0, -slopes(1)[0]), false,
            "Are entries compared by their sizes alone?");
    compare(check, "the last entry 0", with(2, 0), false, "Are all entries looked at?");
    compare(check, "one part in ten thousand too much", with(1, slopes(1)[1] * 1.0001), false,
            "The bound is too wide.");
    compare(check, "of a function 1e-8 times as large, twice too much",
            gradient_is_right(function(1e-8), x, slopes(2e-8)), false,
            "The bound is a part of the largest entry of n. A fixed one passes small gradients.");
    for (const std::size_t i : {0u, 1u, 2u})
        compare(check, "nan in entry " + std::to_string(i), with(i, nan), false,
                "Every comparison with nan is false, so error > bound is.");
    compare(check, "an infinite entry", with(1, infinity), false, "");
    compare(check, "too short", gradient_is_right(function(1), x, {slopes(1)[0], slopes(1)[1]}),
            false, "Compare the lengths first.");
    Vector longer = slopes(1);
    longer.push_back(1);
    compare(check, "too long", gradient_is_right(function(1), x, longer), false,
            "Compare the lengths first.");
}

int main() { return taper::exercises::run("06a_gradcheck", {right_ones, wrong_ones}); }
