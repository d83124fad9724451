// The gradient checker's scales: what an error is relative to, what rounding may hide, where f is
// seen, and what its report keeps.
#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "core/check/gradcheck.hpp"
#include "tests/support/broken_ops.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

Var<double> constant(const Shape& shape, double number) {
    return Var<double>(full<double>(shape, number));
}

}  // namespace

// The cube root of a^2 b has slopes of 0 along both axes at the origin, and others elsewhere.
TEST_CASE(
    "gradcheck: what is wrong along all inputs, and along none of them alone, stays in the "
    "report") {
    const auto f = [](const Vars& x) {
        return claimed(x[0] * x[0] * x[1], std::cbrt, [](double) { return 0; });
    };
    const auto report =
        gradcheck("cbrt", f, {Array<double>{0}, Array<double>{0}}, {.directions = true});
    CHECK_FALSE(report.passed);
    CHECK(report.wrong == 2);
    CHECK(report.entries == 2);
    REQUIRE(report.failures.size() == 2);
    for (const GradcheckFailure& failure : report.failures) CHECK(failure.input == "all inputs");
}

TEST_CASE("gradcheck: the worst error is the largest, wherever it stands") {
    for (const double wrong : {1.0, 2.0, 3.0}) {
        const auto slope = [=](double v) { return v == wrong ? 2 * std::exp(v) : std::exp(v); };
        const auto report = gradcheck(
            "exp", [&](const Vars& x) { return claimed(x[0], std::exp, slope); }, {{1, 2, 3}});
        REQUIRE(report.failures.size() == 1);
        CHECK(report.worst == report.failures[0].relative_error);
        CHECK(report.worst > 0.1);
    }
}

TEST_CASE(
    "gradcheck: where f does not change, an error is relative to the gradient that is claimed") {
    const auto f = [](const Vars& x) { return apply<GradientForNothing>(here(), x[0], x[1]); };
    for (const bool directions : {false, true}) {
        const auto report = gradcheck("nothing", f, {{3}, {4}}, {.directions = directions});
        REQUIRE(report.failures.size() >= 1);
        for (const GradcheckFailure& failure : report.failures) {
            CHECK(failure.input == "input 1 (1)");
            CHECK(failure.numeric == 0);
            CHECK(failure.relative_error == doctest::Approx(1).epsilon(1e-12));
        }
    }
}

TEST_CASE("gradcheck: an error is relative to the terms of a derivative, which may cancel") {
    const auto check = [](std::size_t outputs) {
        const auto slope = [](double v) { return (1 + 1e-8) * std::exp(v); };
        const auto f = [=](const Vars& x) {
            return claimed(x[0] + constant({outputs}, 0), std::exp, slope);
        };
        return gradcheck("exp", f, {{0.5}});
    };
    CHECK_FALSE(check(1).passed);
    const auto many = check(10'000);  // whose random dy add up to about 100, of terms of 8000
    CHECK_MESSAGE(many.passed, many.text());
}

TEST_CASE("gradcheck: a large output that stays as it is hides no error of a small one") {
    for (const double large : {0.0, 1e7}) {
        const auto f = [=](const Vars& x) {
            const auto slope = [](double v) { return (1 + 1e-6) * std::exp(v); };
            return concat({claimed(x[0], std::exp, slope), constant({1}, large)}, 0);
        };
        const auto report = gradcheck("exp", f, {full<double>({8}, 1)});
        CHECK_MESSAGE(report.wrong == 8, report.text());
    }
}

TEST_CASE("gradcheck: what an added constant rounds away is neither a kink nor an error") {
    for (const double large : {1e6, 1e7, 1e8}) {
        const auto report =
            gradcheck("sin", [=](const Vars& x) { return sin(x[0]) + large; }, {{0.3, 0.6, -2.8}});
        CHECK_MESSAGE(report.passed, report.text());
        CHECK(report.kinks.empty());
    }
}

// Its slope is seen at steps of 1e-5 alone, where the rounding of 1e5 is 1e-5 of it.
TEST_CASE("gradcheck: a derivative that is certain to less than `absolute` passes, and no other") {
    const auto f = [](const Vars& x) { return 1e-3 * sin(1e3 * x[0]) + 1e5; };
    const auto strict = gradcheck("sin", f, {{0.3}});
    CHECK(strict.wrong == 1);
    CHECK(contains(strict.text(), "does not settle"));
    const auto report = gradcheck("sin", f, {{0.3}}, {.absolute = 1e-3});
    CHECK_MESSAGE(report.passed, report.text());
}

TEST_CASE(
    "gradcheck: a small slope that rounding hides beside a large one passes, a large error in it "
    "fails") {
    const auto check = [](double factor) {
        const auto f = [=](const Vars& x) {
            const Var<double> right = 1e-6 * sin(1e3 * x[1]);
            return 1e5 * x[0] + factor * right + ((1 - factor) * right).detach();
        };
        return gradcheck("beside", f, {{1}, {0.3}});
    };
    CHECK_MESSAGE(check(1).passed, check(1).text());
    CHECK(check(1e6).wrong == 1);
}

TEST_CASE("gradcheck: f must return one shape, and both are told") {
    const auto f = [](const Vars& x) {
        const bool beyond = x[0].value()(0) > 1;
        return beyond ? concat({x[0], x[0]}, 0) : x[0];
    };
    for (const bool directions : {false, true}) {
        const std::string message =
            refusal([&] { gradcheck("f", f, {{1}}, {.directions = directions}); });
        CHECK(message == "gradcheck: f must return one shape whatever its inputs: y (1), y (2)");
    }
}

TEST_CASE("gradcheck: directions are another for each seed, and each of them for all inputs") {
    const auto seen = [](std::uint64_t seed) {
        std::set<double> points;
        const auto f = [&](const Vars& x) {
            for (const Var<double>& input : x) points.insert(input.value()(0));
            return sum(x[0]) + sum(x[1]);
        };
        CHECK(gradcheck("sum", f, {{1}, {10}}, {.seed = seed, .cotangents = 1, .directions = true})
                  .passed);
        return points;
    };
    const std::set<double> first = seen(1);
    CHECK(first.size() >= 10);  // of each input itself and at two steps to either side
    CHECK(seen(1) == first);
    std::set<double> both = first;
    both.merge(seen(2));
    CHECK(both.size() == 2 * first.size() - 2);  // only the inputs themselves are in both
}
