// What an Error tells of an op's line and inputs, and which op made the first number that is not
// finite.
#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "core/kernels/map.hpp"
#include "core/ops.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::tests;

TEST_CASE("explain: an op's Error names its line, and what made each input") {
    Parameter<double> w("w", zeros<double>({2, 3}));
    Tape<double> tape;
    const int line = __LINE__ + 1;
    const Var<double> y = exp(w);
    const std::string message = refusal([&] { matmul(y, Var<double>(zeros<double>({4, 5}))); });
    CHECK(contains(
        message,
        "matmul: the last axis of a must equal the second to last of b: a (2,3), b (4,5): 3, 4"));
    CHECK(contains(message, " [at engine/explain.cpp:" + std::to_string(line + 1)));
    CHECK(contains(message, "; input 0 (2,3): exp at engine/explain.cpp:" + std::to_string(line)));
    CHECK(contains(message, "; input 1 (4,5): a constant]"));
    CHECK(contains(refusal([&] { matmul(w, w); }), "input 1 (2,3): parameter w]"));
}

TEST_CASE("explain: so do the checks of what is composed of ops") {
    Parameter<double> w("w", zeros<double>({2, 3}));
    const std::vector<Var<double>> unlike{w, Var<double>(zeros<double>({3}))};
    const std::vector<std::function<void()>> actions{
        [&] { split_heads<double>(w, 2); }, [&] { merge_heads<double>(w); },
        [&] { stack(unlike, 0); }, [&] { mean<double>(w, {2}); }, [&] { softmax<double>(w, 2); }};
    for (const auto& action : actions) {
        const std::string message = refusal(action);
        CAPTURE(message);
        CHECK(contains(message, " [at engine/explain.cpp:"));
        CHECK(contains(message, "; input 0 (2,3): parameter w"));
    }
    CHECK(shortest(-std::nan("")) == "nan");
}

TEST_CASE("explain: arrays of unlike shapes are no arguments of map") {
    const Array<double> x = zeros<double>({2, 3}), row = zeros<double>({3});
    const auto plus = [](auto a, auto b) { return a + b; };
    CHECK(refusal([&] { map(plus, x, row); }) ==
          "map: all arrays must have one shape: zip broadcasts: x (2,3), x (3)");
    CHECK(zip(plus, "plus", x, row).shape() == Shape{2, 3});
}

// y = x; its backward opens a tape of its own, on which x, of the outer one, meets an op that
// refuses it.
struct RefusedInBackward final : Op<double> {
    Var<double> x;
    const char* name() const override { return "refused_in_backward"; }
    Var<double> forward(const Var<double>& input) {
        x = input;
        return x;
    }
    void backward(const Array<double>&, Gradients<double>&) override {
        Tape<double> inner;
        matmul(x, x);
    }
};

TEST_CASE(
    "explain: an input of an outer tape, in an op's backward, is not looked for on the inner one") {
    Parameter<double> w("w", zeros<double>({2, 3}));
    Tape<double> tape;
    const Var<double> y = sum(apply<RefusedInBackward>(here(), exp(exp(w))));
    const std::string message = refusal([&] { tape.backward(y); });
    CHECK(contains(message, "matmul: the last axis of a must equal"));
    CHECK(contains(message, "; input 0 (2,3): a constant; input 1 (2,3): a constant]"));
}

TEST_CASE(
    "finite: the first op that makes a number that is not finite is named, forward and backward") {
    Parameter<double> w("w", Array<double>{4, 1, 0});
    const auto forward = [&](Finite finite) {
        Tape<double> tape(finite);
        const Var<double> difference = w - 1.0;
        tape.backward(sum(log(difference)));
    };
    CHECK(refusal([&] { forward(Finite::unchecked); }) == "");
    w.clear_gradient();
    const std::string message = refusal([&] { forward(Finite::checked); });
    CHECK(contains(
        message,
        "log: every result must be finite: entry (1) of (3) is -inf [at engine/explain.cpp:"));
    CHECK(contains(message, "; input 0 (3): sub at engine/explain.cpp:"));
    CHECK(contains(message, ", -1 to 3]"));
    CHECK(!w.has_gradient());

    const auto backward = [&](Finite finite) {
        Tape<double> tape(finite);
        tape.backward(sum(sqrt(w)));
    };
    CHECK(refusal([&] { backward(Finite::unchecked); }) == "");
    w.clear_gradient();
    const std::string back = refusal([&] { backward(Finite::checked); });
    CHECK(contains(back,
                   "backward of sqrt: every gradient must be finite: entry (2) of (3) is inf "
                   "[called at engine/explain.cpp:"));
    CHECK(contains(back, "; dy (3): 1 to 1; input (3): parameter w, 0 to 4]"));
}

TEST_CASE(
    "finite: so is an op of two inputs, and of an input its range is told, a NaN in it, or that it "
    "is empty") {
    Parameter<double> w("w", Array<double>{4, -1}), empty("empty", zeros<double>({0}));
    Tape<double> tape(Finite::checked);
    const std::string quotient = refusal([&] { w / Var<double>(Array<double>{1, 0}); });
    CHECK(contains(
        quotient,
        "div: every result must be finite: entry (1) of (2) is -inf [at engine/explain.cpp:"));
    CHECK(contains(quotient,
                   "; input 0 (2): parameter w, -1 to 4; input 1 (2): a constant, 0 to 1]"));
    const std::string product = refusal([&] { w* Var<double>(Array<double>{1, std::nan("")}); });
    CHECK(contains(product, "mul: every result must be finite: entry (1) of (2) is nan"));
    CHECK(contains(product, "input 1 (2): a constant, with nan]"));
    const std::string of_none = refusal([&] { logsumexp(empty); });
    CHECK(contains(of_none, "logsumexp: every result must be finite: entry () of () is -inf"));
    CHECK(contains(of_none, "; input 0 (0): parameter empty, no entries]"));
}

// y = a b, right for a; the gradient of b has a NaN.
struct NanForSecond final : Op<double> {
    Var<double> a, b;
    const char* name() const override { return "nan_for_second"; }
    Var<double> forward(const Var<double>& left, const Var<double>& right) {
        a = left;
        b = right;
        return Array<double>(a.value() * b.value());
    }
    void backward(const Array<double>& dy, Gradients<double>& gradients) override {
        gradients.add(a, Array<double>(dy * b.value()));
        Array<double> db = dy * a.value();
        db.data()[db.size() - 1] = std::nan("");
        gradients.add(b, db);
    }
};

TEST_CASE("finite: the gradient of every input is looked at, and every entry of it") {
    Parameter<double> a("a", Array<double>{1, 2}), b("b", Array<double>{3, 4});
    Tape<double> tape(Finite::checked);
    const Var<double> y = sum(apply<NanForSecond>(here(), a, b));
    const std::string message = refusal([&] { tape.backward(y); });
    CHECK(contains(
        message,
        "backward of nan_for_second: every gradient must be finite: entry (1) of (2) is nan"));
    CHECK(contains(message, "input (2): parameter b, 3 to 4]"));
}
