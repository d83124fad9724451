// The check of exercise 4a: derivatives that are known by formula. f notes where it is asked for,
// which tells the learner's step and kind of difference.
#include <algorithm>
#include <cmath>
#include <functional>

#include "examples/exercises/exercise.hpp"

using taper::exercises::Check;

double central_difference(const std::function<double(double)>& f, double x);

struct Known {
    const char* name;
    double (*f)(double);
    double (*slope)(double);
};
static const Known functions[] = {
    {"e^x", [](double x) { return std::exp(x); }, [](double x) { return std::exp(x); }},
    {"sin x", [](double x) { return std::sin(x); }, [](double x) { return std::cos(x); }},
    {"x^3", [](double x) { return x * x * x; }, [](double x) { return 3 * x * x; }},
};

// What the places tell where f was asked for.
static std::string about_places(const std::vector<double>& places, double x) {
    if (places.empty()) return "f was never called.";
    double below = 0, above = 0;  // the longest way on either side
    for (const double place : places) {
        below = std::max(below, x - place);
        above = std::max(above, place - x);
    }
    const double step = std::max(below, above);
    const std::string farthest =
        "The farthest place where f was asked for is " + Check::text(step) + " from x";
    if (below == 0 || above == 0)
        return farthest + ", and all are on one side: that is no central difference.";
    if (std::abs(below - above) > 0.01 * step) return farthest + "; on the other side less far.";
    if (step > 4e-5 * std::max(1.0, std::abs(x))) return farthest + ": the step is too large.";
    if (step < 5e-7 * std::max(1.0, std::abs(x))) return farthest + ": the step is too small.";
    return farthest + ". Is it divided by 2 h?";
}

static void compare(Check& check, const Known& known, double x, double tolerance) {
    std::vector<double> places;
    const auto f = [&](double at) {
        places.push_back(at);
        return known.f(at);
    };
    const double yours = central_difference(f, x);
    const double expected = known.slope(x);
    check.with(std::string("the derivative of ") + known.name + " at x = " + Check::text(x));
    const bool right = check.compare(
        "f'(x)", yours, expected,
        {{2 * expected, "That is twice too much: the way from x - h to x + h is 2 h."}}, tolerance);
    if (!right) Check::explain(about_places(places, x));
}

static void near_one(Check& check) {
    for (const Known& known : functions)
        for (const double x : {0.5, 1.0, -1.2, 0.0}) compare(check, known, x, 1e-9);
}

static void far_away(Check& check) {
    const Known root = {"1000 sqrt x", [](double x) { return 1000 * std::sqrt(x); },
                        [](double x) { return 500 / std::sqrt(x); }};
    const Known line = {"3 x", [](double x) { return 3 * x; }, [](double) { return 3.0; }};
    for (const double x : {1e6, 4e8}) compare(check, root, x, 1e-9);
    compare(check, line, -1e9, 1e-9);
}

int main() { return taper::exercises::run("04a_central_difference", {near_one, far_away}); }
