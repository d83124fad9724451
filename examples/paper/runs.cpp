#include "examples/paper/runs.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.hpp"
#include "examples/common/options.hpp"
#include "examples/common/program.hpp"
#include "examples/language_model/causal_task.hpp"
#include "examples/language_model/checkpoint.hpp"
#include "examples/language_model/masked_task.hpp"
#include "examples/language_model/run_log.hpp"
#include "examples/language_model/train_program.hpp"
#include "examples/language_model/training_options.hpp"

namespace taper::examples {

namespace {

namespace fs = std::filesystem;

// The options of a command line as a run stores them.
struct Asked {
    LanguageModelOptions chosen;
    nlohmann::json stored;
};

Asked asked_for(std::vector<std::string> words, bool causal) {
    Asked asked;
    Options options("train", "");
    asked.chosen.declare(options, causal);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    if (!options.parse(static_cast<int>(argv.size()), argv.data()))
        throw std::logic_error("runs: --help is no training");
    asked.chosen.fit_default_k(options);
    check_options(asked.chosen.model_config(1, causal), options);
    asked.stored = options.stored(LanguageModelOptions::stored(causal));
    return asked;
}

// Error: the options of a run there are not those that are asked for. What changes no result, or is
// known by its hash, may differ.
void check_same_options(const nlohmann::json& there, const nlohmann::json& asked, bool causal,
                        const std::string& directory) {
    for (const std::string& name : LanguageModelOptions::stored(causal)) {
        if (name == "--text" || name == "--save-every" || name == "--threads") continue;
        const nlohmann::json before = there.value(name, nlohmann::json());
        const nlohmann::json now = asked.value(name, nlohmann::json());
        if (before == now) continue;
        throw Error("--out: the run in " + directory + " must be of the same options: " + name +
                    " was " + before.dump() + ", is " + now.dump());
    }
}

MakeTask task_of(ModelKind kind) {
    if (kind == ModelKind::causal)
        return [](const Tokenizer& tokenizer, const Corpus&) {
            return std::make_unique<CausalTask>(tokenizer);
        };
    return [](const Tokenizer& tokenizer, const Corpus& corpus) {
        return std::make_unique<MaskedTask>(tokenizer, corpus);
    };
}

// The last step and its validation are recorded, and the model is that of the last checkpoint: a
// kill may have fallen between the two.
bool is_complete(const std::string& directory, std::uint64_t steps) {
    const std::string model = directory + "/model.safetensors";
    if (!fs::exists(model) || !fs::exists(directory + "/config.json")) return false;
    if (fs::last_write_time(model) < fs::last_write_time(checkpoint_path(directory))) return false;
    const std::vector<StepMetrics> recorded = recorded_steps(directory);
    return !recorded.empty() && recorded.back().step == steps && recorded.back().val_loss;
}

}  // namespace

std::string Runs::directory(const std::string& point, std::uint64_t seed) const {
    return options_.out + (options_.quick ? "/quick_runs/" : "/runs/") + point + "_" +
           std::to_string(seed);
}

std::vector<std::string> Runs::words_of(const Run& run) const {
    // The first is the program's path, which names none here.
    std::vector<std::string> words{"train"};
    words.insert(words.end(), run.point.words.begin(), run.point.words.end());
    for (const std::string& path : run.point.text) {
        words.push_back("--text");
        words.push_back(path);
    }
    const std::vector<std::string> own{"--out",     run.directory,
                                       "--seed",    std::to_string(run.seed),
                                       "--threads", std::to_string(options_.threads)};
    words.insert(words.end(), own.begin(), own.end());
    return words;
}

const std::string& Runs::text_hashes(const std::vector<std::string>& paths, Encoding encoding) {
    const auto known = text_hashes_.find(paths);
    if (known != text_hashes_.end()) return known->second;
    std::vector<Text> texts;
    for (const std::string& path : paths) texts.push_back(read_text(path, encoding));
    return text_hashes_[paths] = hashes_of(texts);
}

// 0: it is done.
std::uint64_t Runs::steps_left(const Run& run) {
    const bool causal = kind_ == ModelKind::causal;
    const Asked asked = asked_for(words_of(run), causal);
    const std::uint64_t steps = asked.chosen.steps;
    if (!fs::exists(checkpoint_path(run.directory))) return steps;
    const Checkpoint checkpoint(run.directory);
    const RunIdentity identity = checkpoint.identity();
    check_same_options(nlohmann::json::parse(identity.options), asked.stored, causal,
                       run.directory);
    const Encoding encoding = encoding_of(tokenizer_kind_from(asked.chosen.tokenizer));
    if (identity.text_hashes != text_hashes(run.point.text, encoding))
        throw Error("--out: the run in " + run.directory +
                    " must be of the same text: it was of another");
    const bool done = checkpoint.steps() >= steps && is_complete(run.directory, steps);
    return done ? 0 : std::max<std::uint64_t>(1, steps - checkpoint.steps());
}

int Runs::train_one(const Run& run, WorkProgress& progress, const AfterStep& after_step) const {
    std::vector<std::string> words = words_of(run);
    if (fs::exists(checkpoint_path(run.directory))) words.push_back("--resume");
    std::optional<Quiet> quiet(std::in_place);
    const auto show_progress = [&](std::uint64_t step, const nn::Linformer<float>& model) {
        if (after_step) after_step(run.directory, step, model);
        quiet.reset();
        progress.done();
        quiet.emplace();
    };
    return train_here(words, "train", "", kind_, task_of(kind_), show_progress);
}

int Runs::train(const std::vector<TrainingPoint>& points, const AfterStep& after_step) {
    std::vector<Run> left;
    std::uint64_t steps = 0;
    const std::uint64_t end = options_.seed + options_.seeds;
    for (std::uint64_t seed = options_.seed; seed < end; ++seed)
        for (const TrainingPoint& point : points) {
            const Run run{point, seed, directory(point.name, seed)};
            const std::uint64_t of_run = steps_left(run);
            if (of_run > 0) left.push_back(run);
            steps += of_run;
        }
    const std::uint64_t all = points.size() * options_.seeds;
    if (left.size() < all)
        say_line(std::to_string(all - left.size()) + " of " + std::to_string(all) +
                 " models are there already");
    WorkProgress progress(steps);
    for (const Run& run : left) {
        const int status = train_one(run, progress, after_step);
        if (status != 0) {
            progress.leave();
            say_line("stopped: the same command goes on");
            return status;
        }
    }
    progress.leave();
    return 0;
}

TrainedRun Runs::result(const std::string& point, std::uint64_t seed) const {
    TrainedRun run{.directory = directory(point, seed), .seconds = 0, .validations = {}};
    for (const StepMetrics& metrics : recorded_steps(run.directory)) {
        run.seconds = metrics.seconds;
        if (metrics.val_loss) run.validations.push_back(metrics);
    }
    return run;
}

}  // namespace taper::examples
