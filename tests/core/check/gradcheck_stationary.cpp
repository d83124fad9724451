// The gradient checker where a derivative is 0 because f is symmetric, and where f overflows within
// a step.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/array/random.hpp"
#include "core/check/gradcheck.hpp"
#include "tests/support/broken_ops.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

using VarsFunction = std::function<Var<double>(const Vars&)>;

// f of its entries, with the sum of one entry from 0 and `wrong` more in the gradient of each.
VarsFunction with_error(const VarsFunction& f, double wrong) {
    const auto zero = [](double) { return 0.0; };
    const auto slope = [wrong](double) { return wrong; };
    return [=](const Vars& x) { return f(x) + sum(claimed(x[0], zero, slope)); };
}

struct Stationary {
    const char* name;
    VarsFunction f;
    Array<double> point;
};

std::vector<Stationary> stationary_points() {
    const auto squared = [](const Var<double>& x) { return x * x; };
    return {
        {"cos", [](const Vars& x) { return cos(x[0]); }, {0}},
        {"cos, beside", [](const Vars& x) { return cos(x[0]); }, {0, 1}},
        {"cos + 7", [](const Vars& x) { return cos(x[0]) + 7.0; }, {0}},
        {"exp(-x^2)", [=](const Vars& x) { return exp(-squared(x[0])); }, {0}},
        {"1 / (1 + x^2)", [=](const Vars& x) { return 1.0 / (1.0 + squared(x[0])); }, {0}},
        {"x^2", [=](const Vars& x) { return squared(x[0]); }, {0}},
        {"x^4", [=](const Vars& x) { return squared(squared(x[0])); }, {0}},
        {"(x - 1)^4", [=](const Vars& x) { return squared(squared(x[0] - 1.0)); }, {1}},
        {"tanh^2", [=](const Vars& x) { return squared(tanh(x[0])); }, {0}},
        {"gelu(x) gelu(-x)", [](const Vars& x) { return gelu(x[0]) * gelu(-x[0]); }, {0}},
        {"sum p^2", [=](const Vars& x) { return sum(squared(softmax(x[0]))); }, {0, 0}},
        {"entropy",
         [](const Vars& x) { return sum(softmax(x[0]) * log_softmax(x[0])); },
         {2, 2, 2}},
        {"sum cos(W x)",
         [](const Vars& x) {
             const Var<double> v(normal<double>(Random(3, "v"), {3, 4}));
             return sum(cos(matmul(x[0], v)));
         },
         zeros<double>({2, 3})},
    };
}

}  // namespace

TEST_CASE(
    "gradcheck: a right gradient passes where f is stationary, entry by entry and along "
    "directions") {
    for (const auto& [name, f, point] : stationary_points())
        for (const bool directions : {false, true}) {
            const auto report = gradcheck(name, f, {point}, {.directions = directions});
            CHECK_MESSAGE(report.passed, report.text());
            CHECK(report.kinks.empty());
            Parameter<double> x("x", point);
            const auto model =
                gradcheck(name, [&f = f, &x] { return f({x}); }, {&x}, {.directions = directions});
            CHECK_MESSAGE(model.passed, model.text());
        }
}

TEST_CASE(
    "gradcheck: a wrong gradient fails where f is stationary, and a wrong 0 where f is steep") {
    for (const auto& [name, f, point] : stationary_points())
        for (const double wrong : {0.1, 1e-3, 1e-6, -1e-8}) {
            const auto report = gradcheck(name, with_error(f, wrong), {point});
            CHECK_MESSAGE(report.wrong == point.size(), report.text());
        }
    // A slope beside a large even part, and a gradient of 0.
    for (const double slope : {1.0, 1e-3, 1e-6, 1e-9}) {
        const auto f = [=](const Vars& x) { return cos(x[0]) + (slope * x[0]).detach(); };
        const auto report = gradcheck("lost", f, {{0.0}});
        CHECK_MESSAGE(!report.passed, report.text());
    }
    const auto hidden =
        gradcheck("hidden", [](const Vars& x) { return 1.0 + (1e-12 * x[0]).detach(); }, {{0.5}});
    CHECK_MESSAGE(!hidden.passed, hidden.text());
}

TEST_CASE("gradcheck: at a kink that is symmetric a gradient between the slopes passes, no other") {
    const auto check = [](double at_0) {
        const auto absolute = [](double v) { return std::abs(v); };
        const auto sign = [=](double v) {
            if (v == 0) return at_0;
            return v > 0 ? 1.0 : -1.0;
        };
        return gradcheck("abs", [=](const Vars& x) { return claimed(x[0], absolute, sign); },
                         {{0.0, 1.0}});
    };
    for (const double inside : {0.0, 0.5, -1.0, 1.0}) {
        const auto report = check(inside);
        CHECK_MESSAGE(report.passed, report.text());
        CHECK(report.kinks.size() == 1);
    }
    for (const double outside : {1.01, -3.0, std::nan("")}) CHECK(check(outside).wrong == 1);
    CHECK(gradcheck("abs", [](const Vars& x) { return abs(x[0]); }, {{0.0}}).passed);
    CHECK(gradcheck("maximum", [](const Vars& x) { return maximum(x[0], -x[0]); }, {{0.0, 1.0}})
              .passed);
    CHECK(gradcheck("norm", [](const Vars& x) { return norm(x[0]); }, {zeros<double>({3})}).passed);
    CHECK(gradcheck("abs", [](const Vars& x) { return abs(x[0]); }, {{0.0}}, {.directions = true})
              .passed);
}

TEST_CASE(
    "gradcheck: a wrong gradient fails where f overflows within the first steps, a right one "
    "passes") {
    const auto steep = [](double v) { return std::exp(1e6 * v); };
    const auto right = [](double v) { return 1e6 * std::exp(1e6 * v); };
    const Array<double> x{1e-7, 2e-7, 0, -1e-6, -1e-5};
    const auto check = [&](const std::function<double(double)>& slope, const Array<double>& point) {
        return gradcheck("steep", [=](const Vars& v) { return claimed(v[0], steep, slope); },
                         {point});
    };
    CHECK_MESSAGE(check(right, x).passed, check(right, x).text());
    const auto constant = check([](double) { return 12345; }, x);
    CHECK_MESSAGE(constant.wrong == x.size(), constant.text());
    for (const double error : {0.5, 0.9, 0.1, 0.01, 1e-4, 1e-6}) {
        const auto report = check([=](double v) { return (1 - error) * right(v); }, {1e-7});
        CHECK_MESSAGE(report.wrong == 1, report.text());
    }
}
