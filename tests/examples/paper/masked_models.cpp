// Masked models that are compared: what each is called and trained with, and on which text it is
// judged.
#include "examples/paper/masked_models.hpp"

#include "examples/common/program.hpp"
#include "examples/language_model/loading.hpp"
#include "examples/paper/held_out.hpp"
#include "tests/support/gnuplot.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/thread_count.hpp"

using namespace taper;
using namespace taper::examples;
using namespace taper::tests;

TEST_CASE("masked models: another model has another name") {
    const MaskedModel model{.n = 16, .k = {4}};
    std::vector<MaskedModel> others(8, model);
    others[0].n = 8;
    others[1].k = {};
    others[2].k = {4, 2};
    others[3].sharing = "layerwise";
    others[4].projection = "mean";
    others[5].projection_init = "normal";
    others[6].shuffled = true;
    others[7].steps = 100;
    for (const MaskedModel& other : others) CHECK(other.name() != model.name());
    CHECK(distinct(others).size() == 8);
    CHECK(distinct({model, others[0], model}).size() == 2);
    CHECK(as_shuffled({model})[0].name() == others[6].name());
}

TEST_CASE("masked models: a step has as many tokens for every n, and the schedule fits the steps") {
    MaskedOptions o("masked");
    auto values = training_values(o, 16, 700);
    CHECK(values["--length"] == "16");
    CHECK(values["--batch"] == "64");
    CHECK(values["--steps"] == "700");
    CHECK(values["--warmup"] == "50");
    CHECK(values["--eval-every"] == "200");
    o.steps = 100;
    values = training_values(o, 32, 100);
    CHECK(values["--batch"] == "32");
    CHECK(values["--warmup"] == "10");
    CHECK(values["--eval-every"] == "10");
    CHECK(words_of({{"--a", "1"}, {"--b", "2"}}) == Arguments{"--a", "1", "--b", "2"});
}

TEST_CASE("masked models: each is trained for its steps, and judged on text of its order") {
    const Scratch scratch;
    const FakeGnuplot gnuplot;
    const Threads unchanged(1);
    const Quiet quiet;
    const std::string words = prose(4000);
    MaskedOptions o("masked");
    o.out = scratch.path("");
    o.text = {scratch.file("text", words)};
    o.width = 8;
    o.heads = 2;
    o.layers = 1;
    o.tokens = 64;
    o.steps = 10;
    o.held_out = 320;
    o.seeds = 1;
    o.threads = 1;
    const MaskedModel longer{.n = 16, .k = {4}, .steps = 13};
    const MaskedModel in_order{.n = 8, .k = {4}, .sharing = "layerwise"};
    const MaskedModel without_order{.n = 8, .shuffled = true};
    const std::vector<MaskedModel> models{longer, in_order, without_order};
    Runs runs(o, ModelKind::masked);
    REQUIRE(train_models(o, models, runs) == 0);
    CHECK(runs.result(longer.name(), 1).validations.back().step == 13);
    CHECK(runs.result(in_order.name(), 1).validations.back().step == 10);
    const auto config = [&](const MaskedModel& model) {
        return nlohmann::json::parse(
            file_contents(runs.directory(model.name(), 1) + "/config.json"));
    };
    CHECK(config(in_order).at("sharing") == "layerwise");
    CHECK(config(in_order).at("attention") == "linformer");
    CHECK(config(without_order).at("attention") == "full");

    std::string shuffled_words = file_contents(text_of(o, without_order.shuffled).at(0));
    CHECK(!contains(shuffled_words, "bridge"));
    CHECK(!contains(shuffled_words, "egdirb"));
    std::string all = words;
    std::sort(all.begin(), all.end());
    std::sort(shuffled_words.begin(), shuffled_words.end());
    CHECK(shuffled_words == all);

    const std::optional<MaskedLosses> losses = held_out_losses(o, models, runs, 16);
    REQUIRE(losses);
    for (const MaskedModel& model : models) {
        const LoadedModel loaded = load(runs.directory(model.name(), 1), ModelKind::masked);
        const HeldOut held_out(text_of(o, model.shuffled), *loaded.tokenizer, 16, 20);
        CHECK(losses->of.at(model.name()) == std::vector{held_out.loss(loaded.model, model.n)});
        if (model.shuffled) continue;
        CHECK(losses->entropy == held_out.entropy());
        CHECK(losses->targets == held_out.targets());
    }
}
