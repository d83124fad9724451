// What a user of the library may do wrong, and ops that do what an op seldom does: an Error, or the
// right result.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <thread>

#include "core/check/gradcheck.hpp"
#include "core/kernels/parallel.hpp"
#include "core/ops.hpp"
#include "nn/layers/encoder.hpp"
#include "nn/linformer.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/clip.hpp"
#include "tests/support/models.hpp"
#include "tests/support/scratch.hpp"
#include "tests/support/thread_count.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

// e^x whose backward calls an op.
struct ExpByOps final : Op<double> {
    Var<double> x;
    const char* name() const override { return "exp_by_ops"; }
    Var<double> forward(const Var<double>& input) {
        x = input;
        return exp(x.detach());
    }
    void backward(const Array<double>& dy, Gradients<double>& gradients) override {
        gradients.add(x, mul(exp(x), Var<double>(dy)).value());
    }
};

struct Throws final : Op<double> {
    Place<double> x;
    const char* name() const override { return "throws"; }
    Var<double> forward(const Var<double>& input) {
        x = input;
        return input.detach();
    }
    void backward(const Array<double>&, Gradients<double>&) override {
        throw std::runtime_error("broken");
    }
};

// y = x, dx = -dy; forward returns what it was given.
struct Reversal final : Op<double> {
    Place<double> x;
    const char* name() const override { return "reversal"; }
    Var<double> forward(const Var<double>& input) {
        x = input;
        return input;
    }
    void backward(const Array<double>& dy, Gradients<double>& gradients) override {
        gradients.add(x, Array<double>(-dy));
    }
};

struct Shifted final : Op<double> {
    Place<double> x, shift;
    const char* name() const override { return "shifted"; }
    Var<double> forward(const Var<double>& input, const std::optional<Var<double>>& distance) {
        x = input;
        if (!distance) return input;
        shift = *distance;
        return Array<double>(input.value() + distance->value());
    }
    void backward(const Array<double>& dy, Gradients<double>& gradients) override {
        gradients.add(x, dy);
        if (!shift.shape.empty()) gradients.add(shift, dy);
    }
};

struct AssignsWrongShape final : Op<double> {
    Place<double> x;
    const char* name() const override { return "wrong_shape"; }
    Var<double> forward(const Var<double>& input) {
        x = input;
        return input.detach();
    }
    void backward(const Array<double>&, Gradients<double>& gradients) override {
        gradients.at(x) = Array<double>{1, 2, 3, 4, 5};
    }
};

// Adds to the gradient of what wants none.
struct AddsToAConstant final : Op<double> {
    Place<double> x, constant;
    const char* name() const override { return "adds_to_a_constant"; }
    Var<double> forward(const Var<double>& input, const Var<double>& other) {
        x = input;
        constant = other;
        return input.detach();
    }
    void backward(const Array<double>& dy, Gradients<double>& gradients) override {
        gradients.at(constant) += dy;
    }
};

}  // namespace

TEST_CASE("misuse: a target that is no class, the first beyond the last among them, is named") {
    const Var<double> logits(zeros<double>({2, 3}));
    for (const std::int64_t target : {-1, -99, 3, 4}) {
        const std::string message = refusal([&] { cross_entropy(logits, Ids{2, target}); });
        CHECK(contains(
            message,
            "a target must be in [0, V), or -100 for not counted: logits (2,3), targets (2)"));
        CHECK(contains(message, "target " + std::to_string(target) + " at (1), V 3"));
    }
    CHECK_NOTHROW(cross_entropy(logits, Ids{2, -100}));
}

TEST_CASE("misuse: an op's backward may call ops, which are not recorded") {
    for (int depth = 1; depth < 40; ++depth) {
        Parameter<double> w("w", Array<double>{0.5, -0.25});
        Tape<double> tape;
        Var<double> y = w;
        for (int i = 0; i < depth; ++i) y = apply<ExpByOps>(here(), y * 0.1);
        const std::size_t records = tape.records().size();
        tape.backward(sum(y), Keep::everything);
        CHECK(tape.records().size() == records + 1);
    }
    const auto report =
        gradcheck("exp_by_ops", [](const auto& x) { return apply<ExpByOps>(here(), x[0] * x[0]); },
                  {Array<double>{0.5, -0.25}});
    CHECK_MESSAGE(report.passed, report.text());
}

TEST_CASE("misuse: a backward that throws releases its tape") {
    for (const Keep keep : {Keep::nothing, Keep::everything}) {
        Parameter<double> w("w", Array<double>{1, 2});
        Tape<double> tape;
        const Var<double> loss = sum(exp(apply<Throws>(here(), exp(w))));
        CHECK_THROWS_WITH(tape.backward(loss, keep), "broken");
        CHECK(contains(refusal([&] { tape.backward(loss, keep); }), "it has released its ops"));
        CHECK(contains(refusal([&] { exp(loss); }), "has run backward"));
        Tape<double> next;
        next.backward(sum(w));
        CHECK(w.gradient() == Array<double>{1, 1});
    }
}

TEST_CASE("misuse: an op that returns its input is still an op") {
    Parameter<double> w("w", Array<double>{1, 2});
    Tape<double> tape;
    tape.backward(sum(apply<Reversal>(here(), w) * 3.0));
    CHECK(w.gradient() == Array<double>{-3, -3});
}

TEST_CASE("misuse: an optional input is an input") {
    Parameter<double> w("w", Array<double>{1, 2}), b("b", Array<double>{1, 2});
    Tape<double> tape;
    const Var<double> none = apply<Shifted>(here(), w, std::optional<Var<double>>());
    tape.backward(sum(none + apply<Shifted>(here(), w, std::optional<Var<double>>(b))));
    CHECK(w.gradient() == Array<double>{2, 2});
    CHECK(b.gradient() == Array<double>{1, 1});
}

TEST_CASE("misuse: Tape::gradient is of the last pass, of Parameters too") {
    Parameter<double> a("a", 3.0), b("b", 2.0), d("d", 1.0), unused("unused", 1.0);
    d.leaf->gradient = std::make_unique<Array<double>>(full<double>({}, 5));
    Tape<double> tape;
    const Var<double> e = (a + b) * d, other = exp(unused);
    CHECK(contains(refusal([&] { tape.gradient(d); }), "backward must have run"));
    for (int pass = 1; pass <= 2; ++pass) {
        tape.backward(e, Keep::everything);
        CHECK(tape.gradient(d)() == 5);
        CHECK(d.gradient()() == 5 + 5 * pass);
        CHECK(tape.gradient(unused)() == 0);
    }
}

TEST_CASE("misuse: a Var or Parameter without a value") {
    const Var<double> none;
    Var<double> moved_var = Var<double>(Array<double>{1});
    const Var<double> taken_var = std::move(moved_var);
    Parameter<double> w("w", Array<double>{1});
    Parameter<double> moved("moved", Array<double>{1});
    const Parameter<double> taken = std::move(moved);
    const auto check_none = [] {
        gradcheck("none", [](const auto&) { return Var<double>(); }, {Array<double>{1}});
    };
    const std::vector<std::function<void()>> actions{
        [&] { exp(none); },
        [&] { none + w; },
        [&] { sum(none); },
        [&] { none.item(); },
        [&] { exp(moved_var); },
        [&] { moved.name(); },
        [&] { moved.clear_gradient(); },
        [&] { moved.mutable_value(); },
        [&] { exp(moved); },
        check_none,
    };
    for (const auto& action : actions)
        CHECK(contains(refusal(action), "value: a Var or Parameter must have a value"));
}

TEST_CASE("misuse: a Parameter's value and gradient keep their shape") {
    Parameter<double> w("w", zeros<double>({4, 4}));
    nn::Adam<double> adam({&w});
    w.mutable_value() = zeros<double>({2, 2});
    CHECK(refusal([&] { softmax(w); }) ==
          "softmax: a Parameter's value must keep its shape: w (4,4), value (2,2)");
    CHECK(contains(refusal([&] { w + 1.0; }), "w (4,4), value (2,2)"));
    w.mutable_value() = zeros<double>({4, 4});
    {
        Tape<double> tape;
        tape.backward(sum(w));
    }
    w.mutable_gradient() = zeros<double>({3});
    CHECK(contains(refusal([&] { adam.step(1); }), "w must keep its shape"));
    Tape<double> tape;
    CHECK(contains(refusal([&] { tape.backward(sum(w)); }), "gradient (3), value (4,4)"));
    Parameter<double> v("v", Array<double>{1, 2});
    Tape<double> other;
    CHECK(contains(refusal([&] { other.backward(sum(apply<AssignsWrongShape>(here(), v))); }),
                   "dx (5), x (2)"));
    Tape<double> third;
    const Var<double> y = apply<AddsToAConstant>(here(), v, Var<double>(Array<double>{3, 4}));
    CHECK(contains(refusal([&] { third.backward(sum(y)); }),
                   "takes an input that wants a gradient: x (2)"));
}

TEST_CASE("misuse: shapes with more entries than memory can have") {
    const Var<double> x(Array<double>{1, 2, 3, 4});
    CHECK(contains(refusal([&] { reshape(x, {20, 5581, 8681, 49477, 384773}); }), "2^63"));
    const Var<double> nothing(zeros<double>({0})), rows_of_nothing(zeros<double>({0, 3}));
    const Extents wide{65536, 65536, 65536, 65536};
    CHECK(contains(refusal([&] { reshape(nothing, wide); }), "2^63"));
    const Shape square{1ULL << 32, 1ULL << 32};
    CHECK(contains(refusal([&] { broadcast_to(Var<double>(Array<double>{1}), square); }), "2^63"));
    CHECK_THROWS_AS(empty<double>({1ULL << 61}), std::bad_alloc);
    const auto refused = [](const nn::Config& config) {
        return refusal([&] { nn::Linformer<float> model(config); });
    };
    CHECK(contains(refused({.vocab_size = 1ULL << 62, .length = 4, .width = 4}),
                   "vocab_size: the number must be 1 to 4294967296"));
    CHECK(contains(refused({.vocab_size = 1ULL << 32, .length = 4, .width = 1ULL << 32, .k = 2}),
                   "2^63"));
    const Extents none_and_any{0, -1};
    CHECK(contains(refusal([&] { reshape(rows_of_nothing, none_and_any); }), "stand for -1"));
}

TEST_CASE("misuse: threads of the user's own") {
    const Threads scope(threads());  // which the users change
    std::vector<std::thread> users;
    std::vector<double> results(4);
    for (std::size_t i = 0; i < 4; ++i)
        users.emplace_back([&, i] {
            for (int round = 0; round < 20; ++round) {
                Parameter<double> w("w", full<double>({100000}, 1));
                Tape<double> tape;
                tape.backward(sum(exp(w * 0.5)));
                results[i] = w.gradient()(99999);
                set_threads(1 + (round + static_cast<int>(i)) % 3);
            }
        });
    for (std::thread& user : users) user.join();
    for (const double result : results) CHECK(result == doctest::Approx(0.5 * std::exp(0.5)));

    auto tape = std::make_unique<Tape<double>>();
    std::thread([&] { tape.reset(); }).join();
    CHECK(Tape<double>::recording() == nullptr);
    Parameter<double> w("w", 1.0);
    CHECK_NOTHROW(exp(w));
    CHECK(contains(refusal([] { parallel_for(10, 0, [](std::size_t, std::size_t) {}); }), "chunk"));
}

TEST_CASE("misuse: Adam and clipping refuse numbers that would spoil the weights") {
    Parameter<double> w("w", Array<double>{5, 5});
    const auto pass = [&](double g) {
        w.clear_gradient();
        Tape<double> tape;
        tape.backward(w, full<double>({2}, g));
    };
    nn::Adam<double> adam({&w, &w});
    CHECK(adam.parameters().size() == 1);
    for (const double lr : {std::nan(""), std::numeric_limits<double>::infinity(), -1.0})
        CHECK(contains(refusal([&] { adam.step(lr); }), "the learning rate must be finite"));
    const std::vector<nn::AdamOptions> wrong{{.beta1 = 1}, {.beta2 = 1}, {.beta2 = -1},
                                             {.eps = 0},   {.eps = -1},  {.weight_decay = -1}};
    for (const nn::AdamOptions& options : wrong)
        CHECK(contains(refusal([&] { nn::Adam<double> other({&w}, options); }),
                       "adam: beta1 and beta2"));
    pass(1e200);
    CHECK(contains(refusal([&] { adam.step(1); }), "w: the square of a gradient must be finite"));
    CHECK(w.value() == Array<double>{5, 5});
    CHECK(contains(refusal([&] { nn::clip_gradients<double>({&w}, 1); }),
                   "the squares of the gradients must be finite"));
    pass(3);
    CHECK(nn::clip_gradients<double>({&w, &w}, 1) == doctest::Approx(3 * std::sqrt(2)));
    CHECK(w.gradient()(0) == doctest::Approx(std::sqrt(0.5)));
    Parameter<float> f("f", Array<float>{1});
    Tape<float> tape;
    tape.backward(f, full<float>({1}, 3e38F));
    nn::clip_gradients<float>({&f}, 1e-9);
    CHECK(f.gradient()(0) == doctest::Approx(1e-9));
}

TEST_CASE("misuse: layers by themselves check what they are given") {
    nn::Config config = tiny;
    config.heads = 0;
    CHECK(contains(refusal([&] { nn::EncoderBlock<double> block(0, config); }), "heads"));
    config = tiny;
    config.k = 7;
    CHECK(contains(refusal([&] { nn::EncoderBlock<double> block(0, config); }), "k 7, length 6"));
    for (const auto attention : {nn::AttentionKind::linformer, nn::AttentionKind::full}) {
        config = tiny;
        config.attention = attention;
        const nn::EncoderBlock<double> block(0, config);
        const Var<double> flat(zeros<double>({6, 8})), narrow(zeros<double>({1, 6, 4}));
        CHECK(contains(refusal([&] { block(flat); }), "x (6,8)"));
        CHECK(contains(refusal([&] { block.attention(narrow); }), "x (1,6,4)"));
    }
    const Var<float> row(zeros<float>({3}));
    const nn::Pass pass{.dropout = Random(0, "dropout")};
    for (const double p : {std::nan(""), -0.5, 1.0}) {
        const nn::Dropout layer{p, 0};
        CHECK(contains(refusal([&] { layer(row, pass); }), "p must be in [0, 1)"));
    }
    for (const double eps : {-1.0, 0.0, std::nan(""), 1e-60})
        CHECK(contains(refusal([&] { layer_norm(row, row, row, eps); }), "eps"));
}
