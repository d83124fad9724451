// The gradient checker's own traps: it must fail what is broken, pass what is right, say why, and
// leave no trace.
#include "core/check/gradcheck.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "core/array/random.hpp"
#include "core/ops.hpp"
#include "tests/support/bits.hpp"
#include "tests/support/broken_ops.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

Array<double> random_entries(const Shape& shape, std::uint32_t number = 0) {
    return normal<double>(Random(5, "gradcheck test", number), shape);
}

}  // namespace

TEST_CASE("gradcheck: a right gradient passes, in one line") {
    const auto report =
        gradcheck("softmax", [](const Vars& x) { return softmax(x[0]); }, {random_entries({2, 5})});
    CHECK_MESSAGE(report.passed, report.text());
    CHECK(report.entries == 10);
    CHECK(report.worst < 1e-9);
    CHECK(report.kinks.empty());
    CHECK(report.text().starts_with("softmax: passed: 10 entries, worst relative error "));
    CHECK_FALSE(contains(report.text(), "\n"));
}

TEST_CASE("gradcheck: softmax without its row sum fails") {
    const auto report =
        gradcheck("broken", [](const Vars& x) { return apply<SoftmaxWithoutRowSum>(here(), x[0]); },
                  {random_entries({2, 5})});
    CHECK_FALSE(report.passed);
    CHECK(report.wrong == 10);
}

TEST_CASE("gradcheck: a small factor fails, for small and large values, and in directions") {
    for (const double factor : {1.0001, 1.000001, 0.9999, -1.0, 0.0, std::nan("")})
        for (const double deviation : {1e-3, 1.0, 4.0})
            for (const bool directions : {false, true}) {
                const auto f = [=](const Vars& x) {
                    return claimed(x[0], std::sin, [=](double v) { return factor * std::cos(v); });
                };
                const auto report =
                    gradcheck("scaled", f, {normal<double>(Random(1, "x"), {3, 4}, deviation)},
                              {.directions = directions});
                CHECK_MESSAGE(!report.passed, report.text());
                CHECK(report.worst > 1e-7);
                CHECK(report.wrong == (directions ? 2 : 12));
            }
}

TEST_CASE("gradcheck: one wrong entry is named, with both numbers") {
    Array<double> x = random_entries({2, 1, 4});
    x(1, 0, 3) = 0.25;
    const auto f = [](const Vars& v) {
        return claimed(v[0], std::exp, [](double e) { return e == 0.25 ? 2 : std::exp(e); });
    };
    const auto report = gradcheck("exp", f, {random_entries({2}), x}, {.names = {"a", "b"}});
    CHECK(report.passed);  // f reads a only
    const auto wrong = gradcheck("exp", [&](const Vars& v) { return f({v[1]}); },
                                 {random_entries({2}), x}, {.names = {"a", "b"}});
    CHECK(wrong.wrong == 1);
    REQUIRE(wrong.failures.size() == 1);
    CHECK(wrong.failures[0].input == "b (2,1,4)");
    CHECK(wrong.failures[0].entry == "(1,0,3)");
    CHECK(wrong.failures[0].analytic / wrong.failures[0].numeric ==
          doctest::Approx(2 / std::exp(0.25)).epsilon(1e-8));
    CHECK(wrong.failures[0].relative_error == doctest::Approx(2 / std::exp(0.25) - 1).epsilon(0.5));
    for (const char* part :
         {"exp: FAILED: 10 entries, 1 wrong", "exp: b (2,1,4) (1,0,3): analytic ", ", numeric ",
          ", relative error ", ": wrong"})
        CHECK_MESSAGE(contains(wrong.text(), part), wrong.text());
    CHECK(gradcheck("many",
                    [](const Vars& v) { return claimed(v[0], std::exp, [](double) { return 0; }); },
                    {random_entries({50})})
              .failures.size() == 10);
}

TEST_CASE(
    "gradcheck: a gradient for one input only fails, one for an input that does not matter, too") {
    const auto one =
        gradcheck("mul", [](const Vars& x) { return apply<MulOfOneInput>(here(), x[0], x[1]); },
                  {random_entries({3}), random_entries({3}, 1)});
    CHECK(one.wrong == 3);
    CHECK(contains(one.text(), "input 1 (3) (0): analytic 0,"));
    const auto nothing = gradcheck(
        "copy", [](const Vars& x) { return apply<GradientForNothing>(here(), x[0], x[1]); },
        {random_entries({3}), random_entries({3}, 1)});
    CHECK(nothing.wrong == 3);
    CHECK(contains(nothing.text(), "numeric 0,"));
    CHECK_FALSE(gradcheck("detach", [](const Vars& x) { return x[0] * x[0].detach(); },
                          {random_entries({3})})
                    .passed);
    CHECK_FALSE(
        gradcheck("lost", [](const Vars& x) { return exp(x[0].detach()); }, {random_entries({3})})
            .passed);
}

TEST_CASE("gradcheck: an input that does not matter passes with 0, one used twice passes") {
    const auto report = gradcheck("unused", [](const Vars& x) { return exp(x[0]); },
                                  {random_entries({3}), random_entries({4}, 1)});
    CHECK_MESSAGE(report.passed, report.text());
    CHECK(report.entries == 7);
    const auto constant = gradcheck("constant",
                                    [](const Vars&) {
                                        return Var<double>(Array<double>{1, 2});
                                    },
                                    {random_entries({3})});
    CHECK(constant.passed);
    CHECK(constant.worst == 0);
    CHECK(gradcheck("itself", [](const Vars& x) { return x[0]; }, {random_entries({3})}).passed);
    CHECK(gradcheck("twice", [](const Vars& x) { return x[0] * exp(x[0]) - x[0] / (x[0] * x[0]); },
                    {uniform<double>(Random(1, "x"), {5}, 1, 2)})
              .passed);
}

TEST_CASE("gradcheck: where nothing is checked nothing has passed") {
    const auto no_input =
        gradcheck("sum", [](const Vars& x) { return sum(x[0]); }, {zeros<double>({0, 3})});
    CHECK_FALSE(no_input.passed);
    CHECK(
        contains(no_input.text(), "nothing is checked: the inputs have no entries: input 0 (0,3)"));
    const auto slice_of = [](const Vars& x) { return slice(x[0], 0, {1, 1}); };
    for (const bool directions : {false, true}) {
        const auto no_output =
            gradcheck("slice", slice_of, {random_entries({2})}, {.directions = directions});
        CHECK_FALSE(no_output.passed);
        CHECK(contains(no_output.text(), "nothing is checked: y has no entries: y (0)"));
    }
    CHECK(gradcheck("one of two", [](const Vars& x) { return sum(x[0]) + sum(x[1]); },
                    {zeros<double>({0}), random_entries({2})})
              .passed);
}

TEST_CASE(
    "gradcheck: an op that is wrong for its second input, or under its second cotangent alone") {
    const auto second =
        gradcheck("mul", [](const Vars& x) { return apply<MulOfOneInput>(here(), x[0], x[1]); },
                  {random_entries({3}), random_entries({3})});
    CHECK_FALSE(second.passed);
    CHECK(second.wrong == 3);
    for (const GradcheckFailure& failure : second.failures) CHECK(failure.input == "input 1 (3)");

    const auto later = [](int pass) {
        WrongPass::number = pass;
        return gradcheck("later", [](const Vars& x) { return apply<WrongPass>(here(), x[0]); },
                         {random_entries({3})}, {.cotangents = 3});
    };
    for (const int pass : {1, 2}) {
        const auto report = later(pass);
        CHECK_FALSE(report.passed);
        CHECK(report.wrong == 3);
    }
}

TEST_CASE("gradcheck: a function that is not deterministic fails and is called so") {
    int calls = 0;
    const auto noisy = gradcheck("noisy",
                                 [&](const Vars& x) {
                                     ++calls;
                                     return x[0] * (1 + 1e-15 * calls);
                                 },
                                 {random_entries({3})});
    CHECK_FALSE(noisy.passed);
    CHECK(contains(noisy.text(), "not deterministic"));
    CHECK(noisy.entries == 0);  // nothing it could say of an entry would mean anything
    const auto mask = gradcheck(
        "dropout",
        [&](const Vars& x) {
            ++calls;
            return dropout(x[0], 0.5, Random(1, "mask", static_cast<std::uint32_t>(calls)));
        },
        {random_entries({40})});
    CHECK(contains(mask.text(), "not deterministic"));
    calls = 0;
    const auto late = gradcheck("late",
                                [&](const Vars& x) {
                                    ++calls;
                                    return x[0] * (calls > 10 ? 2.0 : 1.0);
                                },
                                {random_entries({6})});
    CHECK_FALSE(late.passed);
    CHECK(contains(late.text(), "not deterministic: its output for the same inputs changed"));
}

TEST_CASE("gradcheck: a backward that runs once, and one that writes its input") {
    CHECK(
        contains(gradcheck("once", [](const Vars& x) { return apply<BackwardOnce>(here(), x[0]); },
                           {random_entries({3})})
                     .text(),
                 "not repeatable"));
    CHECK(contains(
        gradcheck("writes", [](const Vars& x) { return apply<WritesItsInput>(here(), x[0]); },
                  {random_entries({3})})
            .text(),
        "changed its input: input 0 (3)"));
}

namespace {

template <class T>
concept checkable = requires(std::function<Var<T>(const std::vector<Var<T>>&)> f,
                             std::vector<Array<T>> inputs) {
    gradcheck("f", f, inputs);
};
template <class T>
concept model_checkable = requires(std::function<Var<T>()> f,
                                   std::vector<Parameter<T>*> parameters) {
    gradcheck("f", f, parameters);
};

}  // namespace

TEST_CASE("gradcheck: takes double and no float") {
    CHECK(checkable<double>);
    CHECK_FALSE(checkable<float>);
    CHECK(model_checkable<double>);
    CHECK_FALSE(model_checkable<float>);
}

namespace {

struct TwoLayers {
    Parameter<double> up{"up", random_entries({4, 6}, 1)};
    Parameter<double> bias{"bias", random_entries({6}, 2)};
    Parameter<double> down{"down", random_entries({6, 3}, 3)};
    Parameter<double> frozen{"frozen", random_entries({3}, 4), false};
    const Array<double> x = random_entries({5, 4}, 5);

    std::vector<Parameter<double>*> parameters() { return {&up, &bias, &down, &frozen, &up}; }
    Var<double> loss() {
        const Var<double> hidden = relu(matmul(Var<double>(x), up) + bias);
        return cross_entropy(matmul(hidden, down) + frozen, Ids{0, 2, 1, ignore_index, 2});
    }
    Var<double> broken_loss() {
        return loss() +
               sum(apply<SoftmaxWithoutRowSum>(here(), bias) * Var<double>(random_entries({6}, 6)));
    }
};

}  // namespace

TEST_CASE("gradcheck: a whole model, every entry and along directions") {
    TwoLayers model;
    const auto every = gradcheck(
        "model", [&] { return model.loss(); }, model.parameters());
    CHECK_MESSAGE(every.passed, every.text());
    CHECK(every.entries == 24 + 6 + 18);  // up once, frozen not at all
    const auto along =
        gradcheck("model", [&] { return model.loss(); }, model.parameters(), {.directions = true});
    CHECK_MESSAGE(along.passed, along.text());
    CHECK(along.entries == 2);

    const auto broken = gradcheck("model", [&] { return model.broken_loss(); }, model.parameters(),
                                  {.directions = true});
    CHECK_FALSE(broken.passed);
    for (const GradcheckFailure& failure : broken.failures) CHECK(failure.input == "bias (6)");
}

TEST_CASE("gradcheck: leaves values and gradients as they were, also when f throws") {
    TwoLayers model;
    model.up.mutable_value()(0, 0) = -0.0;
    Tape<double>().backward(sum(model.bias * 2.0));  // a gradient from before
    const Array<double> up = model.up.value();
    const Array<double> bias = model.bias.value();
    const Array<double> gradient = model.bias.gradient();
    const Var<double> held = model.up;  // the value is shared
    int calls = 0;
    const std::vector<std::function<Var<double>()>> functions = {
        [&] { return model.loss(); }, [&] { return model.broken_loss(); },
        [&]() -> Var<double> {
            ++calls;
            if (calls == 20) throw Error("f: must not be called so often: 20");
            return model.loss();
        }};
    for (const auto& f : functions)
        for (const bool directions : {false, true}) {
            calls = directions ? 17 : 0;
            const std::string message = refusal(
                [&] { gradcheck("model", f, model.parameters(), {.directions = directions}); });
            CHECK((message.empty() || message == "f: must not be called so often: 20"));
            CHECK(same_bits(model.up.value(), up));
            CHECK(same_bits(model.bias.value(), bias));
            CHECK(same_bits(model.bias.gradient(), gradient));
            CHECK_FALSE(model.up.has_gradient());
            CHECK(Tape<double>::recording() == nullptr);
        }
    CHECK(same_bits(held.value(), up));
    gradcheck("model", [&] { return model.loss(); }, {&model.up, &model.bias});  // bias is last
    CHECK(same_bits(model.bias.value(), bias));
    CHECK(same_bits(model.bias.gradient(), gradient));
}

TEST_CASE("gradcheck: f may throw at any of its calls, and all Parameters are as they were") {
    Parameter<double> a("a", Array<double>{1}), b("b", Array<double>{3});
    bool passed = false;
    for (int allowed = 0; !passed; ++allowed) {
        int calls = 0;
        const auto f = [&]() -> Var<double> {
            if (calls == allowed)
                throw Error("f: must not be called so often: " + std::to_string(calls));
            ++calls;
            return a * b;
        };
        passed = refusal([&] { gradcheck("mul", f, {&a, &b}); }).empty();
        CHECK(a.value() == Array<double>{1});
        CHECK(b.value() == Array<double>{3});
    }
}

TEST_CASE(
    "gradcheck: Parameters that f uses and that are not checked keep their gradients, or stay "
    "without one") {
    Parameter<double> trained("trained", Array<double>{1, 2});
    Parameter<double> untrained("untrained", Array<double>{3, 4});
    Tape<double>().backward(sum(trained * 2.0));
    const auto f = [&](const Vars& x) { return x[0] * trained * untrained; };
    for (const bool directions : {false, true}) {
        CHECK(gradcheck("product", f, {Array<double>{5, 6}}, {.directions = directions}).passed);
        CHECK(trained.gradient() == Array<double>{2, 2});
        CHECK_FALSE(untrained.has_gradient());
    }
    Parameter<double> unused("unused", Array<double>{7, 8});
    CHECK(gradcheck("another's", [&]() -> Var<double> { return untrained; }, {&unused}).passed);
    CHECK_FALSE(untrained.has_gradient());
}

TEST_CASE("gradcheck: what of y is not finite is counted, and a y without a finite entry fails") {
    const auto report = [](Array<double> factors) {
        const Var<double> factor = std::move(factors);
        return gradcheck("products", [&](const Vars& x) { return x[0] * factor; },
                         {Array<double>{1, 2, 3}});
    };
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const auto one = report({1, nan, 2});
    CHECK(one.not_finite == 1);
    CHECK(contains(one.text(), ", 1 entries of y not finite"));
    const auto all = report({nan, nan, nan});
    CHECK_FALSE(all.passed);
    CHECK(contains(all.text(), "f has no finite output: nothing can be checked: y (3)"));
    CHECK_FALSE(contains(report({1, 3, 2}).text(), "not finite"));
}

TEST_CASE("gradcheck: the same seed gives the same report") {
    const auto text = [](std::uint64_t seed) {
        return gradcheck("broken",
                         [](const Vars& x) { return apply<SoftmaxWithoutRowSum>(here(), x[0]); },
                         {random_entries({2, 5})}, {.seed = seed})
            .text();
    };
    CHECK(text(1) == text(1));
    CHECK(text(1) != text(2));
}

TEST_CASE("gradcheck: wrong use") {
    TwoLayers model;
    const auto check = [&](const GradcheckOptions& options) {
        gradcheck(
            "model", [&] { return model.loss(); }, model.parameters(), options);
    };
    CHECK(contains(refusal([&] { check({.cotangents = 0}); }), "cotangents must be 1 or more"));
    CHECK(contains(refusal([&] { check({.tolerance = 0}); }), "tolerance finite and above 0"));
    CHECK(contains(
        refusal([&] { gradcheck("model", [&] { return model.loss(); }, {&model.frozen}); }),
        "at least one input"));
    Tape<double> tape;
    CHECK(contains(refusal([&] { check({}); }), "no tape may be recording"));
}
