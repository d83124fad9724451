// The maps of what heads attend to are those that the layers compute with, and the programs draw
// them.
#include "examples/language_model/pictures.hpp"

#include <cmath>

#include "examples/common/plot.hpp"
#include "examples/language_model/attention_maps.hpp"
#include "tests/support/gnuplot.hpp"
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

TEST_CASE("pictures: gnuplot reads each entry of a map in its place") {
    const FakeGnuplot gnuplot;
    const Scratch scratch;
    std::vector<HeatMap> row;
    for (const auto& [rows, columns] :
         {std::pair<std::size_t, std::size_t>{3, 5}, {1, 4}, {4, 1}, {1, 1}}) {
        HeatMap map{std::to_string(rows) + " x " + std::to_string(columns), rows, columns, {}};
        for (std::size_t i = 0; i < rows * columns; ++i)
            map.entries.push_back(static_cast<float>(i) - 7.5F);
        row.push_back(std::move(map));
    }
    REQUIRE(plot(scratch.path("maps.svg"), "all", {row}));
    const std::string script = file_contents(scratch.path("maps.svg"));
    const auto drawn = maps_of(script);
    REQUIRE(drawn.size() == row.size());
    for (std::size_t i = 0; i < row.size(); ++i) {
        CHECK(drawn[i].title == row[i].title);
        // one row or column stands there twice
        CHECK(drawn[i].rows == std::max<std::size_t>(row[i].rows, 2));
        CHECK(drawn[i].columns == std::max<std::size_t>(row[i].columns, 2));
        for (std::size_t y = 0; y < drawn[i].rows; ++y)
            for (std::size_t x = 0; x < drawn[i].columns; ++x)
                CHECK(drawn[i].entries[y * drawn[i].columns + x] ==
                      row[i].entries[std::min(y, row[i].rows - 1) * row[i].columns +
                                     std::min(x, row[i].columns - 1)]);
    }
    // the largest of both signs
    CHECK(contains(script, "set cbrange [-7.5:7.5]"));
    CHECK(contains(script, "set yrange [3-0.5:-0.5]"));  // row 0 at the top
}

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
    const Ids tokens = some_ids(1, 5, 7);
    draw_attention(model, tokens, scratch.path(""));
    const auto drawn = [&](const char* name) { return maps_of(file_contents(scratch.path(name))); };
    const auto check_same = [](const DrawnMap& map, const auto& array) {
        CHECK(Shape{map.rows, map.columns} == array.shape());
        for (std::size_t i = 0; i < map.entries.size(); ++i)
            CHECK(map.entries[i] == static_cast<float>(array.data()[i]));
    };
    const auto layers = attention_maps(model, tokens);
    const auto P = drawn("attention.svg");
    const auto slots = drawn("slots.svg");
    const auto reach = drawn("reach.svg");
    const auto matrices = drawn("projections.svg");
    REQUIRE(P.size() == 4);
    REQUIRE(slots.size() == 4);
    REQUIRE(reach.size() == 4);
    REQUIRE(matrices.size() == 4);
    const std::string script = file_contents(scratch.path("spectrum.svg"));
    for (std::size_t layer = 0; layer < 2; ++layer) {
        std::vector<double> shares(5, 0);
        for (std::size_t head = 0; head < 2; ++head) {
            const HeadMaps& maps = layers[layer][head];
            const std::size_t number = 2 * layer + head;
            CHECK(P[number].title ==
                  "layer " + std::to_string(layer) + ", head " + std::to_string(head));
            check_same(P[number], maps.P);
            check_same(slots[number], maps.slots);
            check_same(reach[number], maps.reach);
            const auto s = singular_values(maps.P);
            for (std::size_t i = 0; i < 5; ++i)
                for (std::size_t j = 0; j <= i; ++j)
                    shares[i] += s[j] / (s[0] + s[1] + s[2] + s[3] + s[4]) / 2;
        }
        const auto& projection = *model.layers[layer].attention.projection;
        CHECK(matrices[2 * layer].title == projection.E[0]->name());
        CHECK(matrices[2 * layer + 1].title == projection.F[0]->name());
        check_same(matrices[2 * layer], projection.E[0]->value());
        check_same(matrices[2 * layer + 1], projection.F[0]->value());
        const auto points = points_of(script, layer);
        REQUIRE(points.size() == 5);
        for (std::size_t i = 0; i < 5; ++i) {
            const std::size_t space = points[i].find(' ');
            CHECK(points[i].substr(0, space) == std::to_string(i + 1));
            CHECK(std::stod(points[i].substr(space)) == doctest::Approx(shares[i]).epsilon(1e-12));
        }
        CHECK(shares[4] == doctest::Approx(1));
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
    const auto check_drawn = [&] {
        const auto files = directory_contents(pictures);
        CHECK(files.size() == 5);
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
    for (const std::string name : {"attention", "slots", "reach"})
        CHECK(contains(file_contents(pictures + "/" + name + ".svg"), "<image"));
    std::filesystem::remove_all(pictures);
    CHECK(run("generate", {"--model", scratch.path("causal"), "--tokens", "40", "--plot", pictures})
              .status == 0);
    check_drawn();
    const Result refused = run("fill_mask", {"--model", scratch.path("masked"), "--text", "[MASK]",
                                             "--plot", text + "/pictures"});
    check_refused(refused, {"pictures"});
}
