// What makes a model causal, by tests that a triangular mask over the n x k scores fails, and
// decoding token by token.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "examples/common/apart.hpp"
#include "nn/optim/adam.hpp"
#include "tests/support/models.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::tests;
using examples::apart;
using examples::larger;

namespace {

constexpr std::size_t n = 10, k = 4, heads = 2, d = 6;

// Q, K, V (B, n, d), E, F (k, n) -> (B, n, d)
template <class T>
using CausalFunction = std::function<Var<T>(const Var<T>& Q, const Var<T>& K, const Var<T>& V,
                                            const Var<T>& E, const Var<T>& F)>;

template <class T> CausalFunction<T> op_with(CausalOptions options) {
    options.heads = heads;
    return [options](const auto& Q, const auto& K, const auto& V, const auto& E, const auto& F) {
        return causal_attention(Q, K, V, E, F, options);
    };
}

template <class T>
Var<T> full_attention(const Var<T>& Q, const Var<T>& K, const Var<T>& V, const Var<T>&,
                      const Var<T>&) {
    return attention(Q, K, V, {.heads = heads, .causal = true});
}

// What two public implementations do: slot j is hidden from the positions t < j.
template <class T>
Var<T> triangular_mask(const Var<T>& Q, const Var<T>& K, const Var<T>& V, const Var<T>& E,
                       const Var<T>& F) {
    auto triangle = empty<bool>({1, 1, n, k});
    for (std::size_t t = 0; t < n; ++t)
        for (std::size_t j = 0; j < k; ++j) triangle(0, 0, t, j) = j <= t;
    const auto split = [](const Var<T>& x) { return split_heads(x, heads); };
    const Var<T> S = matmul(split(Q), split(matmul(E, K)), {.transpose_b = true});
    const Var<T> P = softmax(select(triangle, S, -std::numeric_limits<T>::infinity()));
    return merge_heads(matmul(P, split(matmul(F, V))));
}

template <class T> struct CausalInputs {
    Array<T> Q = normal<T>(Random(1, "Q"), {2, n, d});
    Array<T> K = normal<T>(Random(1, "K"), {2, n, d});
    Array<T> V = normal<T>(Random(1, "V"), {2, n, d});
    Array<T> E = normal<T>(Random(1, "E"), {k, n}, 0.5);
    Array<T> F = normal<T>(Random(1, "F"), {k, n}, 0.5);

    Array<T> run(const CausalFunction<T>& f) const {
        return f(Var<T>(Q), Var<T>(K), Var<T>(V), Var<T>(E), Var<T>(F)).value();
    }
};

// The largest |d y_t / d x_s| of keys and values with s > t.
double future_gradient(const CausalFunction<double>& f) {
    const CausalInputs<double> x;
    double most = 0;
    for (std::size_t t = 0; t < n; ++t) {
        Parameter<double> K("K", x.K), V("V", x.V);
        Tape<double> tape;
        auto dy = zeros<double>(x.Q.shape());
        for (std::size_t b = 0; b < 2; ++b)
            for (std::size_t c = 0; c < d; ++c) dy(b, t, c) = 1 + static_cast<double>(c);
        tape.backward(f(Var<double>(x.Q), K, V, Var<double>(x.E), Var<double>(x.F)), dy);
        for (const auto* p : {&K, &V})
            for (std::size_t b = 0; b < 2; ++b)
                for (std::size_t s = t + 1; s < n; ++s)
                    for (std::size_t c = 0; c < d; ++c)
                        most = larger(most, std::abs(p->gradient()(b, s, c)));
    }
    return most;
}

// Whether the first t rows keep their bits when keys, values and queries from t on become other
// numbers.
bool past_is_kept(const CausalFunction<float>& f, float factor) {
    const CausalInputs<float> x;
    const Array<float> y = x.run(f);
    for (std::size_t t = 1; t < n; ++t) {
        CausalInputs<float> other = x;
        for (Array<float>* array : {&other.Q, &other.K, &other.V})
            for (std::size_t i = 0; i < array->size(); ++i)
                if (i / d % n >= t) array->data()[i] = factor * (1 + static_cast<float>(i));
        const Array<float> changed = other.run(f);
        for (std::size_t i = 0; i < y.size(); ++i)
            if (i / d % n < t && changed.data()[i] != y.data()[i]) return false;
    }
    return true;
}

// The largest difference from Eq. 7 on each prefix alone, with the first columns of E and F.
double apart_from_prefixes(const CausalFunction<double>& f) {
    const CausalInputs<double> x;
    const Array<double> y = x.run(f);
    double most = 0;
    for (std::size_t t = 0; t < n; ++t) {
        const Range prefix{0, static_cast<std::ptrdiff_t>(t + 1)};
        const auto rows = [&](const Array<double>& a) { return slice(Var<double>(a), 1, prefix); };
        const Var<double> K_bar = matmul(rows(x.E), rows(x.K));
        const Var<double> V_bar = matmul(rows(x.F), rows(x.V));
        const Array<double> alone =
            composed::attention(rows(x.Q), K_bar, V_bar, {.heads = heads}).value();
        for (std::size_t b = 0; b < 2; ++b)
            for (std::size_t c = 0; c < d; ++c)
                most = larger(most, std::abs(alone(b, t, c) - y(b, t, c)));
    }
    return most;
}

}  // namespace

TEST_CASE(
    "causal: no gradient from the future, which a triangular mask over n x k scores lets through") {
    CHECK(future_gradient(op_with<double>({.chunk = 4})) == 0);
    CHECK(future_gradient(op_with<double>({.window = 3, .chunk = 4})) == 0);
    CHECK(future_gradient(full_attention<double>) == 0);
    CHECK(future_gradient(triangular_mask<double>) > 0.01);
}

TEST_CASE("causal: another future leaves the bits of the past, NaN too") {
    for (const CausalOptions& options :
         {CausalOptions{.chunk = 4}, CausalOptions{.window = 3, .chunk = 4}}) {
        CHECK(past_is_kept(op_with<float>(options), 3));
        CHECK(past_is_kept(op_with<float>(options), std::nanf("")));
    }
    for (const float factor : {3.0F, std::nanf("")})
        CHECK(past_is_kept(full_attention<float>, factor));
    CHECK_FALSE(past_is_kept(triangular_mask<float>, 3));
    CHECK_FALSE(past_is_kept(triangular_mask<float>, std::nanf("")));
}

TEST_CASE("causal: NaN in the last key or value leaves the gradients of the queries before it") {
    for (const std::size_t chunk : {1U, 3U, 4U, 10U})
        for (const std::size_t window : {0U, 1U, 3U, 10U})
            for (const bool of_keys : {true, false}) {
                CAPTURE(chunk);
                CAPTURE(window);
                CAPTURE(of_keys);
                CausalInputs<double> x;
                auto dy = normal<double>(Random(1, "dy"), {2, n, d});
                for (const std::size_t b : {0U, 1U})
                    for (std::size_t c = 0; c < d; ++c) dy(b, n - 1, c) = 0;
                const auto f = op_with<double>({.window = window, .chunk = chunk});
                const auto gradient = [&] {
                    Parameter<double> Q("Q", x.Q);
                    const Var<double> K(x.K), V(x.V), E(x.E), F(x.F);
                    Tape<double> tape;
                    tape.backward(f(Q, K, V, E, F), dy);
                    return Array<double>(Q.gradient());
                };
                const Array<double> finite = gradient();
                for (std::size_t c = 0; c < d; ++c)
                    (of_keys ? x.K : x.V)(1, n - 1, c) = std::nan("");
                const Array<double> dQ = gradient();
                for (std::size_t i = 0; i < (2 * n - 1) * d; ++i)
                    REQUIRE(dQ.data()[i] == doctest::Approx(finite.data()[i]).epsilon(1e-12));
                CHECK(std::isnan(dQ(1, n - 1, 0)));
            }
}

TEST_CASE("causal: row t is the Linformer of the prefix up to t, for every chunk") {
    for (const std::size_t chunk : {1U, 2U, 3U, 4U, 7U, 10U, 24U, 0U})
        CHECK(apart_from_prefixes(op_with<double>({.chunk = chunk})) < 2e-15);
    CHECK(apart_from_prefixes(triangular_mask<double>) > 0.1);
}

TEST_CASE("causal: every chunk gives the same, with windows of every width") {
    const CausalInputs<double> x;
    for (const std::size_t window : {1U, 2U, 5U, 10U, 99U}) {
        const Array<double> whole = x.run(op_with<double>({.window = window, .chunk = n}));
        for (const std::size_t chunk : {1U, 2U, 3U, 4U, 7U}) {
            const Array<double> y = x.run(op_with<double>({.window = window, .chunk = chunk}));
            CHECK(apart(y, whole) < 2e-15);
        }
    }
}

TEST_CASE(
    "causal: large scores do not overflow, and scores far below 0 do not vanish, of slots or of "
    "the window") {
    for (const float of_slots : {0.0F, 1.0F})
        for (const float sign : {1.0F, -1.0F}) {
            CAPTURE(of_slots);
            CAPTURE(sign);
            CausalInputs<float> x;
            for (float& e : x.E) e = of_slots * std::abs(e);
            for (float& e : x.K) e = 1 + e / 8;
            for (float& e : x.Q) e = sign * (400 + e);
            CausalOptions options{.window = 3, .chunk = 4};
            const Array<float> y = x.run(op_with<float>(options));
            options.heads = heads;
            const Array<float> composition = x.run(
                [&](const auto& Q, const auto& K, const auto& V, const auto& E, const auto& F) {
                    return composed::causal_attention(Q, K, V, E, F, options);
                });
            CHECK(apart(y, composition) < 1e-2);
            CHECK(std::isfinite(examples::largest(y)));
        }
}

TEST_CASE("causal: arrays that do not fit are refused with all of them") {
    const auto refused = [](const Shape& K, const Shape& V, const Shape& E, const Shape& F,
                            const Shape& real) {
        const auto input = [](const Shape& shape) { return Var<double>(zeros<double>(shape)); };
        const Var<double> Q = input({2, 5, 4});
        const CausalOptions options{.window = 2, .real = Mask(real, true)};
        return rule_of(
            [&] { causal_attention(Q, input(K), input(V), input(E), input(F), options); });
    };
    const Shape x{2, 5, 4}, matrix{3, 5}, real{2, 5};
    CHECK(refused(x, x, matrix, matrix, real) == "");
    const std::string one_shape =
        "causal_attention: Q, K and V must have one shape (B, n, d): Q (2,5,4), ";
    CHECK(refused({2, 6, 4}, x, matrix, matrix, real) == one_shape + "K (2,6,4), V (2,5,4)");
    CHECK(refused(x, {2, 5, 8}, matrix, matrix, real) == one_shape + "K (2,5,4), V (2,5,8)");
    CHECK(refused(x, {2, 4, 4}, matrix, matrix, real) == one_shape + "K (2,5,4), V (2,4,4)");
    const std::string projections =
        "causal_attention: E and F must be (k, n), k 1 or more: Q (2,5,4), ";
    CHECK(refused(x, x, matrix, {2, 5}, real) == projections + "E (3,5), F (2,5)");
    CHECK(refused(x, x, matrix, {3, 4}, real) == projections + "E (3,5), F (3,4)");
    CHECK(refused(x, x, {0, 5}, {0, 5}, real) == projections + "E (0,5), F (0,5)");
    for (const Shape& wrong : {Shape{2, 4}, Shape{1, 5}, Shape{10}})
        CHECK(refused(x, x, matrix, matrix, wrong) ==
              "causal_attention: the mask of real positions must be (B, n): Q (2,5,4), real " +
                  to_string(wrong));
}

// Tokens that do not depend on each other: nobody can do better than log V on fresh ones, unless
// the answer leaks.
TEST_CASE("causal: on fresh random tokens the loss stays at log V, where a leak falls below") {
    constexpr std::size_t V = 5, length = 8;
    const auto lowest = [&](bool leak) {
        nn::Linformer<float> model({.vocab_size = V,
                                    .length = length,
                                    .width = 16,
                                    .heads = 1,
                                    .layers = 1,
                                    .ffn_width = 32,
                                    .causal = !leak,
                                    .k = length});
        nn::Adam<float> adam(model.parameters());
        double last = 0;
        for (std::uint32_t step = 1; step <= 400; ++step) {
            const Random random(2, "fresh", step);
            Ids tokens = empty<std::int64_t>({32, length}), targets = tokens;
            for (std::size_t b = 0; b < 32; ++b)
                for (std::size_t t = 0; t < length; ++t) {
                    const auto token = [&](std::size_t i) {
                        return static_cast<std::int64_t>(random.below(9 * b + i, V));
                    };
                    tokens(b, t) = token(t);
                    targets(b, t) = token(t + 1);
                }
            Tape<float> tape;
            const Var<float> loss = cross_entropy(model(tokens), targets);
            tape.backward(loss);
            adam.step(3e-3);
            if (step > 350) last += static_cast<double>(loss.item()) / 50;
        }
        return last;
    };
    CHECK(lowest(false) > std::log(static_cast<double>(V)) - 0.01);
    CHECK(lowest(true) < std::log(static_cast<double>(V)) - 0.1);
}

TEST_CASE("causal: decoding one token at a time equals the whole pass") {
    for (const auto sharing : {nn::Sharing::headwise, nn::Sharing::none, nn::Sharing::layerwise})
        for (const std::size_t window : {0U, 3U})
            for (const auto attention : {nn::AttentionKind::linformer, nn::AttentionKind::full}) {
                nn::Config config = tiny;
                config.causal = true;
                config.sharing = sharing;
                config.attention = attention;
                config.norm = window > 0 ? nn::Norm::post : nn::Norm::pre;
                if (attention == nn::AttentionKind::linformer) config.window = window;
                nn::Linformer<double> model(config);
                shaken(model);
                const Ids tokens = some_ids(1, 6, 7);
                const Array<double> whole = model(tokens).value();
                nn::Decoder<double> decoder(model);
                for (const int round : {1, 2}) {
                    CAPTURE(round);
                    for (std::size_t t = 0; t < 6; ++t) {
                        const Array<double> logits = decoder(tokens(0, t));
                        for (std::size_t i = 0; i < 7; ++i)
                            CHECK(std::abs(logits(i) - whole(0, t, i)) < 1e-13);
                    }
                    CHECK(decoder.positions() == 6);
                    CHECK(refusal([&] { decoder(0); }) ==
                          "decoder: at most n tokens can be read before reset(): n 6");
                    decoder.reset();
                }
            }
    nn::Config config = tiny;
    config.causal = true;
    nn::Linformer<double> model(config);
    nn::Decoder<double> decoder(model);
    {
        Tape<double> tape;
        decoder(1);
        CHECK(tape.records().empty());
    }
    CHECK_NOTHROW(decoder(2));
    nn::Linformer<float> masked(tiny);
    CHECK(refusal([&] { nn::Decoder<float> decoder(masked); }) ==
          "decoder: the model must be causal: causal false");
}
