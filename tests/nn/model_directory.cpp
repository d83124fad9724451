// A model directory: the tensors that a configuration asks for are those of its model, and are
// asked for before memory is.
#include "nn/model_directory.hpp"

#include "core/io/file.hpp"
#include "tests/support/cpu_time.hpp"
#include "tests/support/models.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/tensor_files.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

std::vector<nn::Config> stored_variants() {
    std::vector<nn::Config> configs;
    for (const nn::Sharing sharing : sharings)
        for (const nn::ProjectionKind projection : projections)
            for (const bool full : {false, true}) {
                nn::Config config = tiny;
                config.sharing = sharing;
                config.projection = projection;
                config.attention = full ? nn::AttentionKind::full : nn::AttentionKind::linformer;
                config.norm = full ? nn::Norm::post : nn::Norm::pre;
                config.tie_embeddings = sharing == nn::Sharing::headwise;
                configs.push_back(config);
            }
    nn::Config by_head = tiny;
    by_head.sharing = nn::Sharing::none;
    by_head.k = std::vector<std::vector<std::size_t>>{{1, 2}, {3, 6}};
    configs.push_back(by_head);
    return configs;
}

}  // namespace

TEST_CASE(
    "model directory: the tensors a configuration asks for are the parameters of its model, in "
    "their order") {
    for (const nn::Config& config : stored_variants()) {
        std::vector<std::pair<std::string, Shape>> asked, made;
        nn::each_tensor(config, [&](const std::string& name, const Shape& shape) {
            asked.emplace_back(name, shape);
        });
        nn::Linformer<float> model(config);
        for (const Parameter<float>* p : model.parameters())
            made.emplace_back(p->name(), p->shape());
        CAPTURE(nn::config_json(config));
        CHECK(asked == made);
        const Scratch scratch;
        nn::save_model(scratch.path(""), model);
        nn::Linformer<double> loaded = nn::load_model<double>(scratch.path(""));
        const auto parameters = model.parameters();
        const auto loaded_parameters = loaded.parameters();
        for (std::size_t i = 0; i < parameters.size(); ++i)
            CHECK(loaded_parameters[i]->value() == converted<double>(parameters[i]->value()));
    }
}

TEST_CASE(
    "model directory: a width that the file does not have is refused before memory is asked for") {
    const Scratch scratch;
    nn::Config config = tiny;
    config.vocab_size = 1;
    config.length = 1;
    config.heads = 1;
    config.layers = 1;
    config.ffn_width = 1;
    config.k = 1;
    config.width = 1 << 20;  // a linear layer has 4 TB
    write_file(scratch.path("config.json"), nn::config_json(config));
    TensorFile file;
    nn::each_tensor(config, [&](const std::string& name, const Shape& shape) {
        const bool small = shape.size() == 1 || shape[0] == 1;
        file.tensors.emplace_back(name, zeros<float>(small ? shape : Shape{1, 1}));
    });
    const auto load = [&] {
        save_safetensors(scratch.path("model.safetensors"), file);
        const std::string float_message = refusal([&] { nn::load_model<float>(scratch.path("")); });
        CHECK(refusal([&] { nn::load_model<double>(scratch.path("")); }) == float_message);
        return float_message;
    };
    const std::string query =
        scratch.path("") + "/model.safetensors: tensor layers.0.attention.query.weight: ";
    CHECK(load() == query +
                        "the shape must be that of config.json: expected (1048576,1048576), found "
                        "(1,1)");
    std::erase_if(file.tensors, [](const auto& t) { return contains(t.first, "query.weight"); });
    CHECK(load() == query + "the file must have it");
    config.layers = std::size_t{1} << 32;
    write_file(scratch.path("config.json"), nn::config_json(config));
    CHECK(load().ends_with("the file must have it"));
}

TEST_CASE("model directory: a tensor of another shape or type is refused before it is read") {
    const Scratch scratch;
    write_file(scratch.path("config.json"), nn::config_json(tiny));
    enormous_file(scratch, "model.safetensors", "embedding.token.weight");
    CHECK(contains(refusal([&] { nn::load_model<float>(scratch.path("")); }),
                   "/model.safetensors: tensor embedding.token.weight: the shape must be that of "
                   "config.json: expected"));
}

TEST_CASE("model directory: what a config.json holds is shown cut where it is long") {
    const Scratch scratch;
    const std::string whole(5000, 'x'), shown = std::string(60, 'x') + "...";
    const std::string path =
        scratch.file("config.json", "{\"" + whole + "\": 1, \"" + whole + "\": 1}");
    CHECK(refusal([&] { nn::read_config(path); }) ==
          path + ": the file must be a JSON object: a key must stand once: " + shown);
    scratch.file("config.json", "{\"format\": \"" + whole + "\"}");
    CHECK(refusal([&] { nn::read_config(path); }).ends_with(": \"" + shown.substr(1)));
    scratch.file("config.json", "{\n\"format\": " + whole + "}");
    CHECK(refusal([&] { nn::read_config(path); }) ==
          path +
              ": the file must be a JSON object: parse error at line 2, column 11: syntax error "
              "while parsing...");
}

TEST_CASE("model directory: the hash of a tokenizer is kept, and may be missing") {
    const Scratch scratch;
    nn::Config config = tiny;
    const auto again = [&] {
        write_file(scratch.path("config.json"), nn::config_json(config));
        return nn::read_config(scratch.path("config.json"));
    };
    CHECK_FALSE(contains(nn::config_json(config), "tokenizer_hash"));
    CHECK(again().tokenizer_hash == "");
    config.tokenizer_hash = "0123456789ABCDEF";
    CHECK(again().tokenizer_hash == "0123456789ABCDEF");
}

TEST_CASE("model directory: a config.json that is nested deep is refused, whatever the key") {
    const Scratch scratch;
    const std::string path = scratch.path("config.json");
    const std::string open(400'000, '['), close(400'000, ']');
    for (const std::string& text : {"{\"format\": " + open + close + "}",
                                    "{\"k\": " + open + close + "}", open + close, open}) {
        scratch.file("config.json", text);
        CHECK(refusal([&] { nn::read_config(path); }) ==
              path + ": the file must be a JSON object: it is nested too deep");
    }
}

TEST_CASE("model directory: a config.json that is no object is refused as such") {
    const Scratch scratch;
    for (const char* text : {"[]", "[{}]", "3", "\"text\"", "null", "true"}) {
        const std::string path = scratch.file("config.json", text);
        CHECK(refusal([&] { nn::read_config(path); }) ==
              path + ": the file must be a JSON object: " + text);
    }
}

TEST_CASE(
    "model directory: no weight is drawn at random only to be replaced by the one in the file") {
    const Scratch scratch;
    const nn::Config config{
        .vocab_size = 2048, .length = 128, .width = 256, .heads = 4, .layers = 1, .k = 64};
    [[maybe_unused]] const std::clock_t drawn = cpu_time([&] {
        nn::Linformer<float> model(config);
        nn::save_model(scratch.path(""), model);
    });
    [[maybe_unused]] const std::clock_t loaded = cpu_time([&] {
        const auto model = nn::load_model<float>(scratch.path(""));
        // what is made from its configuration is a new model
        CHECK(model.config.seed == config.seed);
    });
#ifndef TAPER_SANITIZED
    CHECK(loaded < drawn / 2);
#endif
}

TEST_CASE("model directory: a model that would not load replaces none") {
    const Scratch scratch;
    nn::Linformer<float> model(tiny);
    nn::save_model(scratch.path(""), model);
    const std::string path = scratch.path("model.safetensors"), saved = file_contents(path);
    Array<float>& bias = model.head_bias.mutable_value();
    const Array<float> good = bias;
    bias(1) = std::numeric_limits<float>::quiet_NaN();
    CHECK(contains(refusal([&] { nn::save_model(scratch.path(""), model); }),
                   "a weight must be finite: nan at (1)"));
    model.head_bias.mutable_value() = zeros<float>({good.size() + 1});
    CHECK(contains(refusal([&] { nn::save_model(scratch.path(""), model); }),
                   "the shape must be that of config.json"));
    CHECK(file_contents(path) == saved);
    model.head_bias.mutable_value() = good;
    nn::save_model(scratch.path(""), model);
    CHECK(file_contents(path) == saved);
}
