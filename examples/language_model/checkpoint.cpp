#include "examples/language_model/checkpoint.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "core/io/file.hpp"
#include "core/io/json.hpp"
#include "examples/common/text.hpp"
#include "nn/model_directory.hpp"

namespace taper::examples {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* format = "taper-checkpoint/1";
constexpr const char* hash_key = "hash";  // of the metadata
constexpr const char* config_key = "config";
constexpr const char* tokenizer_tensor = "tokenizer.json";

// Of everything in the file but the hash itself. One changed byte changes it.
static std::string hash_of_contents(const TensorFile& file) {
    std::uint64_t hash = hash_of("");
    const auto add = [&](std::string_view bytes) { hash = hash_of(bytes, hash); };
    for (const auto& [key, text] : file.metadata) {
        if (key == hash_key) continue;
        add(key);
        add(text);
    }
    for (const auto& [name, tensor] : file.tensors) {
        add(name);
        add(to_string(shape_of(tensor)));
        add(bytes_of(tensor));
    }
    return digits_of(hash);
}

std::string checkpoint_path(const std::string& directory) {
    return directory + "/checkpoint.safetensors";
}

void save_checkpoint(const std::string& directory, const nn::Parameters<float>& parameters,
                     const nn::Adam<float>& adam, const Progress& progress,
                     const RunIdentity& identity) {
    TensorFile file{.path = checkpoint_path(directory)};
    for (const Parameter<float>* p : parameters)
        file.tensors.emplace_back("model." + p->name(), p->value());
    for (std::size_t i = 0; i < adam.moments.size(); ++i) {
        const std::string& name = adam.parameters()[i]->name();
        file.tensors.emplace_back("adam.m." + name, adam.moments[i].m);
        file.tensors.emplace_back("adam.v." + name, adam.moments[i].v);
    }
    auto tokenizer = empty<std::uint8_t>({identity.tokenizer.size()});
    std::copy(identity.tokenizer.begin(), identity.tokenizer.end(), tokenizer.data());
    file.tensors.emplace_back(tokenizer_tensor, std::move(tokenizer));
    const json state{{"step", progress.step},
                     {"seconds", progress.seconds},
                     {"pending", progress.pending ? progress.pending->json() : ""},
                     {"adam_steps", progress.step}};  // every step moves every parameter
    file.metadata = {{"format", format},
                     {"state", state.dump()},
                     {"options", identity.options},
                     {"text_hashes", identity.text_hashes}};
    if (!identity.config.empty()) file.metadata[config_key] = identity.config;
    file.metadata[hash_key] = hash_of_contents(file);
    save_safetensors(file.path, file);
}

static json object_of(const TensorFile& file, const std::string& key) {
    return parse_object(file.metadata.at(key),
                        file.path + ": the " + key + " must be a JSON object");
}

static std::uint64_t step_of(const json& state, const TensorFile& file) {
    const json& step = state.at("step");
    for (const char* key : {"step", "adam_steps"}) {
        const json& value = state.at(key);
        if (!value.is_number_unsigned() || value != step || value > 1'000'000'000)
            throw Error(
                file.path +
                ": the state's step and adam_steps must be one whole number up to 1000000000: " +
                key + " " + shortened(value.dump()));
    }
    return step;
}

// What can be known without the configuration: each tensor is a weight, a moment of one, or the
// tokenizer.
static void check_header(const std::string& path, const std::vector<TensorClaim>& claims) {
    std::map<std::string, Shape> weights;
    const std::string model = "model.";
    for (const TensorClaim& claim : claims)
        if (claim.name.starts_with(model))
            weights.emplace(claim.name.substr(model.size()), claim.shape);
    for (const TensorClaim& claim : claims) {
        const auto fail = [&](const std::string& rule) {
            throw Error(path + ": tensor " + shortened(claim.name) + ": " + rule);
        };
        const bool tokenizer = claim.name == tokenizer_tensor;
        const bool moment = claim.name.starts_with("adam.m.") || claim.name.starts_with("adam.v.");
        if (!tokenizer && !moment && !claim.name.starts_with(model))
            fail("no tensor may be there that a checkpoint does not have: " +
                 to_string(claim.shape));
        const std::string type = tokenizer ? "U8" : "F32";
        if (claim.dtype != type) fail("the dtype must be " + type + ": " + claim.dtype);
        if (!moment) continue;
        const auto weight = weights.find(claim.name.substr(std::string("adam.m.").size()));
        if (weight == weights.end()) fail("the weight that it is a moment of must be there");
        if (claim.shape != weight->second)
            fail("the shape must be that of its weight: expected " + to_string(weight->second) +
                 ", found " + to_string(claim.shape));
    }
}

static TensorFile load_checkpoint(const std::string& path) {
    const auto check = [&](const std::vector<TensorClaim>& claims) { check_header(path, claims); };
    return load_safetensors(path, check);
}

Checkpoint::Checkpoint(const std::string& directory)
    : file_(load_checkpoint(checkpoint_path(directory))) {
    for (const char* key : {"format", "state", "options", "text_hashes"})
        if (!file_.metadata.contains(key))
            throw Error(file_.path + ": the file must be a checkpoint: its metadata lack " + key);
    if (file_.metadata["format"] != format)
        throw Error(file_.path + ": the format must be " + format + ": " +
                    shortened(file_.metadata["format"]));
    const auto written = file_.metadata.find(hash_key);
    if (written == file_.metadata.end()) return;  // an older file
    const std::string found = hash_of_contents(file_);
    if (found != written->second)
        throw Error(file_.path +
                    ": the file must be as it was written: the hash of what it holds is " + found +
                    ", of what was written " + shortened(written->second));
}

std::uint64_t Checkpoint::steps() const {
    try {
        return step_of(object_of(file_, "state"), file_);
    } catch (const json::exception& error) {
        throw Error(file_.path + ": the state must be that of a checkpoint: " + json_reason(error));
    }
}

RunIdentity Checkpoint::identity() const {
    const auto& tokenizer = file_.get<std::uint8_t>(tokenizer_tensor);
    const auto config = file_.metadata.find(config_key);
    return {.options = object_of(file_, "options").dump(),
            .text_hashes = file_.metadata.at("text_hashes"),
            .tokenizer = std::string(tokenizer.begin(), tokenizer.end()),
            .config = config == file_.metadata.end() ? "" : config->second};
}

std::vector<Text> texts_of_run(std::span<const std::string> paths, Encoding encoding,
                               const RunIdentity& stored, const std::string& directory) {
    constexpr std::size_t digits = 17;  // of a hash and its space
    const std::string run = "the run in " + directory;
    const std::size_t count = stored.text_hashes.size() / digits;
    if (paths.size() != count)
        throw Error("--text: with --resume the texts must be as many as " + run +
                    " was started with: " + std::to_string(paths.size()) + ", " +
                    std::to_string(count));
    std::vector<Text> texts;
    for (std::size_t i = 0; i < count; ++i) {
        if (!fs::exists(paths[i]))
            throw Error(
                paths[i] + ": with --resume the text of " + run +
                " must be there (--text says where, if it was moved): No such file or directory");
        texts.push_back(read_text(paths[i], encoding));
        if (hash_text(texts[i].bytes) != stored.text_hashes.substr(i * digits, digits - 1))
            throw Error(paths[i] + ": with --resume the text must be as it was when " + run +
                        " was started: it is another (--text says where that one is; --out begins "
                        "a run with this one)");
    }
    return texts;
}

std::string hashes_of(std::span<const Text> texts) {
    std::string hashes;
    for (const Text& text : texts) hashes += hash_text(text.bytes) + " ";
    return hashes;
}

void Checkpoint::check_model(const nn::Config& config) const {
    nn::check_claims(file_.path, claims_of(file_), config, "model.");
    nn::check_finite(file_, "model.");
}

static Progress progress_of(const json& state, const TensorFile& file) {
    Progress progress;
    progress.step = step_of(state, file);
    progress.seconds = state.at("seconds");
    if (!(progress.seconds >= 0))
        throw Error(file.path +
                    ": the state's seconds must be 0 or more: " + state.at("seconds").dump());
    const std::string pending = state.at("pending");
    if (pending.empty()) return progress;
    progress.pending = StepMetrics::from_json(pending, file.path + ": the pending step");
    if (progress.pending->step != progress.step)
        throw Error(file.path + ": the pending step must be the state's step: pending " +
                    std::to_string(progress.pending->step) + ", step " +
                    std::to_string(progress.step));
    return progress;
}

Progress Checkpoint::restore(const nn::Parameters<float>& parameters, nn::Adam<float>& adam) const {
    const auto fill = [&](const std::string& name, Array<float>& array) {
        const Array<float>& stored = file_.get<float>(name);
        if (stored.shape() != array.shape())
            throw Error(file_.path + ": tensor " + name +
                        ": the shape must be that of the run: expected " +
                        to_string(array.shape()) + ", found " + to_string(stored.shape()));
        const bool square = name.starts_with("adam.v.");
        for (float x : stored)
            if (!std::isfinite(x) || (square && x < 0))
                throw Error(file_.path + ": tensor " + name + ": every number must be finite" +
                            (square ? " and 0 or more: " : ": ") + shortest(x));
        array = stored;
    };
    for (Parameter<float>* p : parameters) fill("model." + p->name(), p->mutable_value());
    for (std::size_t i = 0; i < adam.moments.size(); ++i) {
        const std::string& name = adam.parameters()[i]->name();
        fill("adam.m." + name, adam.moments[i].m);
        fill("adam.v." + name, adam.moments[i].v);
    }
    const std::size_t expected = parameters.size() + 2 * adam.moments.size() + 1;
    if (file_.tensors.size() != expected)
        throw Error(file_.path + ": no tensor may be there that the run does not have: expected " +
                    std::to_string(expected) + ", found " + std::to_string(file_.tensors.size()));
    try {
        const json state = object_of(file_, "state");
        const Progress progress = progress_of(state, file_);
        for (auto& moments : adam.moments) moments.t = state.at("adam_steps");
        return progress;
    } catch (const json::exception& error) {
        throw Error(file_.path + ": the state must be that of a checkpoint: " + json_reason(error));
    }
}

}  // namespace taper::examples
