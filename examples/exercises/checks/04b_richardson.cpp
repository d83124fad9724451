// The check of exercise 4b: powers of x, for which every difference is known exactly, then how fast
// the error falls.
#include <cmath>
#include <functional>

#include "examples/exercises/exercise.hpp"

using taper::exercises::Check;
using Function = std::function<double(double)>;

double extrapolated(const Function& f, double x, double h);
double extrapolated_twice(const Function& f, double x, double h);

// D(h) of x^5: 5 x^4 + 10 x^2 h^2 + h^4
static double fifth(double x, double h) {
    return 5 * x * x * x * x + 10 * x * x * h * h + h * h * h * h;
}

static void powers(Check& check) {
    const double x = 1, h = 0.5;
    const auto cube = [](double at) { return at * at * at; };
    const auto power = [](double at) { return std::pow(at, 5); };
    check.with("x^3 at x = 1 with h = 0.5, where D(h) = 3 + h^2");
    check.compare("extrapolated", extrapolated(cube, x, h), 3,
                  {{3.25, "That is D(h)."},
                   {3.0625, "That is D(h / 2)."},
                   {3.3125, "That is (4 D(h) - D(h / 2)) / 3: the wrong one has the factor."},
                   {3.15625, "That is the mean of both."},
                   {2.875, "That is 2 D(h / 2) - D(h): right where the error falls as h, not h^2."},
                   {9, "h^2 is gone. How often is f' in it?"}});
    check.with("x^5 at x = 1 with h = 0.5, where D(h) = 5 + 10 h^2 + h^4");
    check.compare("extrapolated", extrapolated(power, x, h),
                  (4 * fifth(x, h / 2) - fifth(x, h)) / 3,
                  {{(4 * fifth(x, h) - fifth(x, 2 * h)) / 3,
                    "That is of the steps 2 h and h. They are to be h and h / 2."}});
    const double wide = (4 * fifth(x, h / 2) - fifth(x, h)) / 3;
    const double narrow = (4 * fifth(x, h / 4) - fifth(x, h / 2)) / 3;
    check.compare("extrapolated_twice", extrapolated_twice(power, x, h), 5,
                  {{(4 * narrow - wide) / 3,
                    "4 and 3 are for an error that falls as h^2. This one falls as h^4."},
                   {narrow, "That is extrapolated once, with h / 2."},
                   {wide, "That is extrapolated once."}});
}

static void halves(Check& check) {
    const auto f = [](double x) { return std::exp(x) * std::sin(x); };
    const double x = 0.7, h = 0.2;
    const double slope = std::exp(x) * (std::sin(x) + std::cos(x));
    const double once = (extrapolated(f, x, h) - slope) / (extrapolated(f, x, h / 2) - slope);
    const double twice =
        (extrapolated_twice(f, x, h) - slope) / (extrapolated_twice(f, x, h / 2) - slope);
    check.with("e^x sin x at x = 0.7: the error with h = 0.2 over that with h = 0.1");
    // The next power of h is in it too: half of a power of 2 on either side.
    const auto about = [&check](const char* name, double ratio, double expected) {
        check.require(ratio > expected / 2 && ratio < expected * 2,
                      std::string(name) + ": " + Check::text(ratio),
                      std::string(name) + ": expected about " + Check::text(expected) + ", yours " +
                          Check::text(ratio));
    };
    about("extrapolated", once, 16);
    about("extrapolated_twice", twice, 64);
}

int main() { return taper::exercises::run("04b_richardson", {powers, halves}); }
