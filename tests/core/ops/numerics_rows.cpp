// Numbers at the edges, in rows: softmax and cross-entropy of extremes, layer_norm of constant rows
// and far from 0, sums without loss, NaN in its own row alone, matmul against a plain loop.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "core/array/random.hpp"
#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "tests/support/blocks.hpp"
#include "tests/support/numerics.hpp"

using namespace taper;
using namespace taper::tests;
using examples::apart;
using examples::largest;

namespace {

template <class T> bool all_finite(const Array<T>& x) {
    return std::all_of(x.begin(), x.end(), [](T v) { return std::isfinite(v); });
}

// LayerNorm over the last axis, with a gain of 1 and a bias of 0.
template <class T> Var<T> normed(const Var<T>& x) {
    const std::size_t d = x.shape().back();
    return layer_norm(x, Var<T>(full<T>({d}, 1)), Var<T>(zeros<T>({d})));
}

template <class T> void check_softmax() {
    const T inf = T(infinity), none = T(not_a_number);
    const Array<T> x{{T(1e4), 0},  {T(-1e30), T(-1e30)}, {-inf, 0},
                     {0, T(-1e4)}, {T(1e30), T(1e30)},   {T(88), T(-88)}};
    const Array<T> expected{{1, 0}, {T(0.5), T(0.5)}, {0, 1},
                            {1, 0}, {T(0.5), T(0.5)}, {1, std::exp(T(-176))}};
    const Array<T> dy{{1, 2}, {3, 4}, {5, 6}, {7, 8}, {-1, 1}, {1, -1}};
    for (const bool fused : {true, false}) {
        const auto [y, dx] = value_and_gradient<T>(
            [&](const auto& v) { return fused ? softmax(v) : composed::softmax(v); }, x, dy);
        CHECK(y == expected);
        CHECK(all_finite(dx));
        CHECK(dx(0, 0) == 0);
        CHECK(dx(1, 0) == T(-0.25));
        CHECK(dx(1, 1) == T(0.25));
        CHECK(dx(2, 0) == 0);
        const auto [l, dl] = value_and_gradient<T>(
            [&](const auto& v) { return fused ? log_softmax(v) : composed::log_softmax(v); }, x,
            dy);
        CHECK(l(0, 0) == 0);
        CHECK(l(0, 1) == T(-1e4));
        CHECK(l(1, 0) == doctest::Approx(-std::log(2.0)));
        CHECK(l(2, 0) == -inf);
        CHECK(l(2, 1) == 0);
        CHECK(dl(0, 0) == -2);  // dy_i - p_i sum_j dy_j
        CHECK(dl(0, 1) == 2);
        CHECK(dl(1, 0) == doctest::Approx(-0.5));
        CHECK(dl(2, 0) == 5);
        CHECK(dl(2, 1) == -5);
        CHECK(all_finite(dl));
    }
    // A row with NaN or of -inf alone gives NaN, and in that row only.
    const Array<T> rows{{1, 2, 3}, {none, 0, 1},       {1, 2, 3}, {0, 1, none},
                        {1, 2, 3}, {-inf, -inf, -inf}, {1, 2, 3}};
    for (const auto& [y, dx] :
         {value_and_gradient<T>([](const auto& v) { return softmax(v); }, rows),
          value_and_gradient<T>([](const auto& v) { return log_softmax(v); }, rows)})
        for (std::size_t i = 0; i < 7; ++i)
            for (std::size_t j = 0; j < 3; ++j) {
                CHECK(std::isnan(y(i, j)) == (i % 2 == 1));
                CHECK(std::isnan(dx(i, j)) == (i % 2 == 1));
            }
}

template <class T> void check_cross_entropy() {
    for (const bool fused : {true, false}) {
        const auto loss = [&](const Ids& targets) {
            return [&, targets](const auto& x) {
                return fused ? cross_entropy(x, targets) : composed::cross_entropy(x, targets);
            };
        };
        const auto one = full<T>({}, 1);
        const auto [wrong, dwrong] = value_and_gradient<T>(loss({1}), Array<T>{{T(1e4), 0}}, one);
        CHECK(wrong() == T(1e4));
        CHECK(dwrong == Array<T>{{1, -1}});
        const auto [right, dright] = value_and_gradient<T>(loss({0}), Array<T>{{T(1e4), 0}}, one);
        CHECK(right() == 0);
        CHECK(dright == Array<T>{{0, 0}});
        const auto [even, deven] =
            value_and_gradient<T>(loss({0}), Array<T>{{T(1e4), T(1e4)}}, one);
        CHECK(even() == doctest::Approx(std::log(2.0)));
        CHECK(apart(deven, Array<T>{{T(-0.5), T(0.5)}}) < 1e-6);
        const auto [masked, dmasked] =
            value_and_gradient<T>(loss({1}), Array<T>{{T(-infinity), 0, T(-infinity)}}, one);
        CHECK(masked() == 0);
        CHECK(dmasked == Array<T>{{0, 0, 0}});
        if (!fused) continue;  // what is not counted may hold anything
        const auto [ignored, dignored] = value_and_gradient<T>(
            loss({ignore_index, 0}), Array<T>{{T(not_a_number), T(infinity)}, {0, 0}}, one);
        CHECK(ignored() == doctest::Approx(std::log(2.0)));
        CHECK(dignored == Array<T>{{0, 0}, {T(-0.5), T(0.5)}});
    }
}

}  // namespace

TEST_CASE("numerics: softmax and log_softmax of extremes") {
    check_softmax<double>();
    check_softmax<float>();
}

TEST_CASE("numerics: cross_entropy of extremes") {
    check_cross_entropy<double>();
    check_cross_entropy<float>();
}

TEST_CASE("numerics: cross_entropy is the mean over all counted rows, in float too") {
    const auto logits = normal<float>(Random(1, "logits"), {20'000, 7}, 3);
    Ids targets = empty<std::int64_t>({20'000});
    for (std::size_t i = 0; i < targets.size(); ++i)
        targets.data()[i] = static_cast<std::int64_t>(Random(1, "targets").below(i, 7));
    const double exact = cross_entropy(Var<double>(converted<double>(logits)), targets).item();
    CHECK(static_cast<double>(cross_entropy(Var<float>(logits), targets).item()) ==
          doctest::Approx(exact).epsilon(1e-7));
}

TEST_CASE("numerics: layer_norm of constant rows is the bias, with finite gradients") {
    const auto check = [](auto zero) {
        using T = decltype(zero);
        for (const std::size_t d : {1u, 2u, 7u, 64u})
            for (const double level : {0.0, 0.1, -3.0, 1e3, 1e6})
                for (const bool fused : {true, false}) {
                    const Array<T> gain = normal<T>(Random(1, "gain"), {d});
                    const Array<T> bias = normal<T>(Random(1, "bias"), {d});
                    const auto norm = [&](const auto& x) {
                        return fused ? layer_norm(x, Var<T>(gain), Var<T>(bias))
                                     : composed::layer_norm(x, Var<T>(gain), Var<T>(bias));
                    };
                    const auto [y, dx] =
                        value_and_gradient<T>(norm, full<T>({2, d}, static_cast<T>(level)),
                                              normal<T>(Random(1, "dy"), {2, d}));
                    CHECK(all_finite(dx));
                    CHECK(apart(y, Array<T>(y * T(0) + bias)) < 1e-3);
                    if (d == 1) CHECK(apart(dx, zeros<T>({2, d})) < 1e-4);
                }
    };
    check(double{});
    check(float{});
}

TEST_CASE("numerics: layer_norm of rows far from 0") {
    for (const double level : {1e3, 1e6})
        for (const std::size_t d : {32u, 128u, 512u}) {
            auto x = normal<float>(Random(2, "far"), {8, d});
            x += static_cast<float>(level);
            const auto dy = normal<float>(Random(3, "far"), {8, d});
            const auto [y, dx] = value_and_gradient<float>(normed<float>, x, dy);
            const auto [exact, dexact] = value_and_gradient<double>(
                normed<double>, converted<double>(x), converted<double>(dy));
            const double value_error = apart(converted<double>(y), exact);
            const double gradient_error = apart(converted<double>(dx), dexact);
            CHECK_MESSAGE(value_error < 1e-5,
                          "level " << level << ", d " << d << ": " << value_error);
            CHECK_MESSAGE(gradient_error < 1e-5,
                          "level " << level << ", d " << d << ": " << gradient_error);
        }
}

TEST_CASE("numerics: rows of a million entries keep their digits in float") {
    constexpr std::size_t n = 1'000'003;
    const auto x = normal<float>(Random(4, "long"), {1, n});
    const auto dy = normal<float>(Random(5, "long"), {1, n});
    const auto compare = [&](const std::string& name, auto f) {
        const auto [y, dx] = value_and_gradient<float>(f, x, dy);
        const auto [exact, dexact] =
            value_and_gradient<double>(f, converted<double>(x), converted<double>(dy));
        // Of the largest entry: a sum over all of them is in each.
        const double value_error = apart(converted<double>(y), exact) / largest(exact);
        const double gradient_error = apart(converted<double>(dx), dexact) / largest(dexact);
        CHECK_MESSAGE(value_error < 5e-7, name << ": " << value_error);
        CHECK_MESSAGE(gradient_error < 5e-7, name << ": " << gradient_error);
    };
    compare("softmax", [](const auto& v) { return softmax(v); });
    compare("layer_norm", [](const auto& v) { return normed(v); });
}

TEST_CASE("numerics: sums lose nothing") {
    CHECK(sum(Var<float>(full<float>({1 << 25}, 1))).item() == 0x1p25f);
    CHECK(mean(Var<float>(full<float>({1 << 25}, 1))).item() == 1);
    CHECK(sum(Var<float>(full<float>({1 << 20, 3}, 1)), {0}).value() == full<float>({3}, 0x1p20f));
    // the gradient of what was broadcast is a sum as well
    Parameter<float> bias("bias", zeros<float>({2}));
    const Var<float> rows(zeros<float>({(1 << 24) + 2, 2}));
    Tape<float> tape;
    tape.backward(sum(rows + bias));
    CHECK(bias.gradient() == full<float>({2}, 0x1p24f + 2));
}

TEST_CASE("numerics: NaN and infinities in reductions") {
    for (std::size_t place = 0; place < 40; ++place) {
        auto x = normal<double>(Random(1, "reduce"), {40});
        x(place) = not_a_number;
        for (const double y :
             {sum(Var<double>(x)).item(), mean(Var<double>(x)).item(), max(Var<double>(x)).item()})
            CHECK(std::isnan(y));
        x(place) = infinity;
        for (const double y :
             {sum(Var<double>(x)).item(), mean(Var<double>(x)).item(), max(Var<double>(x)).item()})
            CHECK(y == infinity);
        x(place) = -infinity;
        CHECK(max(Var<double>(x)).item() < 10);
        CHECK(std::isfinite(max(Var<double>(x)).item()));
    }
    CHECK(max(Var<double>(full<double>({3}, -infinity))).item() == -infinity);
    CHECK(max(Var<double>(Array<double>{{1, not_a_number}, {3, 2}}), {1}).value()(1) == 3);
}

namespace {

// The product as a triple loop, in long double; batch axes broadcast.
Array<double> plain_product(const Array<double>& a, const Array<double>& b, Transposed as) {
    const auto matrix = [](const Array<double>& x) {
        return Shape{x.shape(x.dimension() - 2), x.shape(x.dimension() - 1)};
    };
    const auto batch = [](const Array<double>& x) {
        return Shape(x.shape().begin(), x.shape().end() - 2);
    };
    const Shape all = broadcast_shape("plain", {"a", batch(a)}, {"b", batch(b)});
    const auto repeated = [&](const Array<double>& x) {
        Shape shape = all;
        for (std::size_t extent : matrix(x)) shape.push_back(extent);
        return expand(x, shape);
    };
    const Array<double> whole_a = repeated(a), whole_b = repeated(b);
    const std::size_t m = matrix(a)[as.transpose_a ? 1 : 0];
    const std::size_t k = matrix(a)[as.transpose_a ? 0 : 1];
    const std::size_t n = matrix(b)[as.transpose_b ? 0 : 1];
    const auto a_at = [&](std::size_t s, std::size_t i, std::size_t l) {
        return whole_a.data()[s * m * k + (as.transpose_a ? l * m + i : i * k + l)];
    };
    const auto b_at = [&](std::size_t s, std::size_t l, std::size_t j) {
        return whole_b.data()[s * k * n + (as.transpose_b ? j * k + l : l * n + j)];
    };
    Shape shape = all;
    shape.push_back(m);
    shape.push_back(n);
    auto y = empty<double>(shape);
    for (std::size_t s = 0; s < count(all); ++s)
        for (std::size_t i = 0; i < m; ++i)
            for (std::size_t j = 0; j < n; ++j) {
                long double total = 0;
                for (std::size_t l = 0; l < k; ++l)
                    total += static_cast<long double>(a_at(s, i, l)) * b_at(s, l, j);
                y.data()[(s * m + i) * n + j] = static_cast<double>(total);
            }
    return y;
}

// a (..., m, k) and b (..., k, n), with 0, 1 and numbers beyond blocks, panels and vectors.
const std::vector<std::pair<Shape, Shape>>& product_shapes() {
    static const std::vector<std::pair<Shape, Shape>> shapes = {
        {{1, 1}, {1, 1}},
        {{3, 5}, {5, 4}},
        {{100'000, 1}, {1, 1}},
        {{1, 100'000}, {100'000, 1}},
        {{100'000, 1}, {1, 2}},
        {{70, 90}, {90, 110}},
        {{3, 0}, {0, 4}},
        {{0, 3}, {3, 4}},
        {{3, 4}, {4, 0}},
        {{2, 3, 0}, {0, 4}},
        {{0, 3, 4}, {4, 5}},
        {{2, 3, 4, 5}, {5, 6}},
        {{4, 3}, {1, 3, 3, 3}},
        {{2, 1, 3, 5}, {4, 5, 2}},
        {{5, 7, 3}, {5, 3, 2}},
        {{1, 7, 3}, {5, 3, 2}},
        {{5, 7, 3}, {1, 3, 2}},
        {{3, 1, 129, 65}, {2, 65, 33}},
        {{700, 300}, {300, 200}},
        {{2, 200, 150}, {150, 130}},
        {{4, 8, 40, 16}, {4, 8, 16, 40}},
        {{3, 2, 100}, {3, 100, 90}},
        {{1, 3, 65, 33}, {4, 3, 33, 70}},
        {{4, 3, 65, 33}, {1, 3, 33, 70}},
        {{2, 5000}, {3, 5000, 7}},
        {{1, 3, 5, 6}, {4, 3, 6, 7}},
        {{4, 3, 5, 6}, {1, 3, 6, 7}},
        {{4, 1, 70, 33}, {3, 33, 20}},
        {{2, 1, 3, 5, 4}, {3, 1, 4, 6}},
        {{3, 257}, {257, 5}},
        {{3, 2, 511}, {3, 511, 5}},
        {{5, 1000}, {1000, 3}},
        {{3, 2, 1000}, {3, 1000, 5}},
        {{2, 2049}, {2049, 3}},
    };
    return shapes;
}

}  // namespace

TEST_CASE("numerics: matmul equals a plain loop") {
    for (const bool transpose_a : {false, true})
        for (const bool transpose_b : {false, true})
            for (auto [shape_a, shape_b] : product_shapes()) {
                const double k = static_cast<double>(shape_a.back());
                if (transpose_a)
                    std::swap(shape_a[shape_a.size() - 1], shape_a[shape_a.size() - 2]);
                if (transpose_b)
                    std::swap(shape_b[shape_b.size() - 1], shape_b[shape_b.size() - 2]);
                const auto a = uniform<double>(Random(1, "a"), shape_a, -1, 1);
                const auto b = uniform<double>(Random(1, "b"), shape_b, -1, 1);
                const Transposed as{transpose_a, transpose_b};
                const Array<double> expected = plain_product(a, b, as);
                const std::string title = to_string(a.shape()) + " " + to_string(b.shape());
                for (const bool cut : {false, true}) {
                    const Blocks scope(cut);
                    const double error =
                        apart(matmul(Var<double>(a), Var<double>(b), as).value(), expected);
                    CHECK_MESSAGE(error <= 1e-13 * std::max(1.0, std::sqrt(k)),
                                  title << std::string(": ") << error);
                }
            }
}

TEST_CASE("numerics: NaN in a matrix stays in its row and column") {
    auto a = normal<double>(Random(1, "a"), {5, 6}), b = normal<double>(Random(1, "b"), {6, 4});
    a(2, 3) = not_a_number;
    const Array<double> y = matmul(Var<double>(a), Var<double>(b)).value();
    for (std::size_t i = 0; i < 5; ++i)
        for (std::size_t j = 0; j < 4; ++j) CHECK(std::isnan(y(i, j)) == (i == 2));
    b.fill(0);  // 0 NaN is NaN: a broken run shows
    CHECK(std::isnan(matmul(Var<double>(a), Var<double>(b)).value()(2, 0)));
}
