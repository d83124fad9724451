// The ends of the range of numbers: functions near overflow and underflow, and gradients that
// rounding hides.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/check/gradcheck.hpp"
#include "core/ops.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::tests;

TEST_CASE("ends: functions at the ends of their range") {
    const auto close = [](double x, double expected) {
        CHECK(x == doctest::Approx(expected).epsilon(1e-6));
    };
    close(erf(Var<double>(1e100)).item(), 1);
    close(erf(Var<double>(-1e300)).item(), -1);
    CHECK(std::isnan(erf(Var<double>(std::nan(""))).item()));
    close(gelu(Var<double>(1e200)).item(), 1e200);
    close(static_cast<double>(exp(Var<float>(88.7F)).item()), static_cast<double>(std::exp(88.7F)));
    close(exp(Var<double>(709.7)).item(), std::exp(709.7));
    CHECK(std::isinf(exp(Var<double>(710.0)).item()));
    close(log(Var<double>(1e-308)).item(), std::log(1e-308));
    close(log(Var<double>(5e-324)).item(), std::log(5e-324));
    close(static_cast<double>(log(Var<float>(1e-45F)).item()), std::log(1.401298464324817e-45));
    CHECK(std::isinf(log(Var<double>(0.0)).item()));
    Parameter<double> b("b", Array<double>{2, 0, -1});
    Tape<double> tape;
    tape.backward(sum(pow(Var<double>(0.0), b)));
    CHECK(b.gradient() == Array<double>{0, 0, -std::numeric_limits<double>::infinity()});
}

TEST_CASE("ends: gradcheck does not pass what rounding hides") {
    struct Scaled final : Op<double> {
        Var<double> x;
        const char* name() const override { return "scaled"; }
        Var<double> forward(const Var<double>& input, double offset) {
            x = input;
            return Array<double>(x.value() * x.value() + offset);
        }
        void backward(const Array<double>& dy, Gradients<double>& gradients) override {
            gradients.add(x, Array<double>(dy * x.value() * 3));  // 1.5 times too much
        }
    };
    for (const double offset : {0.0, 1e6, 1e10, 1e13, 1e15, 1e17}) {
        const auto report =
            gradcheck("scaled", [&](const auto& x) { return apply<Scaled>(here(), x[0], offset); },
                      {Array<double>{0.5, 2, -3}});
        CHECK_MESSAGE(!report.passed, offset);
    }
    CHECK_FALSE(
        gradcheck("log", [](const auto& x) { return log(x[0]); }, {Array<double>{-1, -2}}).passed);
    const auto check_exp = [](const GradcheckOptions& options) {
        gradcheck(
            "exp", [](const auto& x) { return exp(x[0]); }, {Array<double>{1}}, options);
    };
    for (const GradcheckOptions& options : std::vector<GradcheckOptions>{
             {.tolerance = INFINITY}, {.absolute = INFINITY}, {.step = INFINITY}})
        CHECK(contains(refusal([&] { check_exp(options); }), "finite"));
}
