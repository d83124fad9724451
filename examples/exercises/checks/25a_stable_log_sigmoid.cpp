// The check of exercise 25a: the textbook formula where it is right, limits where it is not, and
// differences for the derivative.
#include <cmath>
#include <string>

#include "examples/exercises/exercise.hpp"

using taper::exercises::Check;

double log_of_sigmoid(double z);
double log_of_sigmoid_dz(double z);

static double textbook(double z) { return std::log(1 / (1 + std::exp(-z))); }

static void ordinary(Check& check) {
    for (const double z : {0.0, 1.0, -1.0, 2.5, -3.0}) {
        const double p = 1 / (1 + std::exp(-z));
        check.with("z = " + Check::text(z));
        check.compare("ln p", log_of_sigmoid(z), textbook(z),
                      {{p, "That is p itself."},
                       {textbook(-z), "That is of -z, the logarithm of 1 - p."},
                       {-textbook(z), "That is -ln p."},
                       {-textbook(-z), "That is ln(1 + e^z)."}});
        check.compare("the derivative", log_of_sigmoid_dz(z), 1 - p,
                      {{p, "That is p."},
                       {p * (1 - p), "That is the derivative of p, not yet of its logarithm."},
                       {1 / p, "That is the derivative of ln p by p. p depends on z, too."}});
    }
}

static void very_unlikely(Check& check) {
    for (const double z : {-40.0, -1000.0, -1e6, -1e300}) {
        check.with("z = " + Check::text(z) + ", where ln p is z to all digits");
        check.compare("ln p", log_of_sigmoid(z), z,
                      {{-INFINITY, "p has become 0. Can one do without it?"},
                       {INFINITY, "e^(-z) has become infinite. Take it out of the sum."},
                       {0, "For z far below 0, ln p is near z."}});
        check.compare("the derivative", log_of_sigmoid_dz(z), 1,
                      {{std::nan(""), "That is inf / inf, or 0 * inf. Multiply both by e^z."},
                       {0, "Far below 0 ln p is near z: its slope is 1."}});
    }
}

// Compared as a quotient: the numbers are very small.
static void very_likely(Check& check) {
    for (const double z : {40.0, 100.0, 700.0}) {
        check.with("z = " + Check::text(z) + ", where ln p is -e^(-z) to all digits");
        check.compare("ln p, divided by -e^(-z)", log_of_sigmoid(z) / -std::exp(-z), 1,
                      {{0, "1 + e^(-z) is rounded to 1. There is a function that keeps it."}});
        check.compare("the derivative, divided by e^(-z)", log_of_sigmoid_dz(z) / std::exp(-z), 1,
                      {{0, "p is rounded to 1, so that 1 - p is 0. Do without the difference."}});
    }
    for (const double z : {1000.0, 1e300}) {
        check.with("z = " + Check::text(z) + ", where both are too small for a double");
        check.compare("ln p", log_of_sigmoid(z), 0);
        check.compare("the derivative", log_of_sigmoid_dz(z), 0);
    }
}

static void by_differences(Check& check) {
    const double h = 1e-5;
    for (const double z : {-30.0, -0.5, 0.0, 0.3, 8.0}) {
        check.with("z = " + Check::text(z) + ", by differences");
        check.compare("the derivative", log_of_sigmoid_dz(z),
                      (log_of_sigmoid(z + h) - log_of_sigmoid(z - h)) / (2 * h), {}, 1e-8);
    }
}

int main() {
    return taper::exercises::run("25a_stable_log_sigmoid",
                                 {ordinary, very_unlikely, very_likely, by_differences});
}
