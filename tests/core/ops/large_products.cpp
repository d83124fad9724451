// Ops made of products against plain loops in double, in shapes beyond each of their blocks, panels
// (48, 60, 64, 120, 128, 256), tiles (64 queries by 256 keys) and chunks, with odd rests. Each with
// products in blocks, as for AVX-512, and without.
#include <doctest/doctest.h>

#include <cmath>

#include "core/ops.hpp"
#include "tests/support/blocks.hpp"
#include "tests/support/results.hpp"

using namespace taper;
using namespace taper::tests;
using examples::apart;

namespace {

// With products in blocks and without.
void check_products(const std::string& title, const Functions& f,
                    const std::vector<Array<double>>& inputs,
                    const std::vector<Array<double>>& expected) {
    for (const bool in_blocks : {false, true}) {
        const Blocks scope(in_blocks);
        check_results(title + (in_blocks ? ", in blocks" : ""), f, inputs, expected, 1e-12);
    }
}

// y = x W^T + b and its gradients for rows x, dy.
std::vector<Array<double>> plain_linear(const Array<double>& x, const Array<double>& W,
                                        const Array<double>& b) {
    const std::size_t out = W.shape(0), in = W.shape(1), rows = x.size() / in;
    Shape shape = x.shape();
    shape.back() = out;
    const Array<double> dy = cotangent<double>(shape);
    auto y = empty<double>(shape);
    auto dx = zeros<double>(x.shape());
    auto dW = zeros<double>(W.shape());
    auto db = zeros<double>({out});
    for (std::size_t row = 0; row < rows; ++row)
        for (std::size_t o = 0; o < out; ++o) {
            const double* x_row = x.data() + row * in;
            const double* W_row = W.data() + o * in;
            const double g = dy.data()[row * out + o];
            double sum = b(o);
            for (std::size_t i = 0; i < in; ++i) {
                sum += x_row[i] * W_row[i];
                dx.data()[row * in + i] += g * W_row[i];
                dW.data()[o * in + i] += g * x_row[i];
            }
            y.data()[row * out + o] = sum;
            db(o) += g;
        }
    return {y, dx, dW, db};
}

// y = sum_j P_j V_j with P = softmax of the scores of the keys that are seen; 0 where none is.
Array<double> plain_attention(const Array<double>& Q, const Array<double>& K,
                              const Array<double>& V, const AttentionOptions& options) {
    const std::size_t n = Q.shape(1), m = K.shape(1), d_h = Q.shape(2) / options.heads;
    auto y = zeros<double>(Q.shape());
    std::vector<double> weights(m);
    for (std::size_t b = 0; b < Q.shape(0); ++b)
        for (std::size_t first = 0; first < Q.shape(2); first += d_h)
            for (std::size_t t = 0; t < n; ++t) {
                double total = 0;
                for (std::size_t j = 0; j < m; ++j) {
                    double score = 0;
                    for (std::size_t c = first; c < first + d_h; ++c)
                        score += Q(b, t, c) * K(b, j, c);
                    const bool seen =
                        (!options.causal || j <= t) && (!options.live || (*options.live)(b, j));
                    weights[j] = seen ? std::exp(score / std::sqrt(static_cast<double>(d_h))) : 0;
                    total += weights[j];
                }
                for (std::size_t j = 0; j < m && total > 0; ++j)
                    for (std::size_t c = first; c < first + d_h; ++c)
                        y(b, t, c) += weights[j] / total * V(b, j, c);
            }
    return y;
}

// Each row by attention over its own slots, sums over the positions up to it, and the last `window`
// positions.
Array<double> plain_causal(const std::vector<Array<double>>& x, const CausalOptions& options) {
    const auto &Q = x[0], &K = x[1], &V = x[2], &E = x[3], &F = x[4];
    const std::size_t n = Q.shape(1), d = Q.shape(2), k = E.shape(0);
    auto y = empty<double>(Q.shape());
    for (std::size_t b = 0; b < Q.shape(0); ++b) {
        auto K_bar = zeros<double>({k, d}), V_bar = K_bar;
        for (std::size_t t = 0; t < n; ++t) {
            const std::size_t near = std::min(options.window, t + 1);
            auto q = empty<double>({1, 1, d});
            auto keys = empty<double>({1, k + near, d});
            auto values = empty<double>({1, k + near, d});
            for (std::size_t c = 0; c < d; ++c) {
                q(0, 0, c) = Q(b, t, c);
                for (std::size_t j = 0; j < k; ++j) {
                    K_bar(j, c) += E(j, t) * K(b, t, c);
                    V_bar(j, c) += F(j, t) * V(b, t, c);
                    keys(0, j, c) = K_bar(j, c);
                    values(0, j, c) = V_bar(j, c);
                }
                for (std::size_t s = 0; s < near; ++s) {
                    keys(0, k + s, c) = K(b, t - s, c);
                    values(0, k + s, c) = V(b, t - s, c);
                }
            }
            const Array<double> row = plain_attention(q, keys, values, {.heads = options.heads});
            for (std::size_t c = 0; c < d; ++c) y(b, t, c) = row(0, 0, c);
        }
    }
    return y;
}

}  // namespace

TEST_CASE("large: linear on many rows equals a plain loop: its value, dx, dW and db") {
    struct Case {
        Shape rows;
        std::size_t in, out;
    };
    const auto op = [](const auto& v) { return linear(v[0], v[1], v[2]); };
    for (const auto& [rows, in, out] :
         {Case{{3, 233}, 67, 41}, Case{{1400}, 33, 130}, Case{{2, 131}, 129, 257},
          Case{{7, 100}, 5, 300}, Case{{257}, 300, 129}, Case{{2049}, 3, 5}, Case{{1000}, 9, 127},
          Case{{511}, 17, 128}, Case{{61}, 257, 513}, Case{{5, 7}, 1, 1}}) {
        Shape shape = rows;
        shape.push_back(in);
        const std::string title = "linear " + to_string(shape) + " to " + std::to_string(out);
        const Array<double> x = drawn("x", shape);
        const Array<double> W = drawn("W", {out, in});
        const Array<double> b = drawn("b", {out});
        check_products(title, op, {x, W, b}, plain_linear(x, W, b));
    }
}

TEST_CASE("large: feed_forward on many rows equals its composition") {
    const auto op = [](const auto& v) { return feed_forward(v[0], v[1], v[2], v[3], v[4]); };
    const auto composition = [](const auto& v) {
        return composed::feed_forward(v[0], v[1], v[2], v[3], v[4]);
    };
    for (const auto& [rows, hidden] :
         {std::pair<std::size_t, std::size_t>{301, 70}, {129, 261}, {1027, 33}}) {
        const std::vector<Array<double>> inputs{drawn("x", {rows, 37}), drawn("W1", {hidden, 37}),
                                                drawn("b1", {hidden}), drawn("W2", {131, hidden}),
                                                drawn("b2", {131})};
        check_products("feed_forward " + std::to_string(rows), op, inputs,
                       results<double>(composition, inputs));
    }
}

TEST_CASE(
    "large: attention over many tiles equals a plain loop, and its gradients those of the "
    "composition") {
    const auto check_attention = [](const AttentionOptions& options, std::size_t n, std::size_t m) {
        const std::vector<Array<double>> inputs{drawn("Q", {2, n, 6}), drawn("K", {2, m, 6}),
                                                drawn("V", {2, m, 6})};
        const auto op = [&](const auto& v) { return attention(v[0], v[1], v[2], options); };
        const auto composition = [&](const auto& v) {
            return composed::attention(v[0], v[1], v[2], options);
        };
        const Array<double> y = plain_attention(inputs[0], inputs[1], inputs[2], options);
        auto expected = results<double>(composition, inputs);
        CHECK(apart(expected[0], y) < 1e-13);
        expected[0] = y;
        const std::string title = "attention " + std::to_string(n) + " by " + std::to_string(m) +
                                  (options.causal ? ", causal" : "");
        check_products(title, op, inputs, expected);
    };
    check_attention({.heads = 2}, 150, 300);
    check_attention({.heads = 3}, 65, 513);
    check_attention({.heads = 1}, 1, 257);
    for (const std::size_t n : {64U, 65U, 127U, 128U, 150U, 257U, 321U})
        check_attention({.heads = 2, .causal = true}, n, n);
    Mask live({2, 300}, false);
    for (std::size_t i = 0; i < live.size(); ++i) live.data()[i] = i % 7 == 3 || i % 300 > 280;
    check_attention({.heads = 2, .live = live}, 150, 300);
    check_attention({.heads = 2, .causal = true, .live = live}, 300, 300);
}

TEST_CASE(
    "large: causal_attention over many chunks equals a plain loop, and its gradients those of the "
    "composition") {
    struct Case {
        std::size_t n, k, window;
    };
    for (const auto& [n, k, window] :
         {Case{150, 40, 0}, Case{150, 3, 9}, Case{131, 17, 70}, Case{300, 5, 300}}) {
        const CausalOptions options{.heads = 2, .window = window};
        const std::vector<Array<double>> inputs{drawn("Q", {2, n, 6}), drawn("K", {2, n, 6}),
                                                drawn("V", {2, n, 6}),
                                                normal<double>(Random(1, "E"), {k, n}, 0.1),
                                                normal<double>(Random(1, "F"), {k, n}, 0.1)};
        const auto op = [&](const auto& v) {
            return causal_attention(v[0], v[1], v[2], v[3], v[4], options);
        };
        const auto composition = [&](const auto& v) {
            return composed::causal_attention(v[0], v[1], v[2], v[3], v[4], options);
        };
        auto expected = results<double>(composition, inputs);
        expected[0] = plain_causal(inputs, options);
        const std::string title =
            "causal_attention " + std::to_string(n) + ", window " + std::to_string(window);
        check_products(title, op, inputs, expected);
    }
}

// Scores of 10^4 at one place and 0 elsewhere: the softmax is 1 there. e^10^4 is no number, should
// the largest be overlooked.
TEST_CASE(
    "large: attention finds the largest score wherever it stands, among keys and among slots") {
    const auto at_every_place = [](auto zero) {
        using T = decltype(zero);
        const Var<T> one = full<T>({1, 1, 1}, 1);
        for (const std::size_t m :
             {1U, 2U, 3U, 7U, 8U, 9U, 15U, 16U, 17U, 33U, 70U, 255U, 256U, 257U, 270U})
            for (std::size_t place = 0; place < m; ++place) {
                auto K = zeros<T>({1, m, 1});
                K(0, place, 0) = T(1e4);
                const auto V = normal<T>(Random(1, "V"), {1, m, 1});
                CHECK(attention(one, Var<T>(K), Var<T>(V)).item() == V(0, place, 0));
                if (m > 70) continue;
                const Var<T> E = reshaped(K, {m, 1});
                const Var<T> F = reshaped(V, {m, 1});
                CHECK(causal_attention(one, one, one, E, F).item() == V(0, place, 0));
            }
    };
    at_every_place(double{});
    at_every_place(float{});
}

// UBSan: an array without entries has no memory, and no address is counted from it.
TEST_CASE("large: linear of no rows, or of no columns, has gradients of its shapes that are 0") {
    struct Case {
        std::size_t rows, in, out;
    };
    for (const Case& shape :
         {Case{0, 257, 385}, Case{0, 385, 257}, Case{300, 513, 0}, Case{300, 0, 513}}) {
        const std::size_t rows = shape.rows;
        const std::size_t in = shape.in;
        const std::size_t out = shape.out;
        CAPTURE(rows);
        CAPTURE(in);
        CAPTURE(out);
        Parameter<double> x("x", drawn("x", {rows, in}));
        Parameter<double> W("W", drawn("W", {out, in}));
        Parameter<double> b("b", drawn("b", {out}));
        Tape<double> tape;
        const Var<double> y = linear(x, W, b);
        const Array<double> dy = cotangent<double>(y.shape());
        tape.backward(y, dy);
        CHECK(W.gradient() == zeros<double>({out, in}));
        CHECK(apart(b.gradient(), sum_to(dy, {out})) < 1e-12);
        CHECK(x.gradient() == zeros<double>({rows, in}));
    }
}
