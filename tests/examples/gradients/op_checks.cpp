// The table of the ops' gradient checks: what it says of right and of broken ops.
#include "examples/gradients/op_checks.hpp"

#include <doctest/doctest.h>

#include "core/ops.hpp"
#include "tests/support/broken_ops.hpp"
#include "tests/support/pattern.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::examples;
using namespace taper::tests;

namespace {

// Of a function in double alone.
GradientCase case_of(const std::string& op, const std::string& name, const Function<double>& f,
                     const std::vector<Array<double>>& inputs) {
    GradientCase c;
    c.op = op;
    c.name = name;
    c.f.in_double = f;
    c.inputs = inputs;
    return c;
}

const GradientCase right_softmax = case_of(
    "right", "of three", [](const Vars& x) { return softmax(x[0]); }, {Array<double>{0.5, 1, -1}});
const GradientCase broken_softmax = case_of(
    "broken", "of three", [](const Vars& x) { return apply<SoftmaxWithoutRowSum>(here(), x[0]); },
    {Array<double>{0.5, 1, -1}});

struct Checked {
    bool agrees;
    std::string text;
};

Checked checked(const std::vector<GradientCase>& cases) {
    Checked result;
    result.agrees = check_ops(cases, 1, [&](std::string_view part) { result.text += part; });
    return result;
}

// y has no entries, and the gradient is 1.
struct GradientOfNothing final : Op<double> {
    Place<double> x;
    const char* name() const override { return "gradient_of_nothing"; }
    Var<double> forward(const Var<double>& input) {
        x = input;
        return zeros<double>({0});
    }
    void backward(const Array<double>&, Gradients<double>& gradients) override {
        gradients.add(x, full<double>({3}, 1));
    }
};

// The gradient has another shape than x.
struct GradientOfOtherShape final : Op<double> {
    Place<double> x;
    const char* name() const override { return "gradient_of_other_shape"; }
    Var<double> forward(const Var<double>& input) {
        x = input;
        return input.value();
    }
    void backward(const Array<double>&, Gradients<double>& gradients) override {
        gradients.add(x, zeros<double>({2}));
    }
};

}  // namespace

TEST_CASE("gradient checks: a row for each op, and a line that sums up") {
    const GradientCase at_kink = case_of(
        "right", "at a kink", [](const Vars& x) { return relu(x[0]); }, {Array<double>{0, 1}});
    const GradientCase other =
        case_of("other", "", [](const Vars& x) { return x[0]; }, {Array<double>{2}});
    const Checked result = checked({right_softmax, other, at_kink});
    CHECK(result.agrees);
    CAPTURE(result.text);
    CHECK(Pattern("op +cases +entries +worst error +at kinks\n"
                  "right      2        5 +[1-9.]+e-1[0-9]         1\n"
                  "other      1        1            0         0\n")
              .is_in(result.text));
    CHECK(
        result.text.ends_with("\n2 ops, 3 cases, 6 entries: all agree with numeric derivatives\n"));
}

TEST_CASE("gradient checks: of a broken op the case, the entry and both numbers are said") {
    const Checked result = checked({broken_softmax, right_softmax, broken_softmax, broken_softmax});
    CHECK_FALSE(result.agrees);
    CAPTURE(result.text);
    CHECK(contains(result.text, "broken      3        9"));
    CHECK(contains(result.text, "  WRONG\nright       1        3"));
    for (const char* part : {"\nbroken of three: FAILED: 3 entries, 3 wrong, ",
                             "\n  broken of three: input 0 (3) (0): analytic ", ", numeric ",
                             ": wrong\n", "\n  and 2 cases more of broken\n"})
        CHECK_MESSAGE(contains(result.text, part), std::string(part));
    CHECK(result.text.ends_with("\n2 ops, 4 cases, 12 entries: wrong: broken\n"));
}

TEST_CASE("gradient checks: a case without entries passes where its gradients are 0") {
    const Array<double> x{1, 2, 3};
    const auto nothing = check_case(case_of("slice", "",
                                            [](const Vars& v) {
                                                return slice(v[0], 0, {1, 1});
                                            },
                                            {x}));
    CHECK_MESSAGE(nothing.passed, nothing.text());
    CHECK(nothing.entries == 0);
    const auto something = check_case(case_of(
        "broken", "", [](const Vars& v) { return apply<GradientOfNothing>(here(), v[0]); }, {x}));
    CHECK_FALSE(something.passed);
    CHECK(contains(something.text(), "y has no entries, and a gradient is not 0: input 0 (3)"));
}

TEST_CASE("gradient checks: an op that throws fails alone, and so does an output that is NaN") {
    const Array<double> x{1, 2, 3};
    const GradientCase throws = case_of(
        "throws", "", [](const Vars& v) { return apply<GradientOfOtherShape>(here(), v[0]); }, {x});
    const Checked result = checked({throws, right_softmax});
    CHECK_FALSE(result.agrees);
    CAPTURE(result.text);
    CHECK(contains(result.text, "throws      1        0            0         0  WRONG\nright "));
    CHECK(contains(result.text, "gradient_of_other_shape"));
    const auto nan = check_case(
        case_of("log", "", [](const Vars& v) { return log(v[0]); }, {Array<double>{1, -1}}));
    CHECK_FALSE(nan.passed);
    CHECK(contains(nan.text(), "an output of the case is not finite"));
}

TEST_CASE("gradient checks: ops are chosen by name, and another name brings the nearest") {
    const std::vector<GradientCase> table = gradient_table();
    const std::vector<GradientCase> chosen = cases_of({"layer_norm", "softmax"}, table);
    CHECK(ops_of(chosen) == std::vector<std::string>{"softmax", "layer_norm"});
    CHECK(refusal([&] {
              cases_of({"softmax", "layernorm"}, table);
          }) == "'layernorm': the word must be an op that --list names: did you mean layer_norm?");
}

TEST_CASE(
    "gradient checks: another seed draws other cotangents, and other inputs of the same shapes") {
    CHECK(check_case(right_softmax, 1).worst != check_case(right_softmax, 2).worst);
    const std::vector<GradientCase> one = gradient_table(1), two = gradient_table(2);
    REQUIRE(one.size() == two.size());
    std::size_t other = 0;
    for (std::size_t i = 0; i < one.size(); ++i) {
        CHECK(one[i].title() == two[i].title());
        REQUIRE(one[i].inputs.size() == two[i].inputs.size());
        for (std::size_t j = 0; j < one[i].inputs.size(); ++j) {
            CHECK(one[i].inputs[j].shape() == two[i].inputs[j].shape());
            if (one[i].inputs[j] != two[i].inputs[j]) ++other;
        }
    }
    CHECK(other > 1800);
    for (const GradientCase& c : cases_of({"tanh", "softmax", "max"}, two)) {
        const auto report = check_case(c, 2);
        CHECK_MESSAGE(report.passed, report.text());
    }
}
