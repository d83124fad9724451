// The check of exercise 24a: numbers by hand, then derivatives by differences.
#include <cmath>
#include <vector>

#include "examples/exercises/exercise.hpp"

using taper::exercises::Check;
using Pair = std::vector<double>;

struct Dual {
    double a, b;
};
Dual product(Dual x, Dual y);
Dual quotient(Dual x, Dual y);
Dual exponential(Dual x);
Dual logarithm(Dual x);

static Pair pair(Dual x) { return {x.a, x.b}; }

static void with_a_pencil(Check& check) {
    check.with("x = 3 + 2 eps, y = 5 + 7 eps");
    check.compare("product {a, b}", pair(product({3, 2}, {5, 7})), Pair{15, 31},
                  {{Pair{15, 14}, "The derivative of a product is not the product of the two."},
                   {Pair{29, 31}, "There eps^2 is 1. It is 0."},
                   {Pair{1, 31}, "There eps^2 is -1, as with complex numbers. It is 0."},
                   {Pair{15, 10}, "That is for a y that is constant: y changes too."},
                   {Pair{15, 21}, "That is for an x that is constant: x changes too."}});
    check.with("x = 6 + 5 eps, y = 2 + 4 eps");
    check.compare("quotient {a, b}", pair(quotient({6, 5}, {2, 4})), Pair{3, -3.5},
                  {{Pair{3, 1.25}, "The derivative of a quotient is not the quotient of the two."},
                   {Pair{3, 3.5}, "The other way round: what comes of x counts up, of y down."},
                   {Pair{3, -14}, "That is not divided by y^2 yet."},
                   {Pair{3, -7}, "That is divided by y once too few."},
                   {Pair{3, 2.5}, "That is for a y that is constant: y changes too."},
                   {Pair{3, 8.5}, "That is the sum of two terms; it is their difference."}});
    check.with("x = 0 + 3 eps");
    check.compare("exponential {a, b}", pair(exponential({0, 3})), Pair{1, 3},
                  {{Pair{1, std::exp(3)}, "b is a derivative: it is not put into e^x itself."},
                   {Pair{1, 1}, "The chain rule: b is a factor."}});
    check.with("x = 4 + 3 eps");
    check.compare("logarithm {a, b}", pair(logarithm({4, 3})), Pair{std::log(4), 0.75},
                  {{Pair{std::log(4), std::log(3)}, "b is a derivative: there is no ln of it."},
                   {Pair{std::log(4), 0.25}, "The chain rule: b is a factor."}});
}

static void several(Check& check) {
    check.with("x = -2 + 0.5 eps, y = -4 - 3 eps");
    check.compare("product {a, b}", pair(product({-2, 0.5}, {-4, -3})), Pair{8, 4});
    check.compare("quotient {a, b}", pair(quotient({-2, 0.5}, {-4, -3})), Pair{0.5, -0.5});
    check.compare("exponential {a, b}", pair(exponential({-2, 0.5})),
                  Pair{std::exp(-2), 0.5 * std::exp(-2)});
    // x^x / (x + 1), as e^(x ln x) / (x + 1)
    const auto f = [](double x) { return std::pow(x, x) / (x + 1); };
    const double h = 1e-5;
    for (const double x : {0.5, 1.0, 2.5}) {
        check.with("e^(x ln x) / (x + 1) at x = " + Check::text(x) + " + eps");
        const Dual X{x, 1};
        const Dual y = quotient(exponential(product(X, logarithm(X))), {x + 1, 1});
        check.compare("the value", y.a, f(x));
        check.compare("the derivative", y.b, (f(x + h) - f(x - h)) / (2 * h), {}, 1e-6);
    }
}

int main() { return taper::exercises::run("24a_dual_numbers", {with_a_pencil, several}); }
