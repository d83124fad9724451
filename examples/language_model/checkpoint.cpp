#include "examples/language_model/checkpoint.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/file.hpp"
#include "core/safetensors.hpp"
#include "examples/common/text.hpp"
#include "nn/model_directory.hpp"

namespace taper::examples {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* format = "taper-checkpoint/1";
constexpr const char* tokenizer_tensor = "tokenizer.json";

std::string checkpoint_path(const std::string& directory) { return directory + "/checkpoint.safetensors"; }

void save_checkpoint(const std::string& directory, const nn::Parameters<float>& parameters, const nn::Adam<float>& adam,
                     const Progress& progress, const RunIdentity& identity) {
    TensorFile file{.path = checkpoint_path(directory)};
    for (const Parameter<float>* p : parameters) file.tensors.emplace_back("model." + p->name(), p->value());
    for (std::size_t i = 0; i < adam.moments.size(); ++i) {
        file.tensors.emplace_back("adam.m." + adam.parameters()[i]->name(), adam.moments[i].m);
        file.tensors.emplace_back("adam.v." + adam.parameters()[i]->name(), adam.moments[i].v);
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
                     {"tokenizer_hash", hash_text(identity.tokenizer)},
                     {"text_hashes", identity.text_hashes}};
    save_safetensors(file.path, file);
}

static TensorFile load(const std::string& directory) {
    TensorFile file = load_safetensors(checkpoint_path(directory));
    for (const char* key : {"format", "state", "options", "text_hashes"})
        if (!file.metadata.contains(key))
            throw Error(file.path + ": the file must be a checkpoint: its metadata lack " + key);
    if (file.metadata["format"] != format)
        throw Error(file.path + ": the format must be " + format + ": " + file.metadata["format"]);
    return file;
}

// An object of JSON in the metadata, by its key. What shows a value calls itself for each level of
// nesting: there are few.
static json object_of(const TensorFile& file, const std::string& key) {
    constexpr int max_depth = 8;
    const std::string& text = file.metadata.at(key);
    const std::string rule = file.path + ": the " + key + " must be a JSON object: ";
    if (text.find('\0') != text.npos) throw Error(rule + "it has a zero byte");  // the parser would stop there
    try {
        json object = json::parse(text, [&](int depth, json::parse_event_t, const json&) {
            if (depth > max_depth) throw Error(rule + "it is nested too deep");
            return true;
        });
        if (!object.is_object()) throw Error(rule + text);
        return object;
    } catch (const json::exception& error) {
        throw Error(rule + error.what());
    }
}

static std::uint64_t step_of(const json& state, const TensorFile& file) {
    const json& step = state.at("step");
    for (const char* key : {"step", "adam_steps"})
        if (const json& value = state.at(key); !value.is_number_unsigned() || value != step || value > 1'000'000'000)
            throw Error(file.path + ": the state's step and adam_steps must be one whole number up to 1000000000: " +
                        key + " " + value.dump());
    return step;
}

std::uint64_t steps_of_checkpoint(const std::string& directory) {
    const TensorFile file = load(directory);
    try {
        return step_of(object_of(file, "state"), file);
    } catch (const json::exception& error) {
        throw Error(file.path + ": the state must be that of a checkpoint: " + error.what());
    }
}

RunIdentity load_identity(const std::string& directory) {
    const TensorFile file = load(directory);
    const auto& tokenizer = file.get<std::uint8_t>(tokenizer_tensor);
    RunIdentity identity{.options = object_of(file, "options").dump(),
                         .text_hashes = file.metadata.at("text_hashes"),
                         .tokenizer = std::string(tokenizer.begin(), tokenizer.end())};
    const auto hash = file.metadata.find("tokenizer_hash");  // older files have none
    if (hash != file.metadata.end() && hash->second != hash_text(identity.tokenizer))
        throw Error(file.path + ": tensor " + tokenizer_tensor + ": the tokenizer must be the one that the run was " +
                    "started with: its hash is " + hash_text(identity.tokenizer) + ", tokenizer_hash " + hash->second);
    return identity;
}

std::vector<Text> texts_of_run(std::span<const std::string> paths, Encoding encoding, const RunIdentity& stored,
                               const std::string& directory) {
    constexpr std::size_t digits = 17;  // of a hash and its space
    const std::string run = "the run in " + directory;
    const std::size_t count = stored.text_hashes.size() / digits;
    if (paths.size() != count)
        throw Error("--text: with --resume the texts must be as many as " + run +
                    " was started with: " + std::to_string(paths.size()) + ", " + std::to_string(count));
    std::vector<Text> texts;
    for (std::size_t i = 0; i < count; ++i) {
        if (!fs::exists(paths[i]))
            throw Error(paths[i] + ": with --resume the text of " + run +
                        " must be there (--text says where, if it was moved): No such file or directory");
        texts.push_back(read_text(paths[i], encoding));
        if (hash_text(texts[i].bytes) != stored.text_hashes.substr(i * digits, digits - 1))
            throw Error(
                paths[i] + ": with --resume the text must be as it was when " + run +
                " was started: it is another (--text says where that one is; --out begins a run with this one)");
    }
    return texts;
}

std::string hashes_of(std::span<const Text> texts) {
    std::string hashes;
    for (const Text& text : texts) hashes += hash_text(text.bytes) + " ";
    return hashes;
}

void check_checkpoint(const std::string& directory, const nn::Config& config) {
    nn::check_tensors(load(directory), config, "model.");
}

Progress load_checkpoint(const std::string& directory, const nn::Parameters<float>& parameters, nn::Adam<float>& adam) {
    TensorFile file = load(directory);
    const auto fill = [&](const std::string& name, Array<float>& array) {
        const Array<float>& stored = file.get<float>(name);
        if (stored.shape() != array.shape())
            throw Error(file.path + ": tensor " + name + ": the shape must be that of the run: expected " +
                        to_string(array.shape()) + ", found " + to_string(stored.shape()));
        const bool square = name.starts_with("adam.v.");
        for (float x : stored)
            if (!std::isfinite(x) || (square && x < 0))
                throw Error(file.path + ": tensor " + name + ": every number must be finite" +
                            (square ? " and 0 or more: " : ": ") + shortest(x));
        array = stored;
    };
    for (Parameter<float>* p : parameters) fill("model." + p->name(), p->mutable_value());
    for (std::size_t i = 0; i < adam.moments.size(); ++i) {
        fill("adam.m." + adam.parameters()[i]->name(), adam.moments[i].m);
        fill("adam.v." + adam.parameters()[i]->name(), adam.moments[i].v);
    }
    const std::size_t expected = parameters.size() + 2 * adam.moments.size() + 1;
    if (file.tensors.size() != expected)
        throw Error(file.path + ": no tensor may be there that the run does not have: expected " +
                    std::to_string(expected) + ", found " + std::to_string(file.tensors.size()));
    Progress progress;
    try {
        const json state = object_of(file, "state");
        progress.step = step_of(state, file);
        progress.seconds = state.at("seconds");
        for (auto& moments : adam.moments) moments.t = state.at("adam_steps");
        if (!(progress.seconds >= 0))
            throw Error(file.path + ": the state's seconds must be 0 or more: " + state.at("seconds").dump());
        if (const std::string pending = state.at("pending"); !pending.empty())
            progress.pending = StepMetrics::from_json(pending, file.path + ": the pending step");
        if (progress.pending && progress.pending->step != progress.step)
            throw Error(file.path + ": the pending step must be the state's step: pending " +
                        std::to_string(progress.pending->step) + ", step " + std::to_string(progress.step));
    } catch (const json::exception& error) {
        throw Error(file.path + ": the state must be that of a checkpoint: " + error.what());
    }
    return progress;
}

}  // namespace taper::examples
