// The classifier of a model: its function on padded rows, its gradients, and how it stands in a
// model directory.
#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/check/gradcheck.hpp"
#include "core/io/file.hpp"
#include "examples/common/apart.hpp"
#include "nn/model_directory.hpp"
#include "tests/support/models.hpp"
#include "tests/support/programs.hpp"

using namespace taper;
using namespace taper::tests;
using nlohmann::ordered_json;

namespace {

nn::Config three_classes(nn::Config config = tiny) {
    config.class_names = {"a", "b", "c"};
    return config;
}

// Every sharing and projection, pre-norm and post-norm by turns; and full attention.
std::vector<nn::Config> classifiers() {
    std::vector<nn::Config> all;
    for (const nn::Sharing sharing : sharings)
        for (const nn::ProjectionKind projection : projections) {
            nn::Config config = three_classes();
            config.sharing = sharing;
            config.projection = projection;
            config.norm = all.size() % 2 ? nn::Norm::post : nn::Norm::pre;
            all.push_back(config);
        }
    nn::Config full = three_classes();
    full.attention = nn::AttentionKind::full;
    all.push_back(full);
    return all;
}

// Two rows with three and four real positions, padding in the middle, too.
const Mask some_padding{{true, false, true, true, false}, {true, true, true, true, false}};

}  // namespace

TEST_CASE("classifier: its logits are a linear layer of the mean feature over the real positions") {
    for (const nn::Config& config : classifiers()) {
        nn::Linformer<double> model(config);
        shaken(model);
        const Ids tokens = some_ids(2, 5, 7);
        const Array<double> x = model.features(tokens, {.real = some_padding}).value();
        const Array<double>& W = model.classifier->weight.value();
        const Array<double>& b = model.classifier->bias.value();
        auto expected = zeros<double>({2, 3});
        for (std::size_t row = 0; row < 2; ++row)
            for (std::size_t c = 0; c < 3; ++c) {
                double sum = 0;
                double count = 0;
                for (std::size_t t = 0; t < 5; ++t) {
                    if (!some_padding(row, t)) continue;
                    ++count;
                    for (std::size_t i = 0; i < 8; ++i) sum += W(c, i) * x(row, t, i);
                }
                expected(row, c) = sum / count + b(c);
            }
        const Array<double> found = model.classify(tokens, {.real = some_padding}).value();
        CHECK(found.shape() == Shape{2, 3});
        CHECK(examples::apart(found, expected) < 1e-13);
    }
}

TEST_CASE("classifier: a row of a padded batch has the logits of the row alone, with NaN there") {
    for (const nn::Config& config : classifiers()) {
        CAPTURE(nn::config_json(config));
        nn::Linformer<double> model(config);
        shaken(model);
        const Ids tokens = some_ids(3, 6, 7);
        const std::vector<std::size_t> lengths{2, 4, 1};
        Mask real({3, 6}, false);
        std::vector<Array<double>> alone;
        for (std::size_t row = 0; row < 3; ++row) {
            Ids one = empty<std::int64_t>({1, lengths[row]});
            for (std::size_t t = 0; t < lengths[row]; ++t) {
                one(0, t) = tokens(row, t);
                real(row, t) = true;
            }
            alone.push_back(model.classify(one).value());
        }
        for (std::size_t i = 0; i < 8; ++i) {
            model.embedding.position.mutable_value()(4, i) = std::nan("");
            model.embedding.position.mutable_value()(5, i) = std::nan("");
        }
        const Array<double> padded = model.classify(tokens, {.real = real}).value();
        for (std::size_t row = 0; row < 3; ++row)
            for (std::size_t c = 0; c < 3; ++c)
                CHECK(padded(row, c) == doctest::Approx(alone[row](0, c)).epsilon(1e-12));
    }
}

TEST_CASE("classifier: every gradient, padded and not") {
    for (const nn::Config& config : classifiers())
        for (const bool padded : {false, true}) {
            // without padding the projections differ in nothing that is the classifier's
            if (!padded && config.sharing != nn::Sharing::headwise) continue;
            CAPTURE(nn::config_json(config));
            nn::Linformer<double> model(config);
            const auto parameters = shaken(model);
            const Ids tokens = some_ids(2, 5, 7);
            nn::Pass pass;
            if (padded) pass.real = some_padding;
            const auto logits = [&] { return model.classify(tokens, pass); };
            const auto report = gradcheck("classifier", logits, parameters, {.directions = true});
            CHECK_MESSAGE(report.passed, report.text());
        }
    nn::Linformer<double> model(three_classes());
    const auto parameters = shaken(model);
    const auto loss = [&] {
        return cross_entropy(model.classify(some_ids(2, 5, 7), {.real = some_padding}), {2, 0});
    };
    const auto report = gradcheck("classifier", loss, parameters);
    CHECK_MESSAGE(report.passed, report.text());
}

TEST_CASE("classifier: a row that is all padding is refused, and a model without one") {
    const nn::Linformer<double> model(three_classes());
    Mask real({2, 5}, true);
    for (std::size_t t = 0; t < 5; ++t) real(1, t) = false;
    CHECK(rule_of([&] { model.classify(some_ids(2, 5, 7), {.real = real}); }) ==
          "classify: a row must have a real position: row 1 is all padding");
    const nn::Linformer<double> without(tiny);
    CHECK(rule_of([&] { without.classify(some_ids(2, 5, 7)); }) ==
          "classify: the model must have a classifier: classes 0");
}

TEST_CASE("classifier: it starts as a linear layer, and changes neither features nor head") {
    const nn::Linformer<double> with(three_classes());
    const nn::Linformer<double> without(tiny);
    const nn::Linear<double> linear("classifier", 8, 3, 0);
    CHECK(with.classifier->weight.value() == linear.weight.value());
    CHECK(with.classifier->bias.value() == zeros<double>({3}));
    CHECK(with(some_ids(2, 5, 7)).value() == without(some_ids(2, 5, 7)).value());
}

TEST_CASE("classifier: its model directory has the names of the classes, in their order") {
    const Scratch scratch;
    for (nn::Config config : classifiers()) {
        config.class_names = {"z", "a \u00E9", "10"};
        nn::Linformer<float> model(config);
        nn::save_model(scratch.path(""), model);
        const nn::Linformer<float> loaded = nn::load_model<float>(scratch.path(""));
        CHECK(loaded.config.class_names == config.class_names);
        CHECK(loaded.classify(some_ids(2, 5, 7)).value() ==
              model.classify(some_ids(2, 5, 7)).value());
        std::vector<std::string> asked;
        nn::each_tensor(config, [&](const std::string& name, const Shape& shape) {
            asked.push_back(name + to_string(shape));
        });
        std::vector<std::string> made;
        for (const Parameter<float>* p : model.parameters())
            made.push_back(p->name() + to_string(p->shape()));
        CHECK(asked == made);
        CHECK(asked.back() == "classifier.bias(3)");
    }
}

TEST_CASE("classifier: classes and names that do not go together are refused") {
    const Scratch scratch;
    const std::string path = scratch.path("config.json");
    const auto message = [&](const char* changes) {
        ordered_json config = ordered_json::parse(nn::config_json(tiny));
        config.update(ordered_json::parse(changes));
        write_file(path, config.dump());
        return refusal([&] { nn::read_config(path); });
    };
    const std::string key = path + ": class_names: ";
    const std::string rule = "the value must be a list with a name for each of 2 classes: ";
    CHECK(message(R"({"classes": 2, "class_names": ["a", "b"]})") == "");
    CHECK(message(R"({"classes": 2})") == key + rule + "it is missing");
    CHECK(message(R"({"classes": 2, "class_names": ["a"]})") == key + rule + R"(["a"])");
    CHECK(message(R"({"classes": 2, "class_names": "ab"})") == key + rule + R"("ab")");
    CHECK(message(R"({"classes": 2, "class_names": ["a", 1]})") == key + rule + R"(["a",1])");
    CHECK(message(R"({"classes": 2, "class_names": ["a", "a"]})") ==
          key + "no name may stand twice: 'a'");
    CHECK(message(R"({"classes": 2, "class_names": ["", "a"]})") ==
          key + "no name may be empty: ''");
    CHECK(message(R"({"class_names": []})") ==
          key + "the value must not be there with classes 0: []");
    CHECK(contains(message(R"({"classes": -1})"), "must be a whole number, 0 or more: -1"));
    nn::Config config = tiny;
    config.class_names = {"a", "\xFF"};
    CHECK(refusal([&] { config.check(); }) == "class_names: a name must be UTF-8: '\\xFF'");
}

TEST_CASE("classifier: a file that lacks its tensors, or has them without classes, is refused") {
    const Scratch scratch;
    nn::Linformer<float> with(three_classes());
    nn::Linformer<float> without(tiny);
    const auto load_as = [&](nn::Linformer<float>& model, const nn::Config& config) {
        nn::save_model(scratch.path(""), model);
        write_file(scratch.path("config.json"), nn::config_json(config));
        return refusal([&] { nn::load_model<float>(scratch.path("")); });
    };
    const std::string tensor = scratch.path("") + "/model.safetensors: tensor classifier.";
    CHECK(load_as(without, three_classes()) == tensor + "weight: the file must have it");
    CHECK(load_as(with, tiny) ==
          tensor + "bias: no tensor may be there that config.json does not ask for: (3)");
    nn::Config two = tiny;
    two.class_names = {"a", "b"};
    CHECK(load_as(with, two) ==
          tensor + "weight: the shape must be that of config.json: expected (2,8), found (3,8)");
}
