// What gradcheck is asked for beside its usual: derivatives of f itself, and of chosen entries.
#include <doctest/doctest.h>

#include <cmath>

#include "core/check/gradcheck.hpp"
#include "tests/support/broken_ops.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::tests;

TEST_CASE("gradcheck: with dy of ones the numbers of a report are those of f") {
    const auto twice_too_steep = [](const Vars& x) {
        return sum(claimed(x[0], std::sin, [](double v) { return 2 * std::cos(v); }));
    };
    const auto report = gradcheck("sin", twice_too_steep, {{0.5, 1}}, {.ones = true});
    CHECK(report.wrong == 2);
    REQUIRE(report.failures.size() == 2);
    CHECK(report.failures[1].analytic == doctest::Approx(2 * std::cos(1.0)).epsilon(1e-12));
    CHECK(report.failures[1].numeric == doctest::Approx(std::cos(1.0)).epsilon(1e-9));
    CHECK(gradcheck("sin", [](const Vars& x) { return sin(x[0]); }, {{0.5, 1}}, {.ones = true})
              .passed);
}

TEST_CASE("gradcheck: the chosen entries are checked, and no other") {
    const auto wrong_at_1 = [](const Vars& x) {
        const Var<double> y =
            claimed(x[0], std::exp, [](double v) { return v == 1 ? 0 : std::exp(v); });
        return sum(y) * sum(x[1]);
    };
    const auto check = [&](const std::string& name, std::size_t entry) {
        const auto chosen = [&](const Parameter<double>& input, std::size_t e) {
            return input.name() == name && e == entry;
        };
        return gradcheck("exp", wrong_at_1, {{0.5, 1, 1.5}, {1, 2}},
                         {.names = {"a", "b"}, .chosen = chosen});
    };
    for (const std::size_t entry : {0u, 2u}) {
        const auto report = check("a", entry);
        CHECK_MESSAGE(report.passed, report.text());
        CHECK(report.entries == 1);
    }
    const auto wrong = check("a", 1);
    CHECK(wrong.wrong == 1);
    CHECK(wrong.failures.at(0).input == "a (3)");
    CHECK(wrong.failures.at(0).entry == "(1)");
    CHECK(check("b", 1).passed);
    const auto none = check("c", 0);
    CHECK_FALSE(none.passed);
    CHECK(contains(none.text(), "exp: nothing is checked: no entry was chosen"));
}
