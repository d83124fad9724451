// The gradient checker where f is not smooth or not finite: kinks, poles, functions rounded to
// float, NaN.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/check/gradcheck.hpp"
#include "tests/support/broken_ops.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::tests;

TEST_CASE("gradcheck: a kink is a kink and no wrong gradient") {
    const Array<double> x{0, 1e-12, -1e-9, 3e-7, -1e-5, 1e-4, 0.7, -1};
    const auto report = gradcheck("relu", [](const Vars& v) { return relu(v[0]) + 1.0; }, {x});
    CHECK_MESSAGE(report.passed, report.text());
    CHECK(report.kinks.size() == 6);
    CHECK(report.kinks[0].entry == "(0)");
    CHECK(contains(report.text(), "6 at or near a kink, first input 0 (8) (0): slopes"));
    CHECK(std::min(std::abs(report.kinks[0].slope_below), std::abs(report.kinks[0].slope_above)) <
          1e-9);

    const auto between = [&](double at_0) {
        const auto slope = [=](double e) {
            if (e == 0) return at_0;
            return e > 0 ? 2.0 : 0.0;
        };
        return gradcheck("kink", [=](const Vars& v) { return claimed(v[0], twice_relu, slope); },
                         {x});
    };
    for (const double inside : {0.0, 0.5, 1.0, 2.0})
        CHECK_MESSAGE(between(inside).passed, between(inside).text());
    for (const double outside : {-0.01, 2.001, 5.0}) {
        CHECK(between(outside).wrong == 1);
        CHECK(contains(between(outside).text(), "at a kink, and not between its slopes"));
    }
    const auto beside = [](double e) { return e > 0 ? 2.0001 : 0; };  // wrong beside the kink
    CHECK(gradcheck("beside", [=](const Vars& v) { return claimed(v[0], twice_relu, beside); }, {x})
              .wrong >= 3);
    const auto max_report =
        gradcheck("max", [](const Vars& v) { return max(v[0]); }, {{1, 3, 3, 2}});
    CHECK(max_report.passed);
    CHECK(max_report.kinks.size() == 2);
}

TEST_CASE("gradcheck: strong curvature is no kink, and no excuse") {
    const Array<double> x{1e-6, 2e-6, 3e-4, 1e-3};
    const auto report = gradcheck("log", [](const Vars& v) { return log(v[0]); }, {x});
    CHECK_MESSAGE(report.passed, report.text());
    CHECK(report.kinks.empty());
    const auto wrong_slope = [](double e) { return 1.000001 / e; };
    const auto wrong =
        gradcheck("log", [&](const Vars& v) { return claimed(v[0], std::log, wrong_slope); }, {x});
    CHECK(wrong.wrong == 4);
    CHECK(wrong.kinks.empty());
}

TEST_CASE("gradcheck: a function computed in float cannot be checked, and that is said") {
    const auto slope = [](double e) { return std::cos(e); };
    const auto report =
        gradcheck("float", [&](const Vars& v) { return claimed(v[0], sin_in_float, slope); },
                  {{0.1, -2, 0.7, 1.3}});
    CHECK_FALSE(report.passed);
    CHECK(contains(report.text(), "does not settle"));
}

TEST_CASE(
    "gradcheck: a rounded function passes while its steps are fine, and never hides a wrong "
    "gradient") {
    static double grid = 0;
    const auto rounded_sin = [](double x) { return std::floor(std::sin(x) / grid) * grid; };
    const Array<double> x{0.1, -2, 0.7, 1.3, 0.33, 0.77, 2.2, 3};
    for (grid = 1e-14; grid < 1e-7; grid *= 3) {
        const auto check = [&](double factor) {
            const auto slope = [=](double e) { return factor * std::cos(e); };
            return gradcheck("rounded",
                             [=](const Vars& v) { return claimed(v[0], rounded_sin, slope); }, {x});
        };
        const auto right = check(1), wrong = check(1.0001);
        CHECK_MESSAGE((right.passed || grid > 3e-10), right.text());
        CHECK_MESSAGE(wrong.wrong == 8, wrong.text());
    }
}

TEST_CASE("gradcheck: infinities and NaN that are not chosen are no error, a NaN gradient is") {
    const double nan = std::nan("");
    const double infinity = std::numeric_limits<double>::infinity();
    const Mask first{true, false};
    CHECK(gradcheck("select", [&](const Vars& x) { return select(first, x[0], x[1]); },
                    {{1, nan}, {infinity, 2}})
              .passed);
    const auto report = gradcheck("log_softmax", [](const Vars& x) { return log_softmax(x[0]); },
                                  {{-infinity, 0, 1}});
    CHECK(report.passed);
    CHECK(report.not_finite == 1);
    CHECK(contains(report.text(), "1 entries of y not finite"));
    const auto with_0_by_0 = [&](const Vars& x) {
        return select(first, x[0], x[0] / (x[0] - 1.0) * 0.0);
    };
    CHECK_FALSE(gradcheck("0 / 0", with_0_by_0, {{3, 1}}).passed);
}

TEST_CASE(
    "gradcheck: a NaN gradient where f is smooth, or at a kink, is said to be on the analytic "
    "side") {
    const auto length = [](const Vars& x) { return sqrt(sum(x[0] * x[0])); };
    const Array<double> origin{0, 0, 0};
    const auto squared =
        gradcheck("n * n", [&](const Vars& x) { return length(x) * length(x); }, {origin});
    CHECK_FALSE(squared.passed);
    CHECK(squared.wrong == 3);
    CHECK(contains(squared.text(), "the analytic gradient is nan: the numeric one is 0"));
    const auto kink = gradcheck("n", length, {origin});
    CHECK_FALSE(kink.passed);
    CHECK(contains(kink.text(), "the analytic gradient is nan: at a kink, whose slopes are "));
    for (const auto& report : {squared, kink}) CHECK_FALSE(contains(report.text(), "-nan"));
    CHECK_FALSE(contains(squared.text(), "not smooth"));
}

TEST_CASE("gradcheck: where f's domain ends, that is said, and no gradient is called wrong") {
    const auto report = gradcheck("sqrt", [](const Vars& x) { return sqrt(x[0]); }, {{0.0, 4.0}});
    CHECK_FALSE(report.passed);
    CHECK(report.wrong == 1);
    REQUIRE(report.failures.size() == 1);
    CHECK(report.failures[0].entry == "(0)");
    CHECK(report.failures[0].cause ==
          "at the end of f's domain, or nearer to it than 2e-13, where there is no numeric "
          "derivative");
    CHECK_FALSE(contains(report.text(), "-nan"));
    const auto upper =
        gradcheck("sqrt(1 - x)", [](const Vars& x) { return sqrt(1.0 - x[0]); }, {{1.0}});
    CHECK(contains(upper.text(), "at the end of f's domain"));
}
