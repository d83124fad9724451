// Ops whose backward computes again what forward did not keep, on a tape of its own.
#include <doctest/doctest.h>

#include "core/array/random.hpp"
#include "core/check/gradcheck.hpp"
#include "core/ops.hpp"
#include "tests/support/in_double.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

V block(const V& x, const V& W) { return gelu(matmul(gelu(matmul(x, W)), W, {false, true})); }

// y = block(x, W); keeps x and W, and nothing that is computed in between.
struct Recompute final : Op<double> {
    V x, W;
    const char* name() const override { return "recompute"; }
    V forward(const V& input, const V& weight) {
        x = input;
        W = weight;
        return block(x.detach(), W.detach());
    }
    void backward(const Numbers& dy, Gradients<double>& gradients) override {
        P x_again("x", x.value()), W_again("W", W.value());
        Tape<double> inner;
        inner.backward(block(x_again, W_again), dy);
        if (gradients.wants(x)) gradients.add(x, x_again.gradient());
        if (gradients.wants(W)) gradients.add(W, W_again.gradient());
    }
};

// The same, but W is reached by a pointer, and gets what the inner tape gives it.
struct RecomputeOfPointer final : Op<double> {
    V x;
    const P* W = nullptr;
    const char* name() const override { return "recompute_of_pointer"; }
    V forward(const V& input, const P* weight) {
        x = input;
        W = weight;
        return block(x.detach(), W->detach());
    }
    void backward(const Numbers& dy, Gradients<double>& gradients) override {
        P x_again("x", x.value());
        Tape<double> inner;
        inner.backward(block(x_again, *W), dy);
        if (gradients.wants(x)) gradients.add(x, x_again.gradient());
    }
};

const Numbers block_input = normal<double>(Random(1, "x"), {3, 4}, 0.7);
P block_weight() { return P("W", normal<double>(Random(2, "W"), {4, 5}, 0.6)); }

// y = 12 blocks in a row, and W once more outside.
template <class Block> V twelve_blocks(const V& x, const P& W, Block f) {
    V y = x;
    for (int i = 0; i < 12; ++i) y = f(y, W);
    return sum(matmul(y, W));
}
V kept_blocks(const V& x, const P& W) {
    return twelve_blocks(x, W, [](const V& y, const P& w) { return block(y, w); });
}
V recomputed_blocks(const V& x, const P& W) {
    return twelve_blocks(x, W,
                         [](const V& y, const P& w) { return apply<Recompute>(here(), y, V(w)); });
}

void check_near(const Numbers& a, const Numbers& b) {
    REQUIRE(a.shape() == b.shape());
    for (std::size_t i = 0; i < a.size(); ++i)
        CHECK(a.data()[i] == doctest::Approx(b.data()[i]).epsilon(1e-12));
}

}  // namespace

TEST_CASE(
    "recompute: twelve blocks in a row have the gradients of the plain composition, of data too") {
    P W = block_weight(), x("x", block_input);
    const auto gradients = [&](auto f, bool of_data, Finite finite, int passes) {
        clear_gradients(std::vector<P*>{&W, &x});
        Tape<double> tape(finite);
        const V y = f(of_data ? V(block_input) : V(x), W);
        for (int pass = 1; pass < passes; ++pass) tape.backward(y, Keep::everything);
        tape.backward(y);
        CHECK(tape.records().front().name == std::string("parameter"));
        return std::pair(W.gradient(), of_data ? empty<double>({0}) : x.gradient());
    };
    for (const bool of_data : {false, true})
        for (const Finite finite : {Finite::unchecked, Finite::checked}) {
            const auto [dW, dx] = gradients(kept_blocks, of_data, finite, 1);
            const auto [dW_again, dx_again] = gradients(recomputed_blocks, of_data, finite, 1);
            check_near(dW_again, dW);
            check_near(dx_again, dx);
            // backward twice: the same once more
            const auto twice = gradients(recomputed_blocks, of_data, finite, 2);
            check_near(twice.first, Numbers(2 * dW));
            check_near(twice.second, Numbers(2 * dx));
        }
    const auto report = gradcheck(
        "recompute", [](const std::vector<V>& v) { return apply<Recompute>(here(), v[0], v[1]); },
        {block_input, block_weight().value()});
    CHECK_MESSAGE(report.passed, report.text());
}

TEST_CASE(
    "recompute: a Parameter that backward alone reaches gets nothing where no input wants a "
    "gradient") {
    P W = block_weight(), x("x", block_input), last("last", 1.0);
    const auto of_pointer = [&](const V& input) {
        return sum(apply<RecomputeOfPointer>(here(), input, &W)) * last;
    };
    const auto gradient = [&](const V& loss, Tape<double>& tape) {
        W.clear_gradient();
        tape.backward(loss);
        return W.has_gradient() ? W.gradient() : empty<double>({0});
    };
    Tape<double> right;
    const Numbers dW = gradient(sum(block(block_input, W)) * last, right);
    Tape<double> of_data;
    CHECK(gradient(of_pointer(block_input), of_data).size() ==
          0);  // as core/engine/op.hpp says of Op
    Tape<double> of_input;
    check_near(gradient(of_pointer(x), of_input), dW);
    Tape<double> named;
    check_near(gradient(sum(apply<Recompute>(here(), V(block_input), V(W))) * last, named), dW);
}
