// The maps of what heads attend to are those that the layers compute with, and the programs draw them.
#include "examples/language_model/pictures.hpp"

#include <cmath>

#include "tests/models.hpp"
#include "tests/programs.hpp"

using namespace taper;
using namespace taper::tests;
using namespace taper::examples;

namespace {

// Attention's heads before its output's weights, from the maps: each head's map times its values.
Array<double> heads_by(const std::vector<HeadMaps>& heads, bool full, const Array<float>& V) {
    const std::size_t n = V.shape(1), d = V.shape(2), d_h = d / heads.size();
    auto y = zeros<double>({n, d});
    for (std::size_t c = 0; c < d; ++c)
        for (std::size_t t = 0; t < n; ++t)
            for (std::size_t s = 0; s < n; ++s)
                y(t, c) += (full ? heads[c / d_h].P : heads[c / d_h].reach)(t, s) * static_cast<double>(V(0, s, c));
    return y;
}

}  // namespace

TEST_CASE("pictures: the maps times the values are what the layer computes") {
    std::vector<nn::Config> configs;
    for (const bool causal : {false, true})
        for (const auto sharing : {nn::Sharing::none, nn::Sharing::headwise, nn::Sharing::layerwise})
            for (const std::size_t window : {0U, 2U}) {
                nn::Config config = tiny;
                config.causal = causal, config.sharing = sharing, config.window = causal ? window : 0;
                configs.push_back(config);
                config.attention = nn::Attention::full, config.window = 0;
                configs.push_back(config);
            }
    for (const nn::Config& config : configs) {
        CAPTURE(config.causal);
        CAPTURE(config.window);
        CAPTURE(nn::name_of(config.sharing));
        CAPTURE(nn::name_of(config.attention));
        nn::Linformer<float> model(config);
        for (Parameter<float>* p : model.parameters())
            xt::noalias(p->mutable_value()) += normal<float>(Random(7, p->name()), p->shape(), 0.3);
        const Ids tokens = some_ids(1, 5, 7);
        const auto maps = attention_maps(model, tokens);
        REQUIRE(maps.size() == 2);
        Var<float> x = model.embedding(tokens);
        for (std::size_t i = 0; i < 2; ++i) {
            const nn::EncoderBlock<float>& layer = model.layers[i];
            const Var<float> z = layer.norm1(x);
            const bool full = config.attention == nn::Attention::full;
            const Array<double> heads = heads_by(maps[i], full, layer.attention.value(z).value());
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

TEST_CASE("pictures: fill_mask and generate draw what a text's heads attend to") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(5000));
    const Arguments few = small_model() + Arguments{"--steps", "2", "--text", text};
    REQUIRE(train(few + Arguments{"--out", scratch.path("masked")}).status == 0);
    REQUIRE(
        run("train_lm", few + Arguments{"--out", scratch.path("causal"), "--window", "4"}, without_gnuplot).status ==
        0);
    const std::string pictures = scratch.path("new/pictures");
    const auto fill = [&](const std::function<void()>& in_child) {
        return run("fill_mask", {"--model", scratch.path("masked"), "--text", "the [MASK]amp", "--plot", pictures},
                   in_child);
    };
    const Result missing = fill(without_gnuplot);
    CHECK(missing.status == 1);
    CHECK(missing.err.find("gnuplot-nox") != std::string::npos);
    CHECK(!missing.out.empty());
    const auto check_drawn = [&] {
        const auto files = directory_contents(pictures);
        CHECK(files.size() == 5);
        for (const std::string name : {"attention", "slots", "reach", "projections", "spectrum"}) {
            CAPTURE(name);
            const auto file = files.find(pictures + "/" + name + ".svg");
            REQUIRE(file != files.end());
            CHECK(file->second.find("layer") != std::string::npos);
            CHECK(file->second.find("</svg>") != std::string::npos);
        }
    };
    CHECK(fill([] {}).status == 0);
    check_drawn();
    const Arguments one_token{"--model", scratch.path("masked"), "--text", "[MASK]", "--plot", pictures};
    CHECK(run("fill_mask", one_token).status == 0);  // maps of one row, of one entry
    check_drawn();
    for (const std::string name : {"attention", "slots", "reach"})
        CHECK(file_contents(pictures + "/" + name + ".svg").find("<image") != std::string::npos);
    std::filesystem::remove_all(pictures);
    CHECK(run("generate", {"--model", scratch.path("causal"), "--tokens", "40", "--plot", pictures}).status == 0);
    check_drawn();
    const Result refused =
        run("fill_mask", {"--model", scratch.path("masked"), "--text", "[MASK]", "--plot", text + "/pictures"});
    check_refused(refused, {"pictures"});
}
