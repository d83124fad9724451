// The check of exercise 1b: values and derivatives of each op alone, then of expressions that use
// both, held against central differences.
#include <cmath>

#include "examples/exercises/exercise.hpp"
#include "examples/exercises/scalar_tape.hpp"

using taper::exercises::Check;

Number operator/(Number a, Number b);
Number exp(Number a);

static void quotient(Check& check) {
    for (const auto& [a, b] : {std::pair{6.0, 3.0}, {1.0, 4.0}, {-2.0, 0.5}, {3.0, -4.0}}) {
        check.with("a / b with a = " + Check::text(a) + ", b = " + Check::text(b));
        const Number x = a, z = b;
        const Number y = x / z;
        const std::vector<double> gradient = gradients_of(y);
        check.compare("y", y.value, a / b);
        check.compare("da", gradient[x.index], 1 / b, {{b, "That is the slope of a product."}});
        check.compare("db", gradient[z.index], -a / (b * b),
                      {{a / (b * b), "The sign: a quotient falls where b rises (a, b > 0)."},
                       {1 / b, "By b the quotient is no line. What is the derivative of 1 / b?"},
                       {-1 / (b * b), "That is the derivative of 1 / b; the factor a is missing."},
                       {a, "That is the slope of a product."}});
    }
}

static void exponential(Check& check) {
    for (const double a : {2.0, 0.0, -1.0}) {
        check.with("e^a with a = " + Check::text(a));
        const Number x = a;
        const Number y = exp(x);
        check.compare("y", y.value, std::exp(a));
        check.compare("da", gradients_of(y)[x.index], std::exp(a),
                      {{a * std::exp(a - 1), "That is the rule for a power, a^n. This is e^a."},
                       {a, "The derivative of e^a is e^a, not its exponent."},
                       {1, "The derivative of e^a is e^a, and 1 at a = 0 alone."},
                       {0, "Nothing came back: which record is its input?"}});
    }
}

// One text for Number and for double.
template <class N> static N logistic(N a, N b) {
    using std::exp;
    return N(1) / (N(1) + exp(a * b));
}
template <class N> static N mixed(N a, N b) {
    using std::exp;
    return exp(a / b) * a + b / exp(a);
}

static void both(Check& check) {
    const double h = 1e-5;
    for (const auto& [a, b] : {std::pair{0.5, -1.5}, {-2.0, 0.7}})
        for (const int which : {0, 1}) {
            const auto f = [which](auto x, auto z) {
                return which == 0 ? logistic(x, z) : mixed(x, z);
            };
            check.with(std::string(which == 0 ? "1 / (1 + e^(a b))" : "e^(a / b) a + b / e^a") +
                       " with a = " + Check::text(a) + ", b = " + Check::text(b));
            const Number x = a, z = b;
            const std::vector<double> gradient = gradients_of(f(x, z));
            check.compare("da", gradient[x.index], (f(a + h, b) - f(a - h, b)) / (2 * h), {}, 1e-7);
            check.compare("db", gradient[z.index], (f(a, b + h) - f(a, b - h)) / (2 * h), {}, 1e-7);
        }
}

int main() { return taper::exercises::run("01b_scalar_op", {quotient, exponential, both}); }
