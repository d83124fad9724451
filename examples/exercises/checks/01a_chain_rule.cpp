// The check of exercise 1a: the values, and numeric derivatives of the same graph.
#include <map>
#include <string>

#include "examples/exercises/exercise.hpp"

using taper::exercises::Check;
using taper::exercises::entry;

std::map<std::string, double> values();
std::map<std::string, double> gradients();

static const double a = 2, b = -3, c = 5;

// The result of the graph. What is added to u and to v moves these nodes alone.
static double w(double at_a, double at_b, double at_c, double to_u = 0, double to_v = 0) {
    const double u = at_a * at_b + to_u;
    const double v = u + at_c + to_v;
    return at_a * v;
}
// A central difference; exact here but for rounding, since w is a polynomial of degree 2.
template <class F> static double slope(F f) {
    const double h = 1.0 / 1024;
    return (f(h) - f(-h)) / (2 * h);
}

static void forwards(Check& check) {
    const auto yours = values();
    check.with("the values, with a = 2, b = -3, c = 5");
    check.compare("u", entry(yours, "u"), a * b);
    check.compare("v", entry(yours, "v"), a * b + c);
    check.compare("w", entry(yours, "w"), w(a, b, c));
}

static void backwards(Check& check) {
    const auto yours = gradients();
    const auto by = [&yours](const char* name) { return entry(yours, name); };
    const double dv = slope([](double h) { return w(a, b, c, 0, h); });
    const double du = slope([](double h) { return w(a, b, c, h); });
    check.with("the gradients");
    check.compare("dw", by("dw"), 1);
    check.compare("dv", by("dv"), dv);
    check.compare("du", by("du"), du);
    check.compare("dc", by("dc"), slope([](double h) { return w(a, b, c + h); }),
                  {{1, "That is d v / d c alone. The chain rule multiplies it by dv."}});
    check.compare("db", by("db"), slope([](double h) { return w(a, b + h, c); }),
                  {{a, "That is d u / d b alone. The chain rule multiplies it by du."}});
    check.compare("da", by("da"), slope([](double h) { return w(a + h, b, c); }),
                  {{a * b + c, "That is the direct path alone. There is one through u as well."},
                   {du * b, "That is the path through u alone. There is a direct one as well."}});
}

int main() { return taper::exercises::run("01a_chain_rule", {forwards, backwards}); }
