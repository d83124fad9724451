// Small numbers worked out by hand, for what would else be told by other programs alone: divisors,
// axes, kernels, bounds.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "core/check/gradcheck.hpp"
#include "examples/common/apart.hpp"
#include "nn/layers/projection.hpp"
#include "tests/support/broken_ops.hpp"

using namespace taper;
using namespace taper::tests;
using examples::apart;
using examples::larger;
using examples::largest;

TEST_CASE(
    "by hand: a NaN is infinitely far, wherever it stands, and so is an array of another shape") {
    const double none = std::nan("");
    const double infinity = std::numeric_limits<double>::infinity();
    CHECK(larger(1, 2) == 2);
    CHECK(larger(2, 1) == 2);
    CHECK(larger(1, none) == infinity);
    CHECK(larger(none, 1) == infinity);
    CHECK(largest(Array<double>{1, -3, 2}) == 3);
    CHECK(apart(Array<double>{1, -3, 2}, Array<double>{1, 2, 4}) == 5);
    for (std::size_t place = 0; place < 3; ++place) {
        Array<double> x{1, -3, 2};
        x(place) = none;
        CHECK(largest(x) == infinity);
        CHECK(apart(x, Array<double>{1, -3, 2}) == infinity);
        CHECK(apart(Array<double>{1, -3, 2}, x) == infinity);
        CHECK(apart(x, x) == infinity);
    }
    CHECK(apart(Array<double>{1, 2}, Array<double>{{1, 2}}) == infinity);
}

TEST_CASE("by hand: the mean divides by the entries it is taken over, and so does its gradient") {
    const Array<double> numbers{{1, 2, 6}, {3, 6, 18}};
    Parameter<double> x("x", numbers);
    const auto mean_over = [&](const Axes& axes, const Array<double>& dy) {
        x.clear_gradient();
        Tape<double> tape;
        const Var<double> y = mean(x, axes);
        tape.backward(y, dy);
        return y.value();
    };
    CHECK(mean_over({}, full<double>({}, 12)) == full<double>({}, 6));
    CHECK(x.gradient() == full<double>({2, 3}, 2));
    CHECK(mean_over({0}, {2, 4, 6}) == Array<double>{2, 4, 12});
    CHECK(x.gradient() == Array<double>{{1, 2, 3}, {1, 2, 3}});
    CHECK(mean_over({1}, {3, 6}) == Array<double>{3, 9});
    CHECK(x.gradient() == Array<double>{{1, 1, 1}, {2, 2, 2}});
    CHECK(mean_over({0, 1}, full<double>({}, 12)) == full<double>({}, 6));
}

namespace {

struct Moved {
    Array<double> y, dx;
};

// y = f(x), and dx of a dy that counts up from 1.
Moved moved(const std::function<Var<double>(const Var<double>&)>& f, const Array<double>& x) {
    Parameter<double> p("x", x);
    Tape<double> tape;
    const Var<double> y = f(p);
    auto dy = empty<double>(y.shape());
    for (std::size_t i = 0; i < dy.size(); ++i) dy.data()[i] = static_cast<double>(i + 1);
    tape.backward(y, dy);
    return {y.value(), p.gradient()};
}

}  // namespace

// A gradient check cannot tell: what is moved to a wrong place and back again has a right gradient.
TEST_CASE("by hand: what is moved, picked or repeated comes to stand where its op says") {
    using Numbers = Array<double>;
    using V = Var<double>;
    const Numbers x{{1, 2, 3}, {4, 5, 6}};
    const auto check = [&](const std::function<V(const V&)>& f, const Numbers& y,
                           const Numbers& dx) {
        const Moved result = moved(f, x);
        const std::string found = "y " + to_string(result.y) + ", dx " + to_string(result.dx);
        CAPTURE(found);
        CHECK(result.y == y);
        CHECK(result.dx == dx);
    };
    const Numbers counted{{1, 2, 3}, {4, 5, 6}};
    const Numbers twice{{{1, 2, 3}, {4, 5, 6}}, {{1, 2, 3}, {4, 5, 6}}};
    check([](auto& v) { return transpose(v); }, {{1, 4}, {2, 5}, {3, 6}}, {{1, 3, 5}, {2, 4, 6}});
    check([](auto& v) { return reshape(v, {3, 2}); }, {{1, 2}, {3, 4}, {5, 6}}, counted);
    check([](auto& v) { return broadcast_to(v, {2, 2, 3}); }, twice, {{8, 10, 12}, {14, 16, 18}});
    check([](auto& v) { return slice(v, 1, {1}); }, {{2, 3}, {5, 6}}, {{0, 1, 2}, {0, 3, 4}});
    const Range every_second{0, {}, 2};
    check([&](auto& v) { return slice(v, 1, every_second); }, {{1, 3}, {4, 6}},
          {{1, 0, 2}, {3, 0, 4}});
    check([](auto& v) { return slice(v, 0, {-1}); }, reshaped(Numbers{4, 5, 6}, {1, 3}),
          {{0, 0, 0}, {1, 2, 3}});
    check([](auto& v) { return flip(v, 1); }, {{3, 2, 1}, {6, 5, 4}}, {{3, 2, 1}, {6, 5, 4}});
    check([](auto& v) { return flip(v, 0); }, {{4, 5, 6}, {1, 2, 3}}, {{4, 5, 6}, {1, 2, 3}});
    check([](auto& v) { return cumsum(v, 1); }, {{1, 3, 6}, {4, 9, 15}}, {{6, 5, 3}, {15, 11, 6}});
    check([](auto& v) { return cumsum(v, 0); }, {{1, 2, 3}, {5, 7, 9}}, {{5, 7, 9}, {4, 5, 6}});
    check([](auto& v) { return sum(v, 0); }, {5, 7, 9}, {{1, 2, 3}, {1, 2, 3}});
    check([](auto& v) { return max(v, 1); }, {3, 6}, {{0, 0, 1}, {0, 0, 2}});

    const Numbers padded{{9, 9, 1, 2, 3, 9}, {9, 9, 4, 5, 6, 9}};
    check([](auto& v) { return pad(v, 1, 2, 1, 9); }, padded, {{3, 4, 5}, {9, 10, 11}});
    check([](auto& v) { return pad(v, 0, 1, 0); }, {{0, 0, 0}, {1, 2, 3}, {4, 5, 6}},
          {{4, 5, 6}, {7, 8, 9}});
    const V ends = reshaped(Numbers{7, 8}, {2, 1});
    const auto before_ends = [&](auto& v) { return std::vector<V>{v, ends}; };
    const auto after_ends = [&](auto& v) { return std::vector<V>{ends, v}; };
    check([&](auto& v) { return concat(before_ends(v), 1); }, {{1, 2, 3, 7}, {4, 5, 6, 8}},
          {{1, 2, 3}, {5, 6, 7}});
    check([&](auto& v) { return concat(after_ends(v), 1); }, {{7, 1, 2, 3}, {8, 4, 5, 6}},
          {{2, 3, 4}, {6, 7, 8}});
    const V zero = zeros<double>({2, 3});
    const Numbers below{{{0, 0, 0}, {1, 2, 3}}, {{0, 0, 0}, {4, 5, 6}}};
    check([&](auto& v) { return stack({zero, v}, 1); }, below, {{4, 5, 6}, {10, 11, 12}});

    const Ids columns{{2, 2}, {0, 1}}, rows{1, 0, 1};
    const Numbers of_rows{{4, 5, 6}, {1, 2, 3}, {4, 5, 6}};
    check([&](auto& v) { return gather(v, 1, columns); }, {{3, 3}, {4, 5}}, {{0, 0, 3}, {3, 4, 0}});
    check([&](auto& v) { return embedding(v, rows); }, of_rows, {{4, 5, 6}, {8, 10, 12}});
    const Mask mask{{true, false, true}, {false, false, true}};
    check([&](auto& v) { return select(mask, v, zero); }, {{1, 0, 3}, {0, 0, 6}},
          {{1, 0, 3}, {0, 0, 6}});

    const Numbers heads = reshaped(Numbers{1, 3, 5, 2, 4, 6}, {1, 2, 3, 1});
    const Shape in_rows{1, 3, 2}, in_heads{1, 2, 3, 1};
    check([&](auto& v) { return split_heads(reshape(v, in_rows), 2); }, heads,
          {{1, 4, 2}, {5, 3, 6}});
    const Numbers merged = reshaped(Numbers{1, 4, 2, 5, 3, 6}, in_rows);
    check([&](auto& v) { return merge_heads(reshape(v, in_heads)); }, merged,
          {{1, 3, 5}, {2, 4, 6}});

    const V factor = Numbers{{1, 0}, {10, 0}, {100, 1}}, bias = Numbers{0.5, -1};
    const Numbers dx{{1, 10, 102}, {3, 30, 304}};
    check([&](auto& v) { return matmul(v, factor); }, {{321, 3}, {654, 6}}, dx);
    check([&](auto& v) { return linear(v, transpose(factor), bias); }, {{321.5, 2}, {654.5, 5}},
          dx);
}

// x has mean 3 and variance 14 / 4, 4 with eps: z = (x - 3) / 2, r = 1 / 2, and
// dx = r (g - mean(g) - z mean(g z)).
TEST_CASE("by hand: layer_norm divides by the biased variance, fused and composed") {
    for (const bool fused : {true, false}) {
        Parameter<double> x("x", Array<double>{{1, 2, 3, 6}});
        Parameter<double> gain("gain", Array<double>{1, 2, 1, 1});
        Parameter<double> bias("bias", Array<double>{0, 10, 0, 0});
        Tape<double> tape;
        const Var<double> y = fused ? layer_norm(Var<double>(x), gain, bias, 0.5)
                                    : composed::layer_norm(Var<double>(x), gain, bias, 0.5);
        tape.backward(y, Array<double>{{1, 0, 0, 0}});
        CHECK(apart(y.value(), {{-1, 9, 0, 1.5}}) < 1e-15);
        CHECK(apart(x.gradient(), {{0.25, -0.1875, -0.125, 0.0625}}) < 1e-15);
        CHECK(apart(gain.gradient(), {-1, 0, 0, 0}) < 1e-15);
        CHECK(bias.gradient() == Array<double>{1, 0, 0, 0});
    }
}

// n = 5, k = 3: windows of 2, 2 and 1 positions. A head is 2 wide. Channel c of both heads has
// row c of the kernel.
TEST_CASE(
    "by hand: conv weighs keys with the kernels of E and values with those of F, a channel each") {
    const nn::Config config{.vocab_size = 2,
                            .length = 5,
                            .width = 4,
                            .heads = 2,
                            .layers = 1,
                            .ffn_width = 4,
                            .k = 3,
                            .projection = nn::ProjectionKind::conv};
    nn::Projection<double> projection("attention", config, 0);
    projection.E[0]->mutable_value() = {{1, 2}, {10, 20}};
    projection.F[0]->mutable_value() = {{3, 5}, {7, 11}};
    const Var<double> x = Array<double>{
        {{1, 1, 100, 1}, {2, 1, 200, 0}, {3, 1, 300, 0}, {4, 1, 400, 0}, {5, 1, 500, 1}}};
    const nn::Slots<double> slots = projection(0, x, x, std::nullopt);
    CHECK(slots.K.value() ==
          Array<double>{{{5, 30, 500, 10}, {11, 30, 1100, 0}, {5, 10, 500, 10}}});
    CHECK(slots.V.value() ==
          Array<double>{{{13, 18, 1300, 7}, {29, 18, 2900, 0}, {15, 7, 1500, 7}}});
}

TEST_CASE("by hand: mean and max of windows take the positions of a window alone") {
    for (const auto kind : {nn::ProjectionKind::mean, nn::ProjectionKind::max}) {
        const nn::Config config{.vocab_size = 2,
                                .length = 5,
                                .width = 1,
                                .heads = 1,
                                .layers = 1,
                                .ffn_width = 4,
                                .k = 3,
                                .projection = kind};
        const nn::Projection<double> projection("attention", config, 0);
        const Var<double> x = reshaped(Array<double>{1, 3, -5, -7, 11}, {1, 5, 1});
        const nn::Slots<double> slots = projection(0, x, x, std::nullopt);
        const bool mean = kind == nn::ProjectionKind::mean;
        const Array<double> expected = mean ? Array<double>{2, -6, 11} : Array<double>{3, -5, 11};
        CHECK(slots.K.value() == reshaped(expected, {1, 3, 1}));
        CHECK(slots.V.value() == slots.K.value());
    }
}

TEST_CASE(
    "by hand: the checker passes a gradient that is off by half its tolerance and fails one that "
    "is off by twice") {
    const double tolerance = GradcheckOptions{}.tolerance;
    CHECK(tolerance == 1e-9);
    for (const double off : {0.5, 2.0, -2.0}) {
        const double factor = 1 + off * tolerance;
        const auto square = [](double v) { return v * v; };
        const auto slope = [=](double v) { return factor * 2 * v; };
        const auto f = [=](const Vars& x) { return claimed(x[0], square, slope); };
        const GradcheckReport report = gradcheck("square", f, {Array<double>{1, -2, 3}});
        CHECK_MESSAGE(report.passed == (off == 0.5), report.text());
    }
}
