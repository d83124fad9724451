// The maps of what heads attend to are those that the layers compute with, and the programs draw
// them.
#include "examples/language_model/pictures.hpp"

#include <cmath>
#include <filesystem>
#include <set>

#include "examples/common/larger.hpp"
#include "examples/common/markup.hpp"
#include "examples/common/progress.hpp"
#include "examples/language_model/attention_maps.hpp"
#include "tests/support/gnuplot.hpp"
#include "tests/support/heat_maps.hpp"
#include "tests/support/models.hpp"
#include "tests/support/programs.hpp"

using namespace taper;
using namespace taper::tests;
using namespace taper::examples;

namespace {

// Attention's heads before its output's weights, from the maps: each head's map times its values.
Array<double> heads_from_maps(const std::vector<HeadMaps>& heads, bool full,
                              const Array<float>& V) {
    const std::size_t n = V.shape(1), d = V.shape(2), d_h = d / heads.size();
    auto y = zeros<double>({n, d});
    for (std::size_t c = 0; c < d; ++c)
        for (std::size_t t = 0; t < n; ++t)
            for (std::size_t s = 0; s < n; ++s)
                y(t, c) += (full ? heads[c / d_h].P : heads[c / d_h].reach)(t, s) *
                           static_cast<double>(V(0, s, c));
    return y;
}

}  // namespace

TEST_CASE("pictures: the maps times the values are what the layer computes") {
    std::vector<nn::Config> configs;
    for (const bool causal : {false, true})
        for (const auto sharing :
             {nn::Sharing::none, nn::Sharing::headwise, nn::Sharing::layerwise})
            for (const std::size_t window : {0U, 2U}) {
                nn::Config config = tiny;
                config.causal = causal;
                config.sharing = sharing;
                config.window = causal ? window : 0;
                configs.push_back(config);
                nn::Config rescaled = config;
                rescaled.rescale = true;  // five tokens are fewer than n
                if (!causal) configs.push_back(rescaled);
                config.attention = nn::AttentionKind::full;
                config.window = 0;
                configs.push_back(config);
            }
    for (const nn::Config& config : configs) {
        CAPTURE(config.causal);
        CAPTURE(config.rescale);
        CAPTURE(config.window);
        CAPTURE(nn::name_of(config.sharing));
        CAPTURE(nn::name_of(config.attention));
        nn::Linformer<float> model(config);
        shaken(model);
        const Ids tokens = some_ids(1, 5, 7);
        const auto maps = attention_maps(model, tokens);
        REQUIRE(maps.size() == 2);
        Var<float> x = model.embedding(tokens);
        for (std::size_t i = 0; i < 2; ++i) {
            const nn::EncoderBlock<float>& layer = model.layers[i];
            const Var<float> z = layer.norm1(x);
            const bool full = config.attention == nn::AttentionKind::full;
            const Array<double> heads =
                heads_from_maps(maps[i], full, layer.attention.value(z).value());
            const Array<float> by_maps =
                layer.attention.output(Var<float>(Array<float>(xt::cast<float>(heads)))).value();
            const Array<float> computed = layer.attention(z).value();
            for (std::size_t j = 0; j < computed.size(); ++j)
                CHECK(std::abs(by_maps.data()[j] - computed.data()[j]) < 1e-5F);
            for (const HeadMaps& head : maps[i]) {
                std::vector<Array<double>> weights{head.P};
                if (!full) weights.push_back(head.slots);
                for (const Array<double>& rows : weights)
                    for (std::size_t t = 0; t < 5; ++t) {
                        double sum = 0;
                        for (std::size_t s = 0; s < rows.shape(1); ++s) sum += rows(t, s);
                        CHECK(sum == doctest::Approx(1));
                    }
            }
            x = layer(x);
        }
    }
}

TEST_CASE("pictures: singular values") {
    const auto s = singular_values(Array<double>{{0, 3, 0}, {-4, 0, 0}, {0, 0, 0.5}});
    REQUIRE(s.size() == 3);
    CHECK(s[0] == doctest::Approx(4));
    CHECK(s[1] == doctest::Approx(3));
    CHECK(s[2] == doctest::Approx(0.5));
}

namespace {

PlottedText numbered_text(std::size_t n) {
    PlottedText text{.tokens = some_ids(1, n, 7), .names = {}, .asked = {}};
    for (std::size_t i = 0; i < n; ++i) text.names.push_back(" t" + std::to_string(i));
    return text;
}

// Attention weights by their square root.
std::string colour_of(double entry, double largest, bool is_signed) {
    const Shade shade = is_signed ? Shade::linear : Shade::square_root;
    return ColourScale::colour(*ColourScale(largest, is_signed, shade).step(entry));
}

}  // namespace

TEST_CASE(
    "pictures: what is drawn of a model are its maps, its matrices and the cumulative spectrum") {
    const FakeGnuplot gnuplot;
    const Scratch scratch;
    nn::Config config = tiny;
    config.sharing = nn::Sharing::headwise;
    nn::Linformer<float> model(config);
    shaken(model);
    for (nn::EncoderBlock<float>& layer : model.layers)  // E and F filled with their own index
        for (auto* matrices : {&layer.attention.projection->E, &layer.attention.projection->F})
            for (const auto& matrix : *matrices)
                for (std::size_t i = 0; i < matrix->value().size(); ++i)
                    matrix->mutable_value().data()[i] =
                        static_cast<float>(i) / 16 -
                        (matrices == &layer.attention.projection->E ? 0 : 100);
    const PlottedText text = numbered_text(5);
    draw_attention(model, text, scratch.path(""));
    const auto drawn = [&](const char* name) { return maps_of(file_contents(scratch.path(name))); };
    const auto check_same = [](const DrawnMap& map, const auto& array, double largest,
                               bool is_signed) {
        CHECK(Shape{map.rows, map.columns} == array.shape());
        for (std::size_t i = 0; i < map.colours.size(); ++i)
            CHECK(map.colours[i] ==
                  colour_of(static_cast<double>(static_cast<float>(array.data()[i])), largest,
                            is_signed));
    };
    const auto layers = attention_maps(model, text.tokens);
    const auto largest_of = [&](Array<double> HeadMaps::*which) {
        double largest = 0;
        for (const auto& heads : layers)
            for (const HeadMaps& maps : heads)
                for (const double entry : maps.*which)
                    largest = examples::larger(
                        largest, std::abs(static_cast<double>(static_cast<float>(entry))));
        return largest;
    };
    const auto P = drawn("attention.svg");
    const auto slots = drawn("slots.svg");
    const auto reach = drawn("reach.svg");
    const auto matrices = drawn("projections.svg");
    REQUIRE(P.size() == 4);
    REQUIRE(slots.size() == 4);
    REQUIRE(reach.size() == 4);
    REQUIRE(matrices.size() == 4);
    const std::string script = file_contents(scratch.path("spectrum.svg"));
    CHECK(contains(script, "index of the singular value"));
    const std::vector<std::string> names{"␣t0", "␣t1", "␣t2", "␣t3", "␣t4"};
    for (std::size_t layer = 0; layer < 2; ++layer) {
        std::vector<double> shares(5, 0);
        for (std::size_t head = 0; head < 2; ++head) {
            const HeadMaps& maps = layers[layer][head];
            const std::size_t number = 2 * layer + head;
            CHECK(P[number].title ==
                  "layer " + std::to_string(layer) + ", head " + std::to_string(head));
            check_same(P[number], maps.P, 1, false);
            check_same(slots[number], maps.slots, 1, false);
            check_same(reach[number], maps.reach, largest_of(&HeadMaps::reach), true);
            CHECK(P[number].row_labels == names);
            CHECK(P[number].column_labels == names);
            CHECK(slots[number].row_labels == names);
            CHECK_FALSE(slots[number].has_border);
            const auto s = singular_values(maps.P);
            for (std::size_t i = 0; i < 5; ++i)
                for (std::size_t j = 0; j <= i; ++j)
                    shares[i] += s[j] / (s[0] + s[1] + s[2] + s[3] + s[4]) / 2;
        }
        const auto& projection = *model.layers[layer].attention.projection;
        CHECK(matrices[2 * layer].title == projection.E[0]->name());
        CHECK(matrices[2 * layer + 1].title == projection.F[0]->name());
        check_same(matrices[2 * layer], projection.E[0]->value(), 100, true);
        check_same(matrices[2 * layer + 1], projection.F[0]->value(), 100, true);
        const auto points = points_of(script, layer);
        REQUIRE(points.size() == 5);
        for (std::size_t i = 0; i < 5; ++i) {
            const std::size_t space = points[i].find(' ');
            CHECK(points[i].substr(0, space) == std::to_string(i + 1));
            CHECK(std::stod(points[i].substr(space)) == doctest::Approx(shares[i]).epsilon(1e-12));
        }
        CHECK(shares[4] == doctest::Approx(1));
    }
    for (const char* name : {"attention.svg", "spectrum.svg"})
        CHECK(contains(file_contents(scratch.path(name)), "the model does not compute"));
    CHECK(contains(file_contents(scratch.path("slots.svg")), "as the model computes it"));
}

TEST_CASE("pictures: the labels of slots say what they read, and a line parts them from a window") {
    const FakeGnuplot gnuplot;
    const Scratch scratch;
    nn::Config config = tiny;
    config.causal = true;
    config.window = 2;
    nn::Linformer<float> model(config);
    for (nn::EncoderBlock<float>& layer : model.layers) {
        Array<float>& E = layer.attention.projection->E[0]->mutable_value();
        std::fill(E.begin(), E.end(), 0.0F);
        for (std::size_t j = 0; j < E.shape(0); ++j) E(j, j == 0 ? 2 : E.shape(1) - 1) = -3;
        E(0, 1) = 2;      // of another sign
        E(0, 3) = -1.5F;  // half as much
        E(0, 4) = -1;
    }
    const PlottedText text = numbered_text(5);
    draw_attention(model, text, scratch.path(""));
    const auto slots = maps_of(file_contents(scratch.path("slots.svg")));
    const std::size_t k = model.config.k(0, 0);
    REQUIRE(slots[0].columns == k + 5);
    CHECK(slots[0].has_border);
    CHECK(slots[0].column_labels[0] == "0:␣t2…␣t3");
    CHECK(slots[0].column_labels[1] == "1:–");  // its position is past the end
    CHECK(slots[0].column_labels[k] == "␣t0");
    CHECK(slots[0].column_labels[k + 4] == "␣t4");

    config.causal = false;
    config.window = 0;
    config.projection = nn::ProjectionKind::mean;
    const nn::Linformer<float> pooled(config);
    draw_attention(pooled, text, scratch.path(""));
    const std::size_t r = (config.length + k - 1) / k;
    const auto windows = maps_of(file_contents(scratch.path("slots.svg")));
    REQUIRE(windows[0].columns == (5 + r - 1) / r);
    const std::string last = std::to_string(std::min<std::size_t>(r, 5) - 1);
    CHECK(windows[0].column_labels[0] == (r == 1 ? "0:␣t0" : "0:␣t0…␣t" + last));
    CHECK_FALSE(windows[0].has_border);
}

TEST_CASE("pictures: captions say what the numbers are") {
    const PlottedText text{
        .tokens = some_ids(1, 4, 7), .names = {"In", " the", "[MASK]", "\n"}, .asked = {2}};
    const Array<double> P{
        {0.97, 0.01, 0.01, 0.01}, {0.5, 0.5, 0, 0}, {0.1, 0.7, 0.1, 0.1}, {0.25, 0.25, 0.25, 0.25}};
    const double rows = std::exp(-0.97 * std::log(0.97) - 0.03 * std::log(0.01)) + 2 +
                        std::exp(-0.7 * std::log(0.7) - 0.3 * std::log(0.1)) + 4;
    CHECK(attention_caption(P, text, false) ==
          "Darkest cell: “In” (0) looks at “In” (0), 0.97 of its attention. “[MASK]” (2) looks "
          "most at “␣the” (1): 0.70. A token spreads its attention as evenly as over " +
              fixed(rows / 4, 1) +
              " of 4 tokens, on average (exp of the entropy). By distance most goes to the token "
              "before: 0.48 on average.");
    // Left to right the first row has nothing to choose from.
    const std::string causal = attention_caption(P, text, true);
    CHECK(
        causal.starts_with("After the first row the darkest cell: “[MASK]” (2) looks at “␣the” "
                           "(1), 0.70 of its attention."));
    const HeadMaps maps{.P = P,
                        .slots = {{0.2, 0.8}, {0.936, 0.064}, {0.45, 0.55}, {0.5, 0.5}},
                        .reach = {{0.1, -2, 0, 0}, {0, 0, 3, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}},
                        .reads = {{1, 2}, {4, 4}}};
    CHECK(slots_caption(maps, text, tiny)
              .starts_with("Darkest cell: “␣the” (1) gives 0.94 of its attention to slot 0, which "
                           "reads most of “␣the” (1). “[MASK]” (2) gives most, "
                           "0.55, to slot 1, which reads mostly past the end of this text. A "
                           "token spreads its attention as evenly as over 1.7 of 2 slots"));
    CHECK(reach_caption(maps.reach, text) ==
          "Largest: “␣the” (1) takes 3.00 times the value of “[MASK]” (2). Least: “In” (0) takes "
          "-2.00 times that of “␣the” (1).");
    CHECK(projection_caption(Array<float>{{0.5F, -1}, {0.25F, -2}}, true) ==
          "Largest entry: slot 0 at position 0, 0.50. Below 0: 2 entries of 4.");
    CHECK(spectrum_caption({0.5, 0.85, 0.95, 1}) ==
          "the first 3 of 4 singular values make 95 % of the sum");
}

TEST_CASE("pictures: index.html holds every picture, and captions that agree with the numbers") {
    const FakeGnuplot gnuplot;
    const Scratch scratch;
    for (const auto attention : {nn::AttentionKind::full, nn::AttentionKind::linformer}) {
        nn::Config config = tiny;
        config.attention = attention;
        nn::Linformer<float> model(config);
        shaken(model);
        PlottedText text = numbered_text(5);
        text.names[3] = "</script><&";
        text.asked = {3};
        draw_attention(model, text, scratch.path(""));
        const std::string page = file_contents(scratch.path("index.html"));
        CHECK_FALSE(contains(page, "</script><&"));
        CHECK(contains(page, "&lt;/script&gt;&lt;&amp;"));
        CHECK_FALSE(contains(page, "https://"));
        CHECK_FALSE(contains(page, "src="));
        const auto layers = attention_maps(model, text.tokens);
        const bool full = attention == nn::AttentionKind::full;
        std::size_t maps = 0;
        for (std::size_t layer = 0; layer < 2; ++layer)
            for (std::size_t head = 0; head < 2; ++head) {
                const HeadMaps& shown = layers[layer][head];
                const std::string title =
                    "layer " + std::to_string(layer) + ", head " + std::to_string(head) + ": ";
                const auto has = [&](const std::string& caption) {
                    CHECK(contains(page, "<figcaption>" + markup(title + caption)));
                    ++maps;
                };
                has(attention_caption(shown.P, text, false));
                if (full) continue;
                has(slots_caption(shown, text, config));
                has(reach_caption(shown.reach, text));
            }
        const auto drawn = maps_of(page);
        std::set<std::string> files;
        for (const auto& [path, bytes] : directory_contents(scratch.path("")))
            files.insert(std::filesystem::path(path).filename().string());
        CHECK(files.size() == (full ? 3 : 6));
        std::size_t matrices = 0;
        for (const std::string& file : files) {
            if (file == "index.html") continue;
            CHECK(contains(page, "<a href='" + file + "'>"));
            const auto maps_of_file = maps_of(file_contents(scratch.path(file)));
            for (const DrawnMap& map : maps_of_file)  // the same colours: the same scale
                CHECK(std::any_of(drawn.begin(), drawn.end(), [&](const DrawnMap& other) {
                    return other.title == map.title && other.colours == map.colours;
                }));
            if (file == "projections.svg") matrices = maps_of_file.size();
        }
        CHECK(drawn.size() == maps + matrices);
    }
}

TEST_CASE("pictures: fill_mask and generate draw what a text's heads attend to") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(5000));
    const Arguments few = small_model() + Arguments{"--steps", "2", "--text", text};
    REQUIRE(train(few + Arguments{"--out", scratch.path("masked")}).status == 0);
    const Arguments causal{"--out", scratch.path("causal"), "--window", "4"};
    REQUIRE(train_lm(few + causal).status == 0);
    const std::string pictures = scratch.path("new/pictures");
    const auto fill = [&](const std::function<void()>& in_child) {
        return run(
            "fill_mask",
            {"--model", scratch.path("masked"), "--text", "the [MASK]amp", "--plot", pictures},
            in_child);
    };
    const Result missing = fill(without_gnuplot);
    CHECK(missing.status == 1);
    CHECK(contains(missing.err, "gnuplot-nox"));
    CHECK(!missing.out.empty());
    CHECK(directory_contents(pictures).size() == 5);  // all but spectrum.svg
    CHECK_FALSE(contains(file_contents(pictures + "/index.html"), "spectrum"));
    const auto check_drawn = [&] {
        const auto files = directory_contents(pictures);
        CHECK(files.size() == 6);
        for (const std::string name : {"attention", "slots", "reach", "projections", "spectrum"}) {
            CAPTURE(name);
            const auto file = files.find(pictures + "/" + name + ".svg");
            REQUIRE(file != files.end());
            CHECK(contains(file->second, "layer"));
            CHECK(contains(file->second, "</svg>"));
        }
    };
    CHECK(fill([] {}).status == 0);
    check_drawn();
    const Arguments one_token{"--model", scratch.path("masked"), "--text", "[MASK]", "--plot",
                              pictures};
    CHECK(run("fill_mask", one_token).status == 0);  // maps of one row, of one entry
    check_drawn();
    for (const std::string name : {"attention", "slots", "reach"}) {
        const auto maps = maps_of(file_contents(pictures + "/" + name + ".svg"));
        REQUIRE(maps.size() == 4);
        CHECK(maps[0].row_labels == std::vector<std::string>{"[MASK]"});
    }
    std::filesystem::remove_all(pictures);
    CHECK(run("generate", {"--model", scratch.path("causal"), "--tokens", "40", "--plot", pictures})
              .status == 0);
    check_drawn();
    const Result refused = run("fill_mask", {"--model", scratch.path("masked"), "--text", "[MASK]",
                                             "--plot", text + "/pictures"});
    check_refused(refused, {"pictures"});
}
