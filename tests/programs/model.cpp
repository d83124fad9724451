// Model directories that are not what they should be: fill_mask says what is wrong, and where.
#include <chrono>
#include <functional>
#include <limits>

#include "core/io/safetensors.hpp"
#include "tests/support/programs.hpp"

using namespace taper;
using namespace taper::tests;
using nlohmann::ordered_json;

namespace {

// A masked model, whose files may be changed.
struct MaskedModel {
    Scratch scratch;
    std::string directory = scratch.path("model");
    std::string config_path = directory + "/config.json";
    std::string weights_path = directory + "/model.safetensors";
    ordered_json config;
    TensorFile weights;

    explicit MaskedModel(const Arguments& more = {}) {
        const std::string text = scratch.file("text.txt", prose(3000));
        const Arguments paths{"--text", text, "--out", directory};
        REQUIRE(train(small_run() + paths + more).status == 0);
        config = ordered_json::parse(file_contents(config_path));
        weights = load_safetensors(weights_path);
    }
    Result fill() const { return run("fill_mask", {"--model", directory, "--text", "a[MASK]"}); }

    void refuses_config(const std::function<void(ordered_json&)>& change,
                        const Arguments& words) const {
        ordered_json changed = config;
        change(changed);
        scratch.file("model/config.json", changed.dump());
        check_refused(fill(), Arguments{config_path} + words);
        scratch.file("model/config.json", config.dump());
    }
    void refuses_weights(const std::function<void(TensorFile&)>& change,
                         const Arguments& words) const {
        TensorFile changed = weights;
        change(changed);
        save_safetensors(weights_path, changed);
        check_refused(fill(), Arguments{weights_path} + words);
        save_safetensors(weights_path, weights);
    }
};

Array<float>& floats(TensorFile& file, const std::string& name) {
    for (auto& [known, tensor] : file.tensors)
        if (known == name) return std::get<Array<float>>(tensor);
    throw std::runtime_error(name);
}

}  // namespace

TEST_CASE("programs model: a config.json with a wrong value is refused by its key") {
    const MaskedModel model;
    const auto refuses = [&](const char* key, const ordered_json& value,
                             const Arguments& words = {}) {
        model.refuses_config([&](ordered_json& config) { config[key] = value; },
                             Arguments{key} + words);
    };
    refuses("format", "taper/2", {"taper/1", "taper/2"});
    refuses("causal", true, {"a causal model cannot fill masks"});
    refuses("k", "8", {"\"8\""});
    refuses("k", 33, {"33", "32"});
    refuses("k", -1, {"-1"});
    for (const char* k :
         {"[8]", "[]", "[8, 8, 8]", "[[8], [8]]", "[[8, 8], 8]", "[[8, 8]]", "[[8, 8], []]"})
        refuses("k", ordered_json::parse(k), {"for each of 2"});
    refuses("k", ordered_json::parse("[8, [8, 8]]"), {"a list of lists", "[8,[8,8]]"});
    refuses("layers", 2.5, {"2.5"});
    refuses("width", nullptr, {"null"});
    refuses("heads", 5, {"heads 5", "width 32"});
    refuses("heads", 0, {"0"});
    refuses("dropout", 1, {"[0, 1)"});
    refuses("dropout", "0", {"\"0\""});
    refuses("tie_embeddings", 0, {"true or false"});
    refuses("attention", "half", {"linformer", "half"});
    refuses("sharing", "sometimes", {"sometimes"});
    refuses("projection", "guess", {"guess"});
    refuses("activation", "relu", {"gelu", "relu"});
    refuses("norm", "Pre", {"pre", "Pre"});
    refuses("classes", 2, {"2"});
    refuses("colour", "blue", {"unknown"});
    refuses("tokenizer_hash", 1, {"must be text"});
    for (const auto& [key, value] : model.config.items())
        if (key != "tokenizer_hash")  // of a directory of others
            model.refuses_config([key = key](ordered_json& config) { config.erase(key); },
                                 {key, "missing"});
    for (const char* bytes : {"", "{", "[]", "null", "\xFF", "{}{}"}) {
        model.scratch.file("model/config.json", bytes);
        check_refused(model.fill(), {model.config_path});
    }
    std::string twice = model.config.dump();
    twice.insert(1, "\"k\": 8, ");
    model.scratch.file("model/config.json", twice);
    check_refused(model.fill(), {model.config_path, "a key must stand once: k"});
    model.scratch.file("model/config.json", "{\"dropout\": 1e999}");
    check_refused(model.fill(), {model.config_path, "1e999"});
    model.scratch.file("model/config.json", std::string(1 << 20, '['));
    check_refused(model.fill(), {model.config_path});
    model.scratch.file("model/config.json", model.config.dump() + std::string("\0 garbage", 9));
    check_refused(model.fill(), {model.config_path, "JSON", "zero byte"});
}

TEST_CASE(
    "programs model: a tokenizer.json that the model was not trained with is refused, as large as "
    "it may be") {
    const MaskedModel model;
    const std::string path = model.directory + "/tokenizer.json", bytes = file_contents(path);
    nlohmann::json tokenizer = nlohmann::json::parse(bytes);
    std::string characters = tokenizer.at("characters");
    std::reverse(characters.begin(), characters.end());  // all of them are ASCII
    tokenizer["characters"] = characters;
    model.scratch.file("model/tokenizer.json", tokenizer.dump());
    check_refused(model.fill(), {path, model.config_path, "tokenizer_hash"});
    // the same, written otherwise
    model.scratch.file("model/tokenizer.json", nlohmann::json::parse(bytes).dump(2));
    CHECK(model.fill().status == 0);
    ordered_json config = model.config;
    config.erase("tokenizer_hash");
    model.scratch.file("model/config.json", config.dump());
    CHECK(model.fill().status == 0);
    for (const char* broken :
         {"1e400", "{\"type\": 1e400}", "[[[[[[[[[[[[[[[[", "{\"type\": \"\xFF\"}"}) {
        model.scratch.file("model/tokenizer.json", broken);
        check_refused(model.fill(), {path, "JSON"});
    }
    for (const std::string& rest : {std::string(1, '\0'), std::string("\0}{", 3)}) {
        model.scratch.file("model/tokenizer.json", bytes + rest);
        check_refused(model.fill(), {path, "JSON", "byte " + std::to_string(bytes.size() + 1)});
    }
}

TEST_CASE("programs model: weights that do not fit config.json are refused by their name") {
    const MaskedModel model;
    const std::string down = "layers.1.feed_forward.down.weight";
    model.refuses_weights(
        [&](TensorFile& file) {
            std::erase_if(file.tensors, [&](const auto& t) { return t.first == down; });
        },
        {"tensor " + down});
    model.refuses_weights(
        [&](TensorFile& file) {
            for (auto& t : file.tensors)
                if (t.first == down) t.first = "layers.1.ffn.down.weight";
        },
        {"tensor " + down});
    model.refuses_weights(
        [](TensorFile& file) { file.tensors.emplace_back("head.extra", zeros<float>({2})); },
        {"tensor head.extra"});
    model.refuses_weights(
        [&](TensorFile& file) {
            floats(file, down) = zeros<float>({128, 32});
        },
        {down, "(32,128)", "(128,32)"});
    model.refuses_weights(
        [&](TensorFile& file) {
            floats(file, down)(3, 5) = std::numeric_limits<float>::quiet_NaN();
        },
        {down, "finite", "nan", "(3,5)"});
    model.refuses_weights(
        [&](TensorFile& file) {
            floats(file, "head.bias")(1) = -std::numeric_limits<float>::infinity();
        },
        {"head.bias", "finite", "-inf", "(1)"});
    model.refuses_weights(
        [&](TensorFile& file) {
            for (auto& t : file.tensors)
                if (t.first == down) t.second = zeros<double>({32, 128});
        },
        {down, "F32", "F64"});
    for (const char* bytes : {"", "PNG", "\x02\0\0\0\0\0\0\0{}"}) {
        model.scratch.file("model/model.safetensors", bytes);
        check_refused(model.fill(), {model.weights_path});
    }
    std::filesystem::remove(model.weights_path);
    check_refused(model.fill(), {model.weights_path});
    std::filesystem::create_directory(model.weights_path);
    check_refused(model.fill(), {model.weights_path, "directory"});
}

TEST_CASE("programs model: tied and untied heads are not taken for each other") {
    const MaskedModel tied({"--tie-embeddings"}), untied;
    CHECK(tied.fill().status == 0);
    for (const MaskedModel* model : {&tied, &untied}) {
        ordered_json other = model->config;
        other["tie_embeddings"] = model == &untied;
        model->scratch.file("model/config.json", other.dump());
        check_refused(model->fill(), {model->weights_path, "tensor head.weight"});
    }
}

TEST_CASE("programs model: a config.json that promises more than the weights asks for no memory") {
    const MaskedModel model;
    const auto start = std::chrono::steady_clock::now();
    const std::vector<std::pair<const char*, ordered_json>> promises{
        {"vocab_size", 4000000000}, {"length", 4000000000}, {"width", 1000000000},
        {"ffn_width", 4000000000},  {"layers", 3},          {"layers", 4000000000}};
    for (const auto& [key, value] : promises) {
        ordered_json config = model.config;
        config[key] = value;
        CAPTURE(config);
        model.scratch.file("model/config.json", config.dump());
        check_refused(model.fill(), {model.weights_path});
    }
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(30));
}

TEST_CASE("programs model: a tokenizer.json of another run is refused") {
    const MaskedModel model;
    const std::string path = model.directory + "/tokenizer.json";
    model.scratch.file("model/tokenizer.json",
                       R"({"type": "char", "mask": true, "characters": "abc"})");
    check_refused(model.fill(), {path, "config.json", "4"});
    model.scratch.file("model/tokenizer.json", R"({"type": "byte", "mask": true})");
    check_refused(model.fill(), {path, "257"});
    model.scratch.file("model/tokenizer.json", R"({"type": "byte", "mask": false, "more": 1})");
    check_refused(model.fill(), {path, "more"});
    model.scratch.file("model/tokenizer.json", R"({"type": "byte", "mask": false})");
    check_refused(model.fill(), {path, "mask", "config.json"});
    std::filesystem::resize_file(path, 200'000'000);
    check_refused(model.fill(), {path, "200000000"});
    std::filesystem::remove(path);
    check_refused(model.fill(), {path, "No such file"});
}

TEST_CASE("programs model: weights so large that the answer is not finite are no answer") {
    MaskedModel model;
    floats(model.weights, "head.weight") =
        full<float>(shape_of(*model.weights.find("head.weight")), 3e38f);
    floats(model.weights, "norm.bias") = full<float>({32}, 3e38f);
    save_safetensors(model.weights_path, model.weights);
    const Result result = model.fill();
    check_refused(result, {model.directory, "logits"});
    CHECK(result.out.empty());
}

TEST_CASE("programs model: what a file of a model holds is shown cut where it is long") {
    const MaskedModel model;
    const std::string whole(5000, 'x');
    const auto cut = [&](const std::string& word) {
        const Result result = model.fill();
        check_refused(result, {word, "xxxxx..."});
        CHECK(result.err.size() < 400);
    };
    for (const std::string key : {"norm", "width", "tokenizer_hash", whole.c_str()}) {
        ordered_json changed = model.config;
        changed[key] = whole;
        model.scratch.file("model/config.json", changed.dump());
        cut(key == whole ? "unknown" : key);
    }
    model.scratch.file("model/config.json", "{\"" + whole + "\": 1, \"" + whole + "\": 1}");
    cut("once");
    model.scratch.file("model/config.json", model.config.dump());
    model.scratch.file("model/tokenizer.json", "{\"type\": \"" + whole + "\"}");
    cut("type");
    model.scratch.file("model/tokenizer.json",
                       "{\"type\": \"byte\", \"mask\": true, \"" + whole + "\": 1}");
    cut("known");
}
