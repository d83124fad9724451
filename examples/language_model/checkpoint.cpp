#include "examples/language_model/checkpoint.hpp"

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/safetensors.hpp"

namespace taper::examples {

namespace fs = std::filesystem;
using nlohmann::json;

static std::string checkpoint_path(const std::string& directory) { return directory + "/checkpoint.safetensors"; }
constexpr const char* format = "taper-checkpoint/1";

void require_new_run(const std::string& directory) {
    std::error_code ignored;
    if (!fs::exists(directory, ignored)) return;
    if (!fs::is_directory(directory, ignored))
        throw Error("--out: the path must be a directory, or nothing yet: " + directory);
    if (fs::exists(checkpoint_path(directory)))
        throw Error("--out: the directory holds a run already (--resume goes on with it): " + directory);
    if (!fs::is_empty(directory)) throw Error("--out: the directory must be new or empty: " + directory);
}

void require_run(const std::string& directory) {
    std::error_code ignored;
    if (!fs::is_directory(directory, ignored))
        throw Error("--resume: --out must be the directory of a run: there is none: " + directory);
    if (!fs::exists(checkpoint_path(directory)))
        throw Error("--resume: --out must be the directory of a run: checkpoint.safetensors is missing: " + directory);
}

void save_checkpoint(const std::string& directory, const nn::Parameters<float>& parameters, const nn::Adam<float>& adam,
                     const Progress& progress, const RunIdentity& identity) {
    TensorFile file{.path = checkpoint_path(directory)};
    for (const Parameter<float>* p : parameters) file.tensors.emplace_back("model." + p->name(), p->value());
    for (std::size_t i = 0; i < adam.moments.size(); ++i) {
        file.tensors.emplace_back("adam.m." + adam.parameters()[i]->name(), adam.moments[i].m);
        file.tensors.emplace_back("adam.v." + adam.parameters()[i]->name(), adam.moments[i].v);
    }
    const json state{{"step", progress.step},
                     {"seconds", progress.seconds},
                     {"pending", progress.pending ? progress.pending->json() : ""},
                     {"adam_steps", adam.steps}};
    file.metadata = {{"format", format},
                     {"state", state.dump()},
                     {"options", identity.options},
                     {"text_hashes", identity.text_hashes},
                     {"tokenizer_hash", identity.tokenizer_hash}};
    save_safetensors(file.path, file);
}

static TensorFile load(const std::string& directory) {
    TensorFile file = load_safetensors(checkpoint_path(directory));
    for (const char* key : {"format", "state", "options", "text_hashes", "tokenizer_hash"})
        if (!file.metadata.contains(key))
            throw Error(file.path + ": the file must be a checkpoint: its metadata lack " + key);
    if (file.metadata["format"] != format)
        throw Error(file.path + ": the format must be " + format + ": " + file.metadata["format"]);
    return file;
}

RunIdentity load_identity(const std::string& directory) {
    TensorFile file = load(directory);
    if (!json::parse(file.metadata["options"], nullptr, false).is_object())
        throw Error(file.path + ": the options must be a JSON object: " + file.metadata["options"]);
    return {.options = file.metadata["options"],
            .text_hashes = file.metadata["text_hashes"],
            .tokenizer_hash = file.metadata["tokenizer_hash"]};
}

Progress load_checkpoint(const std::string& directory, const nn::Parameters<float>& parameters, nn::Adam<float>& adam) {
    TensorFile file = load(directory);
    const auto fill = [&](const std::string& name, Array<float>& array) {
        const Array<float>& stored = file.get<float>(name);
        if (stored.shape() != array.shape())
            throw Error(file.path + ": tensor " + name + ": the shape must be that of the run: expected " +
                        to_string(array.shape()) + ", found " + to_string(stored.shape()));
        for (float x : stored)
            if (!std::isfinite(x))
                throw Error(file.path + ": tensor " + name + ": every number must be finite: " + std::to_string(x));
        array = stored;
    };
    for (Parameter<float>* p : parameters) fill("model." + p->name(), p->mutable_value());
    for (std::size_t i = 0; i < adam.moments.size(); ++i) {
        fill("adam.m." + adam.parameters()[i]->name(), adam.moments[i].m);
        fill("adam.v." + adam.parameters()[i]->name(), adam.moments[i].v);
    }
    const std::size_t expected = parameters.size() + 2 * adam.moments.size();
    if (file.tensors.size() != expected)
        throw Error(file.path + ": no tensor may be there that the run does not have: expected " +
                    std::to_string(expected) + ", found " + std::to_string(file.tensors.size()));
    Progress progress;
    try {
        const json state = json::parse(file.metadata["state"]);
        progress.step = state.at("step");
        progress.seconds = state.at("seconds");
        adam.steps = state.at("adam_steps");
        if (const std::string pending = state.at("pending"); !pending.empty())
            progress.pending = StepMetrics::from_json(pending);
    } catch (const json::exception& error) {
        throw Error(file.path + ": the state must be that of a checkpoint: " + error.what());
    }
    return progress;
}

}  // namespace taper::examples
