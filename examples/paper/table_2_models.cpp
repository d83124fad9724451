#include "examples/paper/table_2_models.hpp"

#include <cmath>
#include <filesystem>

#include "core/io/file.hpp"
#include "examples/classifier/classifier_program.hpp"
#include "examples/common/model_options.hpp"
#include "examples/common/program.hpp"
#include "examples/common/progress.hpp"
#include "examples/language_model/checkpoint.hpp"

namespace taper::examples {

namespace fs = std::filesystem;

// ---- The settings ----

void Table2Options::declare_all(Options& options) {
    options.required_path("--text", text, "verses, a line each: build/bible.txt of run.sh");
    options.count("--length", length, 48, 8192, "n, characters");
    options.count("--width", width, 1, 65536, "d, a multiple of --heads");
    options.count("--heads", heads, 1, 65536, "attention heads");
    options.count("--layers", layers, 1, 1000, "encoder blocks");
    options.count("--batch", batch, 1, 1'000'000, "windows or documents in a step");
    options.count("--pretraining-steps", pretraining_steps, 1, 1'000'000'000,
                  "steps of the masked language models");
    options.count("--steps", steps, 1, 1'000'000'000, "steps of the fine-tuning");
    options.count("--train-examples", most_train, 100, 1'000'000, "of a task, at most");
    options.count("--test-examples", most_test, 50, 1'000'000, "of a task, at most");
    options.number("--pretraining-lr", pretraining_lr, positive_float(),
                   "largest learning rate of the pretraining");
    options.number("--lr", lr, positive_float(), "largest learning rate of the fine-tuning");
    declare(options, "half an hour");
}

void Table2Options::fit(const Options& options) {
    if (!quick) return;
    const std::map<std::string, std::pair<std::uint64_t*, std::uint64_t>> quick_values{
        {"--seeds", {&seeds, 1}},
        {"--width", {&width, 16}},
        {"--heads", {&heads, 2}},
        {"--layers", {&layers, 1}},
        {"--batch", {&batch, 8}},
        {"--pretraining-steps", {&pretraining_steps, 20}},
        {"--steps", {&steps, 20}},
        {"--train-examples", {&most_train, 300}},
        {"--test-examples", {&most_test, 100}}};
    for (const auto& [name, setting] : quick_values)
        if (!options.given(name)) *setting.first = setting.second;
}

void Table2Options::check_sizes(const Options& options) const {
    check_options({.vocab_size = 1,
                   .length = length,
                   .width = width,
                   .heads = heads,
                   .layers = layers,
                   .k = more_k()},
                  options);
}

// ---- The models ----

std::string Table2Model::name() const {
    const std::string form = k == 0 ? "full" : "k" + std::to_string(k) + "_" + sharing;
    return pretrained ? form : form + "_from_nothing";
}

std::string Table2Model::text() const {
    const std::string form = k == 0 ? "full attention" : "k " + std::to_string(k) + ", " + sharing;
    return pretrained ? form : form + ", from nothing";
}

Table2Model full_attention(bool pretrained) {
    return {.k = 0, .sharing = "", .pretrained = pretrained};
}

std::vector<Table2Model> table_2_models(const Table2Options& o) {
    std::vector<Table2Model> models{full_attention(), {.k = o.less_k()}};
    for (const char* sharing : {"headwise", "key-value", "layerwise"})
        models.push_back({.k = o.more_k(), .sharing = sharing});
    models.push_back(full_attention(false));
    models.push_back({.k = o.more_k(), .pretrained = false});
    models.push_back({.k = 1});
    return models;
}

// Those of train_mlm's command line, and of train_classifier's.
static std::vector<std::string> model_words(const Table2Options& o, const Table2Model& model) {
    std::vector<std::string> words{"--tokenizer", "char",
                                   "--length",    std::to_string(o.length),
                                   "--width",     std::to_string(o.width),
                                   "--heads",     std::to_string(o.heads),
                                   "--layers",    std::to_string(o.layers)};
    const std::vector<std::string> attention =
        model.k == 0
            ? std::vector<std::string>{"--attention", "full"}
            : std::vector<std::string>{"--k", std::to_string(model.k), "--sharing", model.sharing};
    words.insert(words.end(), attention.begin(), attention.end());
    return words;
}

static std::string data_path(const Table2Options& o, const std::string& file) {
    return o.out + (o.quick ? "/quick_data/" : "/data/") + file;
}

static TrainingPoint pretraining_point(const Table2Options& o, const Table2Model& model) {
    TrainingPoint point{.name = model.name(),
                        .words = model_words(o, model),
                        .text = {fs::absolute(data_path(o, "pretraining.txt")).string()}};
    const std::vector<std::string> more{"--batch", std::to_string(o.batch),
                                        "--steps", std::to_string(o.pretraining_steps),
                                        "--lr",    shortest(o.pretraining_lr)};
    point.words.insert(point.words.end(), more.begin(), more.end());
    return point;
}

// ---- The data ----

// A file that is as it is to be stays, so that its runs know it.
static void write_data(const std::string& path, const std::string& text) {
    if (fs::exists(path) && read_file(path) == text) return;
    write_file(path, text);
}

// The tasks are the same for all seeds.
constexpr std::uint64_t seed_of_tasks = 1;

static std::vector<std::string> write_tasks(const Table2Options& o) {
    fs::create_directories(data_path(o, ""));
    const std::vector<Verse> verses = verses_of(read_text(o.text, Encoding::utf8));
    write_data(data_path(o, "pretraining.txt"), pretraining_text(verses));
    const TaskSizes sizes{.train = o.most_train, .test = o.most_test, .characters = o.length};
    std::vector<std::string> names;
    for (const VerseTask& task : verse_tasks(verses, sizes, seed_of_tasks)) {
        write_data(data_path(o, task.name + "_train.tsv"), tsv_of(task.train));
        write_data(data_path(o, task.name + "_test.tsv"), tsv_of(task.test));
        names.push_back(task.name);
    }
    return names;
}

// ---- Training ----

namespace {

// A model on a task, with a seed.
struct FineTuning {
    const Table2Model& model;
    std::string task;
    std::uint64_t seed;
};

}  // namespace

static std::string directory_of(const Table2Options& o, const FineTuning& run) {
    return o.out + (o.quick ? "/quick_runs/" : "/runs/") + run.model.name() + "_" + run.task + "_" +
           std::to_string(run.seed);
}

static std::vector<std::string> fine_tuning_words(const Table2Options& o, const FineTuning& run,
                                                  const Runs& pretraining) {
    std::vector<std::string> words{"--train",   data_path(o, run.task + "_train.tsv"),
                                   "--test",    data_path(o, run.task + "_test.tsv"),
                                   "--out",     directory_of(o, run),
                                   "--batch",   std::to_string(o.batch),
                                   "--steps",   std::to_string(o.steps),
                                   "--lr",      shortest(o.lr),
                                   "--seed",    std::to_string(run.seed),
                                   "--threads", std::to_string(o.threads)};
    const std::vector<std::string> model =
        run.model.pretrained
            ? std::vector<std::string>{"--model", pretraining.directory(run.model.name(), run.seed)}
            : model_words(o, run.model);
    words.insert(words.end(), model.begin(), model.end());
    return words;
}

static int fine_tune(const Table2Options& o, const FineTuning& run, const Runs& pretraining,
                     const std::string& own_path) {
    std::vector<std::string> words = fine_tuning_words(o, run, pretraining);
    words.insert(words.begin(), fs::path(own_path).replace_filename("train_classifier").string());
    if (fs::exists(checkpoint_path(directory_of(o, run)))) words.push_back("--resume");
    const Quiet quiet;
    return classify_here(words, "table_2");
}

static Judgement judgement_of(const nlohmann::json& json) {
    return {.accuracy = json.at("accuracy"),
            .standard_error = json.at("standard_error"),
            .macro_f1 = json.at("macro_f1")};
}

// What train_classifier has written of a run.
static nlohmann::json results_of(const Table2Options& o, const FineTuning& run) {
    return nlohmann::json::parse(read_file(directory_of(o, run) + "/results.json"));
}

int train_table_2(const Table2Options& o, const std::string& own_path, Table2Results& results) {
    results.tasks = write_tasks(o);
    const std::vector<Table2Model> models = table_2_models(o);
    std::vector<TrainingPoint> points;
    for (const Table2Model& model : models)
        if (model.pretrained) points.push_back(pretraining_point(o, model));
    Runs pretraining(o, ModelKind::masked);
    say_line("pretraining " + std::to_string(o.seeds * points.size()) + " models");
    if (const int status = pretraining.train(points); status != 0) return status;

    say_line("fine-tuning " + std::to_string(o.seeds * models.size()) + " models on " +
             std::to_string(results.tasks.size()) + " tasks");
    WorkProgress progress(o.seeds * models.size() * results.tasks.size());
    for (std::uint64_t seed = o.seed; seed < o.seed + o.seeds; ++seed)
        for (const Table2Model& model : models)
            for (const std::string& task : results.tasks) {
                const FineTuning run{model, task, seed};
                if (const int status = fine_tune(o, run, pretraining, own_path); status != 0) {
                    progress.leave();
                    say_line("stopped: the same command goes on");
                    return status;
                }
                const nlohmann::json json = results_of(o, run);
                results.of[model.name()][task].push_back(judgement_of(json));
                results.baselines[task] = {
                    .naive_bayes = judgement_of(json.at("naive_bayes")),
                    .most_frequent = json.at("most_frequent").at("accuracy")};
                progress.done();
            }
    progress.leave();
    return 0;
}

// ---- The results ----

const std::vector<Judgement>& Table2Results::judgements(const Table2Model& model,
                                                        const std::string& task) const {
    return of.at(model.name()).at(task);
}

std::vector<double> Table2Results::averages(const Table2Model& model) const {
    const std::size_t seeds = judgements(model, tasks[0]).size();
    std::vector<double> averages(seeds, 0);
    for (const std::string& task : tasks)
        for (std::size_t seed = 0; seed < seeds; ++seed)
            averages[seed] += judgements(model, task)[seed].accuracy;
    for (double& average : averages) average /= static_cast<double>(tasks.size());
    return averages;
}

double Table2Results::standard_error(const Table2Model& model) const {
    double squares = 0;
    for (const std::string& task : tasks) {
        const double error = judgements(model, task)[0].standard_error;
        squares += error * error;
    }
    return std::sqrt(squares) / static_cast<double>(tasks.size());
}

double Table2Results::naive_bayes_average() const {
    double sum = 0;
    for (const auto& [task, of_task] : baselines) sum += of_task.naive_bayes.accuracy;
    return sum / static_cast<double>(baselines.size());
}

}  // namespace taper::examples
