// Layers and the whole model: shapes, names, gradients, the formula of Eq. 7 by hand, and
// configurations that make no sense.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "core/check/gradcheck.hpp"
#include "nn/linformer.hpp"
#include "tests/support/models.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

template <class Module> void check_layer(const char* name, Module& module, const Array<double>& x) {
    auto parameters = shaken(module);
    Parameter<double> input("x", x);
    parameters.push_back(&input);
    const auto report = gradcheck(
        name, [&] { return module(Var<double>(input)); }, parameters);
    CHECK_MESSAGE(report.passed, report.text());
    CHECK(report.entries > x.size());
}

}  // namespace

TEST_CASE("layers: every gradient of every layer") {
    nn::Linear<double> linear("linear", 3, 5, 0);
    check_layer("linear", linear, some({2, 4, 3}, "linear"));
    nn::LayerNorm<double> norm("norm", 5);
    check_layer("layer_norm", norm, some({2, 3, 5}, "norm"));
    nn::FeedForward<double> feed_forward("feed_forward", 4, 6, 0);
    check_layer("feed_forward", feed_forward, some({2, 3, 4}, "feed_forward"));
    for (const auto attention : {nn::AttentionKind::linformer, nn::AttentionKind::full}) {
        nn::Config config = tiny;
        config.attention = attention;
        nn::MultiHeadAttention<double> heads("attention", config);
        check_layer("attention", heads, some({2, 6, 8}, "attention"));
        check_layer("attention, shorter", heads, some({2, 4, 8}, "attention"));
    }
    for (const auto norm_place : {nn::Norm::pre, nn::Norm::post}) {
        nn::Config config = tiny;
        config.norm = norm_place;
        nn::EncoderBlock<double> block(0, config);
        check_layer("encoder block", block, some({1, 6, 8}, "block"));
    }
}

TEST_CASE("layers: every gradient of a whole model, and its gradient along random directions") {
    for (const bool tied : {false, true}) {
        nn::Config config = tiny;
        config.tie_embeddings = tied;
        config.norm = tied ? nn::Norm::post : nn::Norm::pre;
        nn::Linformer<double> model(config);
        const auto parameters = shaken(model);
        const Ids tokens = some_ids(2, 5, 7), targets = some_ids(2, 5, 7);
        const nn::Pass pass{.dropout = Random(1, "dropout")};
        model.dropout.p = 0.25;
        const auto loss = [&] { return cross_entropy(model(tokens, pass), targets); };
        const auto every = gradcheck("model", loss, parameters);
        CHECK_MESSAGE(every.passed, every.text());
        const auto along = gradcheck("model", loss, parameters, {.directions = true});
        CHECK_MESSAGE(along.passed, along.text());
        CHECK(along.entries < every.entries);
    }
}

TEST_CASE("layers: an embedding is the token's row and the position's, added") {
    nn::Embedding<double> embedding("embedding", 3, 4, 2, 0);
    const Array<double>&token = embedding.token.value(), &position = embedding.position.value();
    const Ids tokens{{2, 0}, {1, 2}};
    for (const std::size_t first : {0u, 2u}) {
        const Array<double> x = embedding(tokens, first).value();
        for (std::size_t b = 0; b < 2; ++b)
            for (std::size_t t = 0; t < 2; ++t)
                for (std::size_t i = 0; i < 2; ++i)
                    CHECK(x(b, t, i) == token(tokens(b, t), i) + position(first + t, i));
    }
}

TEST_CASE(
    "layers: a row of E that is all 0 has a finite gradient, also where rows are lengthened") {
    nn::Config config = tiny;
    config.rescale = true;
    nn::Linformer<double> model(config);
    const auto parameters = shaken(model);
    for (Parameter<double>* p : parameters)
        if (p->name() == "layers.0.attention.E")
            std::fill_n(p->mutable_value().data(), p->shape()[1], 0.0);
    Tape<double> tape;
    const Var<double> logits = model(some_ids(2, 4, 7));  // of a length of 6
    tape.backward(logits, some(logits.shape(), "dy"));
    for (const Parameter<double>* p : parameters)
        for (const double g : p->gradient()) CHECK(std::isfinite(g));
}

TEST_CASE("layers: projected attention is Eq. 7, head by head") {
    nn::MultiHeadAttention<double> layer("attention", tiny);
    shaken(layer);
    const Array<double> x = some({1, 6, 8}, "x");
    const Array<double> y = layer(Var<double>(x)).value();

    const auto linear = [](const nn::Linear<double>& l, const Array<double>& in, std::size_t row,
                           std::size_t column) {
        double sum = l.bias.value()(column);
        for (std::size_t j = 0; j < 8; ++j) sum += in(0, row, j) * l.weight.value()(column, j);
        return sum;
    };
    // (E K)_slot,c and (F V)_slot,c
    const auto projected = [&](const Parameter<double>& matrix, const nn::Linear<double>& l,
                               std::size_t slot, std::size_t c) {
        double sum = 0;
        for (std::size_t i = 0; i < 6; ++i) sum += matrix.value()(slot, i) * linear(l, x, i, c);
        return sum;
    };
    const Parameter<double>& E = *layer.projection->E[0];
    const Parameter<double>& F = *layer.projection->F[0];
    Array<double> heads = zeros<double>({1, 6, 8});
    for (std::size_t h = 0; h < 2; ++h)
        for (std::size_t t = 0; t < 6; ++t) {
            double weights[3], total = 0;
            for (std::size_t slot = 0; slot < 3; ++slot) {
                double score = 0;
                for (std::size_t c = 4 * h; c < 4 * h + 4; ++c)
                    score += linear(layer.query, x, t, c) * projected(E, layer.key, slot, c);
                weights[slot] = std::exp(score / std::sqrt(4.0));
                total += weights[slot];
            }
            for (std::size_t c = 4 * h; c < 4 * h + 4; ++c)
                for (std::size_t slot = 0; slot < 3; ++slot)
                    heads(0, t, c) += weights[slot] / total * projected(F, layer.value, slot, c);
        }
    for (std::size_t t = 0; t < 6; ++t)
        for (std::size_t c = 0; c < 8; ++c)
            CHECK(y(0, t, c) == doctest::Approx(linear(layer.output, heads, t, c)).epsilon(1e-12));
}

TEST_CASE(
    "layers: an encoder block is two residual sums, each with its own LayerNorm before it or "
    "behind it") {
    nn::Config config = tiny;
    const Var<double> x(some({2, 6, 8}, "x"));
    for (const nn::Norm norm : {nn::Norm::pre, nn::Norm::post}) {
        config.norm = norm;
        nn::EncoderBlock<double> block(0, config);
        shaken(block);
        const auto& [n1, n2, attention, mlp] =
            std::tie(block.norm1, block.norm2, block.attention, block.feed_forward);
        if (norm == nn::Norm::pre) {
            const Var<double> y = x + attention(n1(x));
            CHECK(block(x).value() == (y + mlp(n2(y))).value());
        } else {
            const Var<double> y = n1(x + attention(x));
            CHECK(block(x).value() == n2(y + mlp(y)).value());
        }
    }
}

TEST_CASE("layers: names and shapes are those of the file") {
    nn::Config config = tiny;
    config.layers = 1;
    nn::Linformer<float> model(config);
    std::set<std::string> names;
    for (const auto* p : model.parameters()) names.insert(p->name() + " " + to_string(p->shape()));
    CHECK(names == std::set<std::string>{"embedding.token.weight (7,8)",
                                         "embedding.position.weight (6,8)",
                                         "layers.0.norm1.weight (8)",
                                         "layers.0.norm1.bias (8)",
                                         "layers.0.norm2.weight (8)",
                                         "layers.0.norm2.bias (8)",
                                         "layers.0.attention.query.weight (8,8)",
                                         "layers.0.attention.query.bias (8)",
                                         "layers.0.attention.key.weight (8,8)",
                                         "layers.0.attention.key.bias (8)",
                                         "layers.0.attention.value.weight (8,8)",
                                         "layers.0.attention.value.bias (8)",
                                         "layers.0.attention.output.weight (8,8)",
                                         "layers.0.attention.output.bias (8)",
                                         "layers.0.attention.E (3,6)",
                                         "layers.0.attention.F (3,6)",
                                         "layers.0.feed_forward.up.weight (12,8)",
                                         "layers.0.feed_forward.up.bias (12)",
                                         "layers.0.feed_forward.down.weight (8,12)",
                                         "layers.0.feed_forward.down.bias (8)",
                                         "norm.weight (8)",
                                         "norm.bias (8)",
                                         "head.weight (7,8)",
                                         "head.bias (7)"});
}

TEST_CASE(
    "layers: dropout acts in training passes alone, and differs from site to site and step to "
    "step") {
    nn::Config config = tiny;
    config.dropout = 0.5;
    nn::Linformer<float> model(config);
    const Ids tokens = some_ids(2, 6, 7);
    const auto logits = [&](std::optional<Random> random) {
        return model(tokens, {.dropout = random}).value();
    };
    const Random source(0, "dropout");
    CHECK(logits(std::nullopt) == logits(std::nullopt));
    CHECK(logits(source.substream(1)) == logits(source.substream(1)));
    CHECK(logits(source.substream(1)) != logits(source.substream(2)));
    CHECK(logits(source.substream(1)) != logits(std::nullopt));
    const Var<float> ones(full<float>({64, 64}, 1));
    const nn::Pass pass{.dropout = source};
    CHECK(nn::Dropout{0.5, 0}(ones, pass).value() != nn::Dropout{0.5, 1}(ones, pass).value());
}

TEST_CASE("layers: configurations that make no sense are refused with all numbers") {
    const auto refused = [](auto change) {
        nn::Config config = tiny;
        change(config);
        return refusal([&] { nn::Linformer<float> model(config); });
    };
    CHECK(refused([](nn::Config& c) { c.heads = 3; }) ==
          "width: heads must divide width: width 8, heads 3");
    CHECK(refused([](nn::Config& c) { c.k = 7; }) ==
          "k: the projected length must be 1 to length: k 7, length 6");
    CHECK(refused([](nn::Config& c) { c.k = 0; }) ==
          "k: the projected length must be 1 to length: k 0, length 6");
    CHECK(refused([](nn::Config& c) { c.k = 6; }) == "");
    CHECK(refused([](nn::Config& c) {
              c.dropout = 1;
          }).starts_with("dropout: the probability must be in [0, 1): 1"));
    CHECK(refused([](nn::Config& c) { c.layers = 0; }) ==
          "layers: the number must be 1 to 4294967296: 0");
    nn::Linformer<float> model(tiny);
    CHECK(refusal([&] { model(some_ids(1, 7, 7)); }) ==
          "embedding: tokens must be (B, n'), 1 <= n' <= the length n of the model: tokens (1,7): "
          "n 6");
    CHECK(contains(refusal([&] { model(some_ids(1, 6, 9)); }), "an id must be in [0, V)"));
}

TEST_CASE("layers: a step of a causal layer is one position, of as many rows as before") {
    nn::Config config = tiny;
    config.causal = true;
    const auto step = [](const nn::Config& layer_config, std::vector<Shape> shapes) {
        const nn::MultiHeadAttention<double> layer("layer", layer_config);
        nn::AttentionState<double> state;
        return refusal([&] {
            for (const Shape& shape : shapes) layer.step(Var<double>(some(shape, "x")), state);
        });
    };
    for (const auto attention : {nn::AttentionKind::linformer, nn::AttentionKind::full}) {
        config.attention = attention;
        const std::string rule =
            "attention: of a step x must be (B, 1, d), B that of the steps before: x ";
        CHECK(step(config, {{2, 1, 8}, {2, 1, 8}}).empty());
        CHECK(step(config, {{2, 2, 8}}) == rule + "(2,2,8): d 8");
        CHECK(step(config, {{2, 1, 8}, {1, 1, 8}}) == rule + "(1,1,8): d 8, B 2");
        CHECK(step(config, {{1, 8}}) == rule + "(1,8): d 8");
        CHECK(step(config, {{1, 1, 5}}) == rule + "(1,1,5): d 8");
        nn::Config both_ways = config;
        both_ways.causal = false;
        CHECK(step(both_ways, {{2, 1, 8}}) ==
              "attention: a layer that goes step by step must be causal: x (2,1,8)");
    }
    nn::Config by_layer = tiny;
    by_layer.layers = 2;
    by_layer.k = std::vector<std::vector<std::size_t>>{{2}, {2}};
    CHECK(refusal([&] { nn::EncoderBlock<double>(2, by_layer); }) ==
          "layers.2.attention: the configuration must have numbers k for this layer: layer 2, "
          "layers 2");
}

TEST_CASE(
    "layers: each of a block's two dropouts by itself acts on what its sublayer adds, before or "
    "behind LayerNorm") {
    const Var<double> x(some({2, 6, 8}, "x"));
    const nn::Pass pass{.dropout = Random(1, "dropout")};
    for (const nn::Norm norm : {nn::Norm::pre, nn::Norm::post})
        for (const bool first : {true, false}) {
            nn::Config config = tiny;
            config.norm = norm;
            nn::EncoderBlock<double> block(0, config);
            shaken(block);
            const Array<double> without = block(x).value();
            CHECK(block(x, pass).value() == without);
            (first ? block.dropout1 : block.dropout2).p = 0.5;
            const auto& [n1, n2, mlp] = std::tie(block.norm1, block.norm2, block.feed_forward);
            const bool pre = norm == nn::Norm::pre;
            const auto dropped = [&](const Var<double>& added, const nn::Dropout& site) {
                return dropout(added, 0.5, pass.dropout->substream(site.site));
            };
            const Var<double> attended = block.attention(pre ? n1(x) : x);
            const Var<double> sum = x + (first ? dropped(attended, block.dropout1) : attended);
            const Var<double> y = pre ? sum : n1(sum);
            const Var<double> added = mlp(pre ? n2(y) : y);
            const Var<double> all = y + (first ? added : dropped(added, block.dropout2));
            CHECK(block(x, pass).value() == (pre ? all : n2(all)).value());
            CHECK(block(x, pass).value() != without);
        }
}

TEST_CASE("layers: each extent of a model must be 1 to 2^32") {
    using Extent = std::size_t nn::Config::*;
    const std::vector<std::pair<std::string, Extent>> extents{
        {"vocab_size", &nn::Config::vocab_size}, {"length", &nn::Config::length},
        {"width", &nn::Config::width},           {"heads", &nn::Config::heads},
        {"layers", &nn::Config::layers},         {"ffn_width", &nn::Config::ffn_width}};
    constexpr std::size_t most = std::size_t{1} << 32;
    for (const auto& [name, extent] : extents) {
        nn::Config config = tiny;
        config.heads = 1;
        config.k = 1;
        const auto refused = [&, extent = extent](std::size_t number) {
            config.*extent = number;
            return refusal([&] { config.check(); });
        };
        for (const std::size_t number : {std::size_t{0}, most + 1})
            CHECK(refused(number) ==
                  name + ": the number must be 1 to 4294967296: " + std::to_string(number));
        config.width = most;  // a multiple of every number of heads that is a power of 2
        CHECK(refused(most) == "");
    }
}

TEST_CASE("layers: full attention has no use for k: any number is taken, and changes nothing") {
    nn::Config config = tiny;
    config.attention = nn::AttentionKind::full;
    std::vector<Array<double>> logits;
    for (const std::size_t k : {3U, 0U, 7U, 1000U}) {
        config.k = k;
        logits.push_back(nn::Linformer<double>(config)(some_ids(2, 6, 7)).value());
    }
    for (const Array<double>& other : logits) CHECK(other == logits[0]);
}
