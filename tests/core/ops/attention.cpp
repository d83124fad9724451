// The attention ops: what they refuse, keys that are not seen, and scores at the ends of the range.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/ops.hpp"
#include "tests/support/models.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

Var<double> drawn_input(const Shape& shape) { return Var<double>(some(shape, "x")); }

// The gradients of <dy, attention(Q, K, V)> for Q, K and V.
std::vector<Array<double>> attention_gradients(const Array<double>& K, const Array<double>& V,
                                               const Array<double>& dy,
                                               const AttentionOptions& options) {
    Parameter<double> queries("Q", some(dy.shape(), "Q")), keys("K", K), values("V", V);
    Tape<double> tape;
    tape.backward(attention(queries, keys, values, options), dy);
    return {queries.gradient(), keys.gradient(), values.gradient()};
}

}  // namespace

TEST_CASE("attention: shapes that do not fit are refused with all of them") {
    const std::string rule = "attention: Q must be (B, n, d), K and V (B, m, d): ";
    CHECK(rule_of([] {
              attention(drawn_input({2, 3}), drawn_input({2, 3}), drawn_input({2, 3}));
          }) == rule + "Q (2,3), K (2,3), V (2,3)");
    CHECK(rule_of([] {
              attention(drawn_input({2, 5, 4}), drawn_input({1, 3, 4}), drawn_input({1, 3, 4}));
          }) == rule + "Q (2,5,4), K (1,3,4), V (1,3,4)");
    CHECK(rule_of([] {
              attention(drawn_input({2, 5, 4}), drawn_input({2, 3, 4}), drawn_input({2, 4, 4}));
          }) == rule + "Q (2,5,4), K (2,3,4), V (2,4,4)");
    const auto refused = [](const AttentionOptions& options) {
        return rule_of([&] {
            attention(drawn_input({2, 5, 4}), drawn_input({2, 3, 4}), drawn_input({2, 3, 4}),
                      options);
        });
    };
    CHECK(refused({.heads = 3}) ==
          "attention: d must be a multiple of the heads: Q (2,5,4): heads 3");
    CHECK(refused({.heads = 0}) ==
          "attention: d must be a multiple of the heads: Q (2,5,4): heads 0");
    CHECK(refused({.causal = true}) ==
          "attention: causal: there must be a key for each query: Q (2,5,4), K (2,3,4)");
    CHECK(refused({.live = Mask({2, 5}, true)}) ==
          "attention: the mask of live keys must be (B, m): K (2,3,4), live (2,5)");
    CHECK(rule_of([] {
              causal_attention(drawn_input({1, 5, 4}), drawn_input({1, 5, 4}),
                               drawn_input({1, 5, 4}), drawn_input({2, 4}), drawn_input({2, 4}));
          }) ==
          "causal_attention: E and F must be (k, n), k 1 or more: Q (1,5,4), E (2,4), F (2,4)");
    CHECK(rule_of([] {
              causal_attention(drawn_input({1, 5, 4}), drawn_input({1, 5, 4}),
                               drawn_input({1, 5, 4}), drawn_input({2, 5}), drawn_input({2, 5}),
                               {.heads = 3});
          }) == "causal_attention: d must be a multiple of the heads: Q (1,5,4): heads 3");
    CHECK(rule_of([] {
              split_heads(drawn_input({1, 5, 4}), 3);
          }) == "split_heads: x must be (B, n, d), d a multiple of the heads: x (1,5,4): heads 3");
    CHECK(rule_of([] {
              merge_heads(drawn_input({1, 5, 4}));
          }) == "merge_heads: x must be (B, h, n, d_h): x (1,5,4)");
}

// Tiles are 64 queries by 256 keys: a row meets its keys in three tiles, some of them without a
// live key.
TEST_CASE("attention: keys that are not live may be NaN, in value and gradient, over many tiles") {
    const std::size_t n = 70, m = 600;
    for (const bool fused : {true, false}) {
        CAPTURE(fused);
        Array<double> K = some({1, m, 4}, "K"), V = some({1, m, 4}, "V");
        AttentionOptions options{.heads = 2, .live = Mask({1, m}, false)};
        for (const std::size_t j : {300U, 301U, 599U}) (*options.live)(0, j) = true;
        const Var<double> Q = drawn_input({1, n, 4});
        const auto run = [&] {
            return fused ? attention(Q, Var<double>(K), Var<double>(V), options)
                         : composed::attention(Q, Var<double>(K), Var<double>(V), options);
        };
        const Array<double> y = run().value();
        for (std::size_t i = 0; i < m * 4; ++i) {
            if ((*options.live)(0, i / 4)) continue;
            K.data()[i] = std::nan("");
            V.data()[i] = fused ? std::nan("") : 0;
        }
        const Array<double> hidden = run().value();
        for (std::size_t i = 0; i < y.size(); ++i)
            CHECK(hidden.data()[i] == doctest::Approx(y.data()[i]).epsilon(1e-14));
    }
}

TEST_CASE(
    "attention: what no query sees may be NaN or infinite, the gradients are those of zeros "
    "there") {
    for (const std::size_t m : {4U, 600U})
        for (const double hidden : {std::nan(""), std::numeric_limits<double>::infinity()})
            for (const bool of_keys : {true, false}) {
                CAPTURE(of_keys);
                const Array<double> dy = some({1, 70, 4}, "dy");
                AttentionOptions options{.heads = 2, .live = Mask({1, m}, false)};
                for (const std::size_t j : {0U, 2U, 300U, 599U})
                    if (j < m) (*options.live)(0, j) = true;
                Array<double> K = some({1, m, 4}, "K"), V = some({1, m, 4}, "V");
                const auto gradients_where_hidden_is = [&](double entry) {
                    Array<double>& changed = of_keys ? K : V;
                    for (std::size_t i = 0; i < m * 4; ++i)
                        if (!(*options.live)(0, i / 4)) changed.data()[i] = entry;
                    return attention_gradients(K, V, dy, options);
                };
                const auto expected = gradients_where_hidden_is(0);
                const auto gradients = gradients_where_hidden_is(hidden);
                for (std::size_t g = 0; g < 3; ++g)
                    for (std::size_t i = 0; i < gradients[g].size(); ++i)
                        REQUIRE(gradients[g].data()[i] ==
                                doctest::Approx(expected[g].data()[i]).epsilon(1e-12));
            }
}

TEST_CASE(
    "attention: causal: NaN in the last key or value leaves the gradients of the queries before "
    "it") {
    for (const std::size_t n : {4U, 70U, 300U})
        for (const bool of_keys : {true, false}) {
            CAPTURE(n);
            CAPTURE(of_keys);
            Array<double> K = some({1, n, 4}, "K");
            Array<double> V = some({1, n, 4}, "V");
            Array<double> dy = some({1, n, 4}, "dy");
            std::fill(dy.data() + (n - 1) * 4, dy.data() + n * 4, 0.0);
            const AttentionOptions options{.heads = 2, .causal = true};
            const Array<double> finite = attention_gradients(K, V, dy, options)[0];
            (of_keys ? K : V)(0, n - 1, 1) = std::nan("");
            const Array<double> dQ = attention_gradients(K, V, dy, options)[0];
            for (std::size_t i = 0; i < (n - 1) * 4; ++i)
                REQUIRE(dQ.data()[i] == doctest::Approx(finite.data()[i]).epsilon(1e-12));
            CHECK(std::isnan(dQ(0, n - 1, 1)));
        }
}

TEST_CASE("attention: a query that sees no key gets 0, and no gradient flows from it") {
    AttentionOptions options{.causal = true, .live = Mask({1, 3}, true)};
    (*options.live)(0, 0) = false;
    Parameter<double> Q("Q", some({1, 3, 2}, "Q"));
    Parameter<double> K("K", some({1, 3, 2}, "K"));
    Parameter<double> V("V", some({1, 3, 2}, "V"));
    Tape<double> tape;
    const Var<double> y = attention(Q, K, V, options);
    tape.backward(sum(y));
    for (std::size_t c = 0; c < 2; ++c) {
        CHECK(y.value()(0, 0, c) == 0);
        CHECK(Q.gradient()(0, 0, c) == 0);
        CHECK(V.gradient()(0, 0, c) == 0);
        CHECK(y.value()(0, 1, c) == V.value()(0, 1, c));  // one key: its value
    }
}

TEST_CASE(
    "attention: large scores do not overflow, and one that is not finite gives NaN in its row") {
    constexpr float inf = std::numeric_limits<float>::infinity();
    // The keys are `score`, but one that is 0; the first query is 0, too.
    const auto run = [](float score, std::size_t m) {
        Array<float> Q = full<float>({1, 2, 1}, 1);
        Array<float> K = full<float>({1, m, 1}, score);
        Array<float> V = full<float>({1, m, 1}, 2);
        Q(0, 0, 0) = 0;
        if (m > 1) K(0, m / 2, 0) = 0;
        return Array<float>(attention(Var<float>(Q), Var<float>(K), Var<float>(V)).value());
    };
    for (const std::size_t m : {3U, 700U})
        for (const float score : {1e4F, -1e4F, 1e38F, -1e38F}) {
            const Array<float> y = run(score, m);
            CHECK(y(0, 0, 0) == doctest::Approx(2));
            CHECK(y(0, 1, 0) == doctest::Approx(2));
        }
    CHECK(run(-inf, 700)(0, 1, 0) == 2);
    CHECK(std::isnan(run(-inf, 1)(0, 1, 0)));
    CHECK(std::isnan(run(inf, 700)(0, 1, 0)));
    CHECK(std::isnan(run(std::nanf(""), 700)(0, 1, 0)));
    Array<float> Q = full<float>({1, 2, 1}, 1), K = full<float>({1, 3, 1}, 1);
    Q(0, 1, 0) = std::nanf("");
    const Array<float> y = attention(Var<float>(Q), Var<float>(K), Var<float>(K)).value();
    CHECK(y(0, 0, 0) == 1);
    CHECK(std::isnan(y(0, 1, 0)));
}
