// Every sharing, projection and k: gradients, names, how many matrices there are, and
// configurations that make no sense.
#include <doctest/doctest.h>

#include <set>

#include "core/check/gradcheck.hpp"
#include "examples/common/apart.hpp"
#include "tests/support/models.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::tests;
using nn::ProjectionKind;
using nn::Sharing;

namespace {

void check_model_gradients(const nn::Config& config, const nn::Pass& pass = {}) {
    CAPTURE(nn::name_of(config.sharing));
    CAPTURE(nn::name_of(config.projection));
    nn::Linformer<double> model(config);
    const auto parameters = shaken(model);
    const Ids tokens = some_ids(2, 5, 7), targets = some_ids(2, 5, 7);
    const auto report =
        gradcheck("model", [&] { return cross_entropy(model(tokens, pass), targets); }, parameters,
                  {.directions = true});
    CHECK_MESSAGE(report.passed, report.text());
    CHECK(report.entries > 0);
}

// Positions of two rows, of which three are padding.
Mask padded_rows() {
    return Mask{{true, false, true, true, true}, {true, true, true, false, false}};
}

}  // namespace

TEST_CASE("variants: every gradient, for every sharing and projection, padded and not") {
    for (const Sharing sharing : sharings)
        for (const ProjectionKind projection : projections) {
            nn::Config config = tiny;
            config.sharing = sharing;
            config.projection = projection;
            check_model_gradients(config, {.real = padded_rows()});
            if (sharing == Sharing::none) check_model_gradients(config);
        }
}

TEST_CASE("variants: every gradient of causal models, with and without a window") {
    for (const Sharing sharing : sharings)
        for (const std::size_t window : {0U, 2U}) {
            nn::Config config = tiny;
            config.causal = true;
            config.sharing = sharing;
            config.window = window;
            check_model_gradients(config, {.real = padded_rows()});
        }
    nn::Config config = tiny;
    config.causal = true;
    config.attention = nn::AttentionKind::full;
    check_model_gradients(config, {.real = padded_rows()});
}

TEST_CASE("variants: every gradient with k by layer and by head, and rescaled") {
    nn::Config config = tiny;
    config.k = {{{4}, {2}}};
    check_model_gradients(config);
    config.sharing = Sharing::none;
    config.k = {{{1, 6}, {2, 3}}};
    check_model_gradients(config);
    for (const Sharing sharing : sharings) {
        config = tiny;
        config.sharing = sharing;
        config.rescale = true;
        check_model_gradients(config, {.real = padded_rows()});
    }
}

TEST_CASE("variants: 12 layers of 12 heads have 288, 24, 12 and 1 projections") {
    nn::Config config{.vocab_size = 3,
                      .length = 4,
                      .width = 12,
                      .heads = 12,
                      .layers = 12,
                      .ffn_width = 1,
                      .k = 2};
    const std::vector<std::size_t> expected{288, 24, 12, 1};
    for (std::size_t i = 0; i < sharings.size(); ++i)
        for (const ProjectionKind projection : projections) {
            config.sharing = sharings[i];
            config.projection = projection;
            nn::Linformer<float> model(config);
            std::set<std::string> names;
            for (const auto* p : model.parameters())
                if (is_projection(p->name())) names.insert(p->name());
            const bool pooled =
                projection == ProjectionKind::mean || projection == ProjectionKind::max;
            CHECK(names.size() == (pooled ? 0 : expected[i]));
            CHECK(config.projections() == names.size());
        }
}

TEST_CASE("variants: a random projection is not trained") {
    nn::Config config = tiny;
    config.projection = ProjectionKind::random;
    nn::Linformer<float> model(config);
    Tape<float> tape;
    tape.backward(cross_entropy(model(some_ids(2, 6, 7)), some_ids(2, 6, 7)));
    for (const auto* p : model.parameters()) CHECK(p->has_gradient() == !is_projection(p->name()));
}

TEST_CASE("variants: a shared E gets the gradients of all its uses") {
    nn::Config config = tiny;
    config.sharing = Sharing::layerwise;
    nn::Linformer<double> shared(config);
    config.sharing = Sharing::headwise;
    nn::Linformer<double> separate(config);
    const auto stored = shaken(shared);
    const auto parameters = separate.parameters();
    for (auto* p : parameters)
        for (const auto* q : stored)
            if (q->name() == p->name() || (q->name() == "E" && p->shape() == Shape{3, 6}))
                p->mutable_value() = q->value();
    const auto backward = [](const nn::Linformer<double>& model) {
        Tape<double> tape;
        tape.backward(cross_entropy(model(some_ids(2, 6, 7)), some_ids(2, 6, 7)));
    };
    backward(shared);
    backward(separate);
    Array<double> sum = zeros<double>({3, 6});
    for (const auto* p : parameters)
        if (p->shape() == Shape{3, 6}) sum += p->gradient();
    const Array<double> difference = sum - shared.E->gradient();
    for (const double d : difference) CHECK(std::abs(d) < 1e-12);
}

TEST_CASE("variants: rescaled rows of E are as long over the positions in use as over all") {
    nn::Config config = tiny;
    config.rescale = true;
    const nn::Projection<double> projection("attention", config, 0);
    const auto ones = full<double>({1, 4, 8}, 1);
    const auto slots = projection(0, Var<double>(ones), Var<double>(ones), std::nullopt);
    for (std::size_t j = 0; j < 3; ++j) {
        double all = 0, used = 0, sum = 0;
        for (std::size_t i = 0; i < 6; ++i) {
            const double e = projection.E[0]->value()(j, i);
            all += e * e;
            if (i >= 4) continue;
            used += e * e;
            sum += e;
        }
        CHECK(slots.K.value()(0, j, 0) == doctest::Approx(sum * std::sqrt(all / used)));
    }
}

TEST_CASE(
    "variants: E before W^K gives the keys of E after it, for fewer positions, padding and "
    "rescaled rows too") {
    for (const bool rescale : {false, true})
        for (const bool padded : {false, true}) {
            CAPTURE(rescale);
            CAPTURE(padded);
            nn::Config config = tiny;
            config.rescale = rescale;
            nn::MultiHeadAttention<double> attention("attention", config);
            shaken(attention);
            const nn::Projection<double>& projection = *attention.projection;
            const std::optional<Mask> real =
                padded ? std::optional(Mask{{true, true, false, true, true},
                                            {false, true, true, false, false}})
                       : std::nullopt;
            const auto rows = [&](const Var<double>& x) {
                return real ? select(reshaped(*real, {2, 5, 1}), x, 0.0) : x;
            };
            const Var<double> x = some({2, 5, 8}, "x");
            CHECK(projection.acts_on_inputs());
            const auto before = projection(rows(x), attention.key, attention.value, real);
            const auto after =
                projection(0, rows(attention.key(x)), rows(attention.value(x)), real);
            CHECK(examples::apart(before.K, after.K) < 1e-13);
            CHECK(examples::apart(before.V, after.V) < 1e-13);
        }
}

TEST_CASE("variants: configurations that make no sense are refused with all numbers") {
    const auto refused = [](auto change) {
        nn::Config config = tiny;  // length 6, k 3, 2 layers, 2 heads
        change(config);
        return refusal([&] { nn::Linformer<float> model(config); });
    };
    CHECK(refused([](nn::Config& c) {
              c.k = {{{3}, {3}, {3}}};
          }) == "k: a list must have a number for each layer: k has 3, layers 2");
    CHECK(refused([](nn::Config& c) {
              c.k = {{{3, 2, 1}, {3, 2, 1}}};
          }) == "k: a list of lists must have a number for each head: k has 3, heads 2");
    CHECK(refused([](nn::Config& c) {
              c.k = {{{3, 2}, {3, 2}}};
          }) == "k: heads that share E and F must have one k: sharing headwise");
    CHECK(refused([](nn::Config& c) {
              c.k = {{{3}, {2}}};
              c.sharing = Sharing::layerwise;
          }) == "k: layers that share E must have one k: 3, 2");
    CHECK(refused([](nn::Config& c) {
              c.k = {{{3}, {7}}};
          }) == "k: the projected length must be 1 to length: k 7, length 6");
    for (const ProjectionKind kind :
         {ProjectionKind::mean, ProjectionKind::max, ProjectionKind::conv}) {
        CHECK(refused([&](nn::Config& c) {
                  c.k = 5;
                  c.length = 12;
                  c.projection = kind;
              }) ==
              "k: no window of ceil(length / k) positions may be empty: k 5, length 12: 4 windows "
              "of 3 hold all");
        CHECK(refused([&](nn::Config& c) {
                  c.causal = true;
                  c.projection = kind;
              }).starts_with("projection: a causal linformer must have linear or random"));
        CHECK(refused([&](nn::Config& c) {
                  c.rescale = true;
                  c.projection = kind;
              }).starts_with("rescale: E must be there, of a linear or random projection: "));
    }
    CHECK(refused([](nn::Config& c) {
              c.causal = true;
              c.rescale = true;
          }) != "");
    CHECK(refused([](nn::Config& c) { c.window = 2; }) ==
          "window: the model must be a causal linformer: attention linformer, causal false");
    CHECK(refused([](nn::Config& c) {
              c.causal = true;
              c.window = 7;
          }) == "window: the positions must be at most length: window 7, length 6");
    CHECK(refused([](nn::Config& c) {
              c.rescale = true;
              c.attention = nn::AttentionKind::full;
          }) ==
          "rescale: E must be there, of a linear or random projection: attention full, projection "
          "linear");
    CHECK(refused([](nn::Config& c) {
              c.k = {{{3}, {3}, {3}}};
              c.attention = nn::AttentionKind::full;
          }).starts_with("k: a list must have a number for each layer"));
}

TEST_CASE(
    "variants: every one makes finite numbers alone, where windows are cut short and slots have no "
    "position") {
    for (const ProjectionKind projection : projections)
        for (const std::optional<Mask>& real :
             {std::optional<Mask>(), std::optional<Mask>(padded_rows())}) {
            CAPTURE(nn::name_of(projection));
            nn::Config config = tiny;
            config.projection = projection;
            nn::Linformer<double> model(config);
            Tape<double> tape(Finite::checked);
            tape.backward(
                cross_entropy(model(some_ids(2, 5, 7), {.real = real}), some_ids(2, 5, 7)));
            CHECK(model.head_bias.has_gradient());
        }
}
