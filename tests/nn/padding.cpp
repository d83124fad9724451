// Padding: a padded row has the logits of the row alone, whatever stands in the padding.
#include <doctest/doctest.h>

#include <cmath>

#include "examples/common/apart.hpp"
#include "tests/support/models.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

std::vector<nn::Config> padded_variants() {
    std::vector<nn::Config> all;
    for (const nn::Sharing sharing : sharings)
        for (const nn::ProjectionKind projection : projections)
            for (const auto norm : {nn::Norm::pre, nn::Norm::post}) {
                nn::Config config = tiny;
                config.sharing = sharing;
                config.projection = projection;
                config.norm = norm;
                all.push_back(config);
            }
    for (const bool causal : {false, true}) {
        nn::Config config = tiny;
        config.causal = causal;
        config.attention = nn::AttentionKind::full;
        all.push_back(config);
    }
    nn::Config rescaled = tiny;
    rescaled.rescale = true;
    all.push_back(rescaled);
    nn::Config causal = tiny;
    causal.causal = true;
    all.push_back(causal);
    causal.window = 2;
    all.push_back(causal);
    return all;
}

}  // namespace

TEST_CASE(
    "padding: each row of a padded batch has the logits of the row alone, with NaN in the "
    "padding") {
    for (const nn::Config& config : padded_variants()) {
        CAPTURE(nn::name_of(config.sharing));
        CAPTURE(nn::name_of(config.projection));
        CAPTURE(nn::name_of(config.attention));
        nn::Linformer<double> model(config);
        shaken(model);
        const Ids tokens = some_ids(3, 6, 7);
        const std::vector<std::size_t> lengths{2, 4, 1};
        Mask real({3, 6}, false);
        std::vector<Array<double>> alone;
        for (std::size_t row = 0; row < 3; ++row) {
            Ids short_row = empty<std::int64_t>({1, lengths[row]});
            for (std::size_t t = 0; t < lengths[row]; ++t) {
                short_row(0, t) = tokens(row, t);
                real(row, t) = true;
            }
            alone.push_back(model(short_row).value());
        }
        for (std::size_t c = 0; c < 8; ++c)
            for (const std::size_t t : {4U, 5U})
                model.embedding.position.mutable_value()(t, c) = std::nan("");
        const Array<double> logits = model(tokens, {.real = real}).value();
        for (std::size_t row = 0; row < 3; ++row)
            for (std::size_t t = 0; t < lengths[row]; ++t)
                for (std::size_t i = 0; i < 7; ++i)
                    CHECK(logits(row, t, i) == doctest::Approx(alone[row](0, t, i)).epsilon(1e-12));
    }
}

TEST_CASE("padding: other tokens in it change no bit of the real positions, wherever it stands") {
    for (const nn::Config& config : padded_variants()) {
        nn::Linformer<double> model(config);
        shaken(model);
        Ids tokens = some_ids(2, 6, 7);
        const Mask real{{false, true, true, false, true, true},
                        {true, true, false, true, true, false}};
        const Array<double> before = model(tokens, {.real = real}).value();
        for (std::size_t i = 0; i < tokens.size(); ++i)
            if (!real.data()[i]) tokens.data()[i] = (tokens.data()[i] + 3) % 7;
        const Array<double> after = model(tokens, {.real = real}).value();
        for (std::size_t i = 0; i < before.size(); ++i)
            if (real.data()[i / 7]) CHECK(before.data()[i] == after.data()[i]);
    }
}

TEST_CASE("padding: a row without a real position is harmless, and its gradients are finite") {
    for (const nn::Config& config : padded_variants()) {
        nn::Linformer<double> model(config);
        shaken(model);
        Mask real({2, 6}, true);
        for (std::size_t t = 0; t < 6; ++t) real(0, t) = false;
        Ids targets = some_ids(2, 6, 7);
        Tape<double> tape;
        const Var<double> logits = model(some_ids(2, 6, 7), {.real = real});
        for (const double x : logits.value()) CHECK(std::isfinite(x));
        tape.backward(cross_entropy(logits, targets));  // of the padding, too
        for (const auto* p : model.parameters())
            if (p->has_gradient())
                for (const double x : p->gradient()) CHECK(std::isfinite(x));
    }
}

TEST_CASE("padding: its mask must have the shape of the tokens") {
    nn::Linformer<double> model(tiny);
    CHECK(refusal([&] {
              model(some_ids(2, 6, 7), {.real = Mask({2, 5}, true)});
          }) == "attention: the mask of real positions must be (B, n'): x (2,6,8), real (2,5)");
}

// The slots cannot tell: keys and values of the padding are 0 in them. In a window a key of 0 takes
// a share.
TEST_CASE(
    "padding: in the middle of a text it is no key of the window: attention is that of plain "
    "loops") {
    for (const std::size_t window : {1U, 2U, 4U, 6U}) {
        CAPTURE(window);
        nn::Config config = tiny;
        config.heads = 1;
        config.causal = true;
        config.window = window;
        nn::MultiHeadAttention<double> layer("attention", config);
        shaken(layer);
        const Var<double> x(some({2, 6, 8}, "x"));
        const Mask real{{true, false, true, false, true, true},
                        {true, true, false, false, true, true}};
        const Array<double> Q = layer.query(x).value();
        const Array<double> K = layer.key(x).value();
        const Array<double> V = layer.value(x).value();
        const Array<double>& E = layer.projection->E[0]->value();
        const Array<double>& F = layer.projection->F[0]->value();
        const auto weight_of = [&](std::size_t b, std::size_t t, auto key) {
            double sum = 0;
            for (std::size_t c = 0; c < 8; ++c) sum += Q(b, t, c) * key(c) / std::sqrt(8.0);
            return std::exp(sum);
        };
        auto attended = zeros<double>({2, 6, 8});
        for (std::size_t b = 0; b < 2; ++b)
            for (std::size_t t = 0; t < 6; ++t) {
                double total = 0;
                const auto add = [&](auto key, auto value) {
                    const double weight = weight_of(b, t, key);
                    total += weight;
                    for (std::size_t c = 0; c < 8; ++c) attended(b, t, c) += weight * value(c);
                };
                for (std::size_t slot = 0; slot < 3; ++slot) {
                    const auto projected = [&](const Array<double>& matrix,
                                               const Array<double>& rows) {
                        return [&, b, t, slot](std::size_t c) {
                            double sum = 0;
                            for (std::size_t i = 0; i <= t; ++i)
                                if (real(b, i)) sum += matrix(slot, i) * rows(b, i, c);
                            return sum;
                        };
                    };
                    add(projected(E, K), projected(F, V));
                }
                for (std::size_t i = 0; i <= t; ++i)
                    if (real(b, i) && t - i < window)
                        add([&](std::size_t c) { return K(b, i, c); },
                            [&](std::size_t c) { return V(b, i, c); });
                for (std::size_t c = 0; c < 8; ++c) attended(b, t, c) /= total;
            }
        const Array<double> expected = layer.output(Var<double>(attended)).value();
        CHECK(examples::apart(layer(x, {.real = real}).value(), expected) < 1e-13);
    }
}
