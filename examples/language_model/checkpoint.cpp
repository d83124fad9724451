#include "examples/language_model/checkpoint.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <system_error>

#include "core/file.hpp"
#include "core/safetensors.hpp"
#include "examples/common/output.hpp"
#include "examples/common/text.hpp"
#include "nn/model_directory.hpp"

namespace taper::examples {

namespace fs = std::filesystem;
using nlohmann::json;

static std::string checkpoint_path(const std::string& directory) { return directory + "/checkpoint.safetensors"; }
constexpr const char* format = "taper-checkpoint/1";
constexpr const char* tokenizer_tensor = "tokenizer.json";

void require_new_run(const std::string& directory) {
    check_output_directory("--out", directory);
    if (!fs::exists(directory)) return;
    if (fs::exists(checkpoint_path(directory)))
        throw Error("--out: the directory holds a run already (--resume goes on with it): " + directory);
    // A program that was killed may have left a part of the first file of a run.
    const auto files = std::distance(fs::directory_iterator(directory), fs::directory_iterator());
    if (files != std::ssize(leftovers_of(checkpoint_path(directory))))
        throw Error("--out: the directory must be new or empty: " + directory);
}

// From now on the directory is ours, until the program ends.
static void claim(const std::string& directory) {
    const int descriptor = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        throw Error("--out: only one program at a time may write a run: another one is writing " + directory);
    for (const char* file : run_files)
        for (const std::string& leftover : leftovers_of(directory + "/" + file)) fs::remove(leftover);
}

void begin_run(const std::string& directory) {
    std::error_code error;
    fs::create_directories(directory, error);
    if (error == std::errc::no_space_on_device || error == std::errc::io_error)
        throw std::system_error(error, directory + ": the directory cannot be made");
    if (error) throw Error("--out: the directory must be writable: " + directory + ": " + error.message());
    claim(directory);
    require_new_run(directory);
}

void reopen_run(const std::string& directory) {
    check_output_directory("--out", directory);
    if (!fs::exists(directory))
        throw Error("--resume: --out must be the directory of a run: there is none: " + directory);
    if (!fs::exists(checkpoint_path(directory)))
        throw Error("--resume: --out must be the directory of a run: checkpoint.safetensors is missing: " + directory);
    claim(directory);
}

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
        const json& step = state.at("step");
        for (const char* key : {"step", "adam_steps"})
            if (const json& value = state.at(key);
                !value.is_number_unsigned() || value != step || value > 1'000'000'000)
                throw Error(file.path +
                            ": the state's step and adam_steps must be one whole number up to 1000000000: " + key +
                            " " + value.dump());
        progress.step = step;
        progress.seconds = state.at("seconds");
        for (auto& moments : adam.moments) moments.t = state.at("adam_steps");
        if (!(progress.seconds >= 0))
            throw Error(file.path + ": the state's seconds must be 0 or more: " + state.at("seconds").dump());
        if (const std::string pending = state.at("pending"); !pending.empty())
            progress.pending = StepMetrics::from_json(pending, file.path + ": the pending step");
    } catch (const json::exception& error) {
        throw Error(file.path + ": the state must be that of a checkpoint: " + error.what());
    }
    return progress;
}

}  // namespace taper::examples
