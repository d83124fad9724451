// The engine: what a tape records and when, shared and deep graphs, backward once and twice, stale
// handles and their errors.
#include <doctest/doctest.h>

#include <array>
#include <fstream>
#include <list>

#include "core/array/random.hpp"
#include "core/check/gradcheck.hpp"
#include "core/ops.hpp"
#include "tests/support/in_double.hpp"
#include "tests/support/sanitized.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

// 0 where /proc does not tell.
std::size_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::size_t all = 0, resident = 0;
    statm >> all >> resident;
    return resident * 4096;
}

// y = x^3, an op of the user's own; counts how many of it are alive.
struct Cube final : Op<double> {
    static inline int alive = 0;
    V x;
    Cube() { ++alive; }
    ~Cube() override { --alive; }
    const char* name() const override { return "cube"; }
    V forward(const V& input) {
        x = input;
        return Numbers(x.value() * x.value() * x.value());
    }
    void backward(const Numbers& dy, Gradients<double>& gradients) override {
        gradients.add(x, Numbers(3.0 * dy * x.value() * x.value()));
    }
};
V cube(const V& x, Source source = here()) { return apply<Cube>(source, x); }

// y = x; notes in backward how many Cubes are still alive.
struct Watch final : Op<double> {
    static inline int cubes = -1;
    Place<double> x;
    const char* name() const override { return "watch"; }
    V forward(const V& input) {
        x = input;
        return input.value();
    }
    void backward(const Numbers& dy, Gradients<double>& gradients) override {
        cubes = Cube::alive;
        gradients.add(x, dy);
    }
};

struct AddsWrongShape final : Op<double> {
    Place<double> x;
    const char* name() const override { return "wrong_shape"; }
    V forward(const V& input) {
        x = input;
        return input.value();
    }
    void backward(const Numbers&, Gradients<double>& gradients) override {
        gradients.add(x, Numbers{1, 2});
    }
};

// y = a; backward asks for the gradient of b, which wants none.
struct GradientOfConstant final : Op<double> {
    V b;
    const char* name() const override { return "gradient_of_constant"; }
    V forward(const V& a, const V& constant) {
        b = constant;
        return a.detach();
    }
    void backward(const Numbers&, Gradients<double>& gradients) override { gradients.at(b); }
};

// y = x prod_i w_i
struct Scaled final : Op<double> {
    V x;
    std::vector<V> weights;
    const char* name() const override { return "scaled"; }
    template <class Weights> V forward(const V& input, const Weights& given) {
        x = input;
        for (const V& weight : given) weights.push_back(weight);
        V y = x.detach();
        for (const V& weight : weights) y = y * weight.detach();
        return y;
    }
    void backward(const Numbers& dy, Gradients<double>& gradients) override {
        for (std::size_t i = 0; i <= weights.size(); ++i) {
            V product = dy;
            if (i < weights.size()) product = product * x.detach();
            for (std::size_t j = 0; j < weights.size(); ++j)
                if (j != i) product = product * weights[j].detach();
            const V& input = i < weights.size() ? weights[i] : x;
            if (gradients.wants(input)) gradients.add(input, product.value());
        }
    }
};

}  // namespace

TEST_CASE("engine: shared nodes") {
    P a("a", Numbers{1});
    {
        Tape<double> tape;
        const V b = a + a;
        tape.backward(b + b);
        CHECK(a.gradient()(0) == 4);
    }
    a.clear_gradient();
    {
        Tape<double> tape;
        const P& x = a;
        const V one(Numbers{1});
        tape.backward(x * (x * one) + (x * x) * one + x * (x * one));
        CHECK(a.gradient()(0) == 6);
    }
    a.clear_gradient();
    {
        Tape<double> tape;
        tape.backward(a - a);
        CHECK(a.gradient()(0) == 0);
    }
    a.clear_gradient();
    {  // a diamond: two paths of different length meet
        Tape<double> tape;
        const V left = exp(a), right = neg(neg(a * 3.0));
        tape.backward(left * right);
        CHECK(a.gradient()(0) == doctest::Approx(3 * std::exp(1.0) + 3 * std::exp(1.0)));
    }
}

TEST_CASE("engine: a node used ten times, and 100,000 times") {
    for (const int times : {10, 100'000}) {
        P a("a", Numbers{2, 3});
        Tape<double> tape;
        const V x = a * a;
        V total = x;
        for (int i = 1; i < times; ++i) total = total + x;
        tape.backward(sum(total));
        CHECK(a.gradient() == Numbers{4.0 * times, 6.0 * times});
    }
}

TEST_CASE("engine: a million ops deep, without recursion") {
    constexpr int depth = unless_sanitized(1'000'000, 200'000);
    P a("a", Numbers{1});
    {
        Tape<double> tape;
        V x = a;
        for (int i = 0; i < depth; ++i) x = x + 1.0;
        CHECK(x.item() == depth + 1);
        tape.backward(x);
        CHECK(a.gradient()(0) == 1);
    }
    {
        Tape<double> tape;  // and destroyed with no backward, holding every value
        V x = a;
        for (int i = 0; i < depth / 4; ++i) x = x * 1.0;
    }
    CHECK(Tape<double>::recording() == nullptr);
}

TEST_CASE("engine: with no tape alive nothing is kept, however deep") {
    P a("a", zeros<double>({1 << 17}));  // 1 MB
    V x = a;
    for (int i = 0; i < 20; ++i) x = exp(x) - 1.0;
    const std::size_t before = resident_bytes();
    for (int i = 0; i < 500; ++i) x = exp(x) - 1.0;   // a tape would hold 1 GB
    CHECK(resident_bytes() < before + (400u << 20));  // sanitizers keep freed memory for a while
    CHECK(x.tape == 0);

    CHECK(Cube::alive == 0);
    x = cube(Var<double>(Numbers{2}));
    for (int i = 0; i < 10; ++i) x = cube(x);
    CHECK(Cube::alive == 0);
}

TEST_CASE("engine: a tape keeps what backward needs, and lets go of it on the way") {
    P a("a", Numbers{2});
    {
        Tape<double> tape;
        V y = cube(cube(a));
        CHECK(Cube::alive == 2);
        y = (y + 1.0) + 2.0;  // add needs shapes only: nothing holds its first sum
        REQUIRE(tape.records().size() == 5);
        CHECK(tape.records()[3].value.expired());
        CHECK_FALSE(tape.records()[4].value.expired());
        tape.backward(y);
        CHECK(Cube::alive == 0);
        CHECK(a.gradient()(0) == 9 * 256);
    }
    {
        Tape<double> tape;
        tape.backward(cube(cube(apply<Watch>(here(), a))));
        CHECK(Watch::cubes == 0);  // both were released before backward got to the front
    }
    {
        Tape<double> tape;
        const V unused = cube(a);
        const V y = cube(a);
        tape.backward(y, Keep::everything);
        CHECK(Cube::alive == 2);
    }
    CHECK(Cube::alive == 0);
}

TEST_CASE("engine: constants get no record") {
    P a("a", Numbers{2}), frozen("frozen", Numbers{3}, false);
    Tape<double> tape;
    const V c = exp(V(Numbers{1})) * 2.0 + frozen;
    CHECK(tape.records().empty());
    CHECK(c.tape == 0);
    const V y = c * a, d = y.detach() * frozen;
    REQUIRE(tape.records().size() == 2);
    CHECK(tape.records()[0].name == std::string("parameter"));
    CHECK(tape.records()[0].leaf->name == "a");
    CHECK(tape.records()[1].inputs == std::vector<std::size_t>{0});
    CHECK(d.tape == 0);
    tape.backward(y);
    CHECK(a.gradient()(0) == doctest::Approx(2 * std::exp(1.0) + 3));
    CHECK_FALSE(frozen.has_gradient());
}

TEST_CASE("engine: the tape can be listed") {
    P w("w", zeros<double>({2, 3}));
    Tape<double> tape;
    const V y = sum(exp(w), {1});
    const int line = __LINE__ - 1;
    REQUIRE(tape.records().size() == 3);
    const auto& record = tape.records()[1];
    CHECK(record.name == std::string("exp"));
    CHECK(record.shape == Shape{2, 3});
    CHECK(record.inputs == std::vector<std::size_t>{0});
    CHECK(record.source.line == line);
    CHECK(std::string(record.source.file).ends_with("engine.cpp"));
    CHECK(tape.records()[2].shape == Shape{2});
    const V z = w * 2.0 - 1.0;
    CHECK(tape.records().back().name == std::string("sub"));
    CHECK(tape.records().back().source.line == __LINE__ - 2);
}

TEST_CASE("engine: backward twice") {
    P a("a", Numbers{3}), b("b", Numbers{2}), d("d", Numbers{1});
    Tape<double> tape;
    const V c = a + b, e = c * d;
    tape.backward(e, Keep::everything);
    CHECK(tape.gradient(c)(0) == 1);
    CHECK(tape.gradient(e)(0) == 1);
    tape.backward(e, Keep::everything);
    CHECK(a.gradient()(0) == 2);
    CHECK(d.gradient()(0) == 10);
    CHECK(tape.gradient(c)(0) == 1);  // of the last pass
    tape.backward(e);
    CHECK(a.gradient()(0) == 3);
    CHECK(d.gradient()(0) == 15);
    check_refusal([&] { tape.backward(e); },
                  {"backward: ", "runs backward once", "Keep::everything"});
    check_refusal([&] { tape.backward(e, Keep::everything); }, {"runs backward once"});
    check_refusal([&] { static_cast<void>(tape.gradient(c)); }, {"gradient: ", "Keep::everything"});
    CHECK(d.gradient()(0) == 15);
}

TEST_CASE("engine: gradients of values in between, zeros where nothing flowed") {
    P a("a", Numbers{1, 2});
    Tape<double> tape;
    const V y = a * 2.0, unused = a * 3.0, loss = sum(y * y);
    tape.backward(loss, Keep::everything);
    CHECK(tape.gradient(y) == Numbers{4, 8});
    CHECK(tape.gradient(unused) == Numbers{0, 0});
    check_refusal([&] { static_cast<void>(tape.gradient(V(Numbers{1}))); },
                  {"gradient: v must be recorded on this tape", "(1)"});
}

TEST_CASE("engine: an op of the user's own") {
    const auto report = gradcheck("cube", [](const std::vector<V>& x) { return cube(x[0]) * x[0]; },
                                  {normal<double>(Random(1, "x"), {2, 3})});
    CHECK_MESSAGE(report.passed, report.text());
    P w("w", Numbers{2});
    Tape<double> tape;
    tape.backward(cube(w));
    CHECK(w.gradient()(0) == 12);
}

TEST_CASE("engine: add hands its gradient on, and nobody sees another's sum") {
    P a("a", {1, 2}), b("b", {3, 4});
    Tape<double> tape;
    const V s = a + b, both = s + a, twice = both + both;
    const V y = sum(twice * V(Numbers{5, 7})) + sum(s * s);
    tape.backward(y, Keep::everything);
    CHECK(tape.gradient(twice) == Numbers{5, 7});
    CHECK(tape.gradient(both) == Numbers{10, 14});
    CHECK(tape.gradient(s) == Numbers{18, 26});  // 10 + 2 s
    CHECK(a.gradient() == Numbers{28, 40});
    CHECK(b.gradient() == Numbers{18, 26});
    a.mutable_gradient() = Numbers{0, 0};
    CHECK(tape.gradient(s) == Numbers{18, 26});
    CHECK(b.gradient() == Numbers{18, 26});
}

TEST_CASE("engine: the gradient that slice adds to may be shared") {
    P a("a", {1, 2}), b("b", {3, 4});
    Tape<double> tape;
    const V s = a + b;
    // recorded before, so its backward comes after that of the next line
    const V first = slice(s, 0, {0, 1});
    tape.backward(sum((s + a) * V(Numbers{5, 7})) + sum(first), Keep::everything);
    CHECK(tape.gradient(s) == Numbers{6, 7});
    CHECK(a.gradient() == Numbers{11, 14});
    CHECK(b.gradient() == Numbers{6, 7});
}

TEST_CASE("engine: a gradient of the wrong shape is an error") {
    P w("w", Numbers{1, 2, 3});
    Tape<double> tape;
    const V y = apply<AddsWrongShape>(here(), w);
    check_refusal([&] { tape.backward(sum(y)); },
                  {"backward: a gradient must have the shape of its input", "dx (2), x (3)",
                   "[in backward of "});
}

TEST_CASE("engine: the gradient of what wants none is an error") {
    P w("w", Numbers{1, 2, 3});
    Tape<double> tape;
    const V y = apply<GradientOfConstant>(here(), w, V(Numbers{1, 2}));
    check_refusal(
        [&] { tape.backward(sum(y)); },
        {"backward: at(x) takes an input that wants a gradient: x (2)", "[in backward of "});
}

TEST_CASE("engine: an op that throws is not recorded") {
    P a("a", zeros<double>({2, 3})), b("b", zeros<double>({2}));
    Tape<double> tape;
    check_refusal([&] { a + b; }, {"add: ", "a (2,3), b (2): 3, 2"});
    CHECK(tape.records().empty());
    tape.backward(sum(a));
    CHECK(a.has_gradient());
}

TEST_CASE("engine: an op takes Vars and Parameters in a container of any kind as its inputs") {
    const auto check = [](const auto& weights) {
        P x("x", Numbers{1, 2});
        Tape<double> tape;
        tape.backward(sum(apply<Scaled>(here(), x, weights)));
        CHECK(x.gradient() == Numbers{12, 12});
    };
    std::vector<P> parameters;
    parameters.emplace_back("a", Numbers{3, 3});
    parameters.emplace_back("b", Numbers{4, 4});
    check(parameters);
    CHECK(parameters[0].gradient() == Numbers{4, 8});
    CHECK(parameters[1].gradient() == Numbers{3, 6});
    check(std::array<V, 2>{parameters[0], parameters[1]});
    CHECK(parameters[1].gradient() == Numbers{6, 12});
    check(std::list<V>{parameters[1], parameters[0]});
    CHECK(parameters[0].gradient() == Numbers{12, 24});
}

TEST_CASE("engine: the line of an op is not known where the caller says so") {
    const std::string message = refusal([] { add(V(Numbers{1, 2}), V(Numbers{1, 2, 3}), {}); });
    CHECK_MESSAGE(
        message.ends_with("[at an unknown line; input 0 (2): a constant; input 1 (3): a constant]"),
        message);
}
