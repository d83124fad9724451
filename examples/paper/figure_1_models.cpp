#include "examples/paper/figure_1_models.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <span>

#include "core/ops.hpp"
#include "examples/common/program.hpp"
#include "examples/common/progress.hpp"
#include "examples/language_model/attention_maps.hpp"
#include "examples/language_model/batches.hpp"
#include "examples/language_model/loading.hpp"
#include "examples/language_model/masked_task.hpp"
#include "examples/language_model/training_options.hpp"
#include "examples/paper/attention_file.hpp"
#include "examples/paper/held_out.hpp"
#include "examples/paper/runs.hpp"

namespace taper::examples {

void Figure1Options::declare_all(Options& options) {
    options.path("--model", model,
                 "a directory that train_mlm --attention full wrote; else a model is trained");
    options.path("--attention", attention,
                 "instead of a model: a safetensors file with P (texts, L, h, n, n) of one and d_h "
                 "(L), as pretrained.py writes");
    options.files("--text", text, "the model's text, whose last tenth is looked at; repeatable");
    options.count("--windows", windows, 1, 100'000,
                  "held-out windows, or texts of --attention, to look at, at most");
    options.word("--tokenizer", tokenizer, {"char", "byte", "bpe"}, "of the model to train");
    options.count("--length", length, 8, 8192, "n of the model to train");
    options.count("--width", width, 1, 65536, "d of the model to train, a multiple of --heads");
    options.count("--heads", heads, 1, 65536, "h of the model to train");
    options.count("--layers", layers, 2, 1000, "L of the model to train");
    options.count("--batch", batch, 1, 1'000'000, "windows in a step of the training");
    options.count("--steps", steps, 1, 1'000'000'000, "steps of the training");
    options.number("--lr", lr, positive_float(), "largest learning rate of the training");
    declare(options, "some five minutes a seed");
}

void Figure1Options::fit(const Options& options) {
    if (attention.empty() && text.empty())
        throw Error("--text: at least one file must be given, also with --model: none");
    if (!trains()) {
        std::vector<std::string> names{"--seeds",  "--tokenizer", "--length", "--width", "--heads",
                                       "--layers", "--batch",     "--steps",  "--lr"};
        if (!attention.empty()) names.insert(names.end(), {"--model", "--text"});
        const std::string idle =
            options.without_effect(names, attention.empty() ? "--model" : "--attention");
        if (!idle.empty()) note(idle);
        seeds = 1;
    }
    if (!quick) return;
    const std::map<std::string, std::pair<std::uint64_t*, std::uint64_t>> quick_values{
        {"--windows", {&windows, 10}},
        {"--width", {&width, 32}},
        {"--layers", {&layers, 2}},
        {"--batch", {&batch, 16}},
        {"--steps", {&steps, 60}}};
    for (const auto& [name, setting] : quick_values)
        if (!options.given(name)) *setting.first = setting.second;
}

static Error no_window(std::size_t length) {
    return Error("--text: the last tenth of a text must hold a window of the model's length: " +
                 std::to_string(length));
}

void Figure1Options::check_sizes(const Options& options) const {
    if (trains() && width % heads != 0)
        throw Error(options.blamed({"--heads", "--width"}) +
                    ": the width must be a multiple of the heads: width " + std::to_string(width) +
                    ", heads " + std::to_string(heads));
    const auto may_hold_a_window = [&](const std::string& path) {
        const Text read = read_text(path, encoding_of(tokenizer_kind_from(tokenizer)));
        return read.bytes.size() / 10 >= length;  // a token has one byte or more
    };
    if (trains() && std::none_of(text.begin(), text.end(), may_hold_a_window))
        throw no_window(length);
}

// ---- Training ----

static const std::string trained_name = "model";

static TrainingPoint training_point(const Figure1Options& o) {
    TrainingPoint point{.name = trained_name,
                        .words = {"--attention", "full", "--tokenizer", o.tokenizer, "--length",
                                  std::to_string(o.length), "--width", std::to_string(o.width),
                                  "--heads", std::to_string(o.heads), "--layers",
                                  std::to_string(o.layers), "--batch", std::to_string(o.batch),
                                  "--steps", std::to_string(o.steps), "--lr", shortest(o.lr)},
                        .text = {}};
    for (const std::string& path : o.text)
        point.text.push_back(std::filesystem::absolute(path).string());
    return point;
}

int train_figure_models(const Figure1Options& o) {
    return Runs(o, ModelKind::masked).train({training_point(o)});
}

static std::string model_directory(const Figure1Options& o, std::uint64_t seed) {
    return o.trains() ? Runs(o, ModelKind::masked).directory(trained_name, seed) : o.model;
}

// ---- The measurement ----

static double loss_of(const LoadedModel& loaded, const Corpus& corpus) {
    TrainingOptions batches;
    batches.length = loaded.model.config.length;
    const MaskedTask task(*loaded.tokenizer, corpus);
    double sum = 0;
    std::size_t targets = 0;
    for (const Batch& batch : validation_batches(batches, corpus, task)) {
        const auto ignored =
            std::count(batch.targets.begin(), batch.targets.end(), std::int64_t{ignore_index});
        const std::size_t counted = batch.targets.size() - static_cast<std::size_t>(ignored);
        const double loss = cross_entropy(loaded.model(batch.tokens), batch.targets).item();
        sum += loss * static_cast<double>(counted);
        targets += counted;
    }
    return sum / static_cast<double>(targets);
}

// The entropy of the tokens, in nats.
static double entropy_of(const std::vector<std::span<const std::int32_t>>& windows) {
    std::map<std::int32_t, double> counts;
    double total = 0;
    for (const auto window : windows)
        for (const std::int32_t token : window) {
            counts[token] += 1;
            total += 1;
        }
    double entropy = 0;
    for (const auto& [token, count] : counts) entropy -= count / total * std::log(count / total);
    return entropy;
}

static Corpus corpus_of(const Figure1Options& o, const LoadedModel& loaded) {
    std::vector<Text> texts;
    for (const std::string& path : o.text)
        texts.push_back(read_text(path, encoding_of(loaded.tokenizer->kind())));
    return {*loaded.tokenizer, std::move(texts), loaded.model.config.length};
}

static void check_figure_model(const nn::Config& config, const std::string& directory) {
    const std::string subject = "--model: " + directory + "/config.json: ";
    if (config.attention != nn::AttentionKind::full)
        throw Error(subject + "attention: the value must be full: linformer");
    if (config.layers < 2)
        throw Error(subject + "layers: the value must be 2 or more, as layers are compared: 1");
    if (config.length < 8)
        throw Error(subject +
                    "length: the value must be 8 or more: " + std::to_string(config.length));
}

static HeadMatrices head_matrices(const nn::Linformer<float>& model, const Ids& tokens) {
    HeadMatrices matrices;
    for (std::vector<HeadMaps>& layer : attention_maps(model, tokens)) {
        std::vector<Array<double>>& heads = matrices.emplace_back();
        for (HeadMaps& maps : layer) heads.push_back(std::move(maps.P));
    }
    return matrices;
}

struct TextMatrices {
    HeadMatrices trained, untrained;
};

// False: stopped by a signal.
static bool measure_texts(ModelFigures& figures, std::size_t texts,
                          const std::function<TextMatrices(std::size_t)>& matrices_of,
                          std::uint64_t seed) {
    WorkProgress progress(texts);
    for (std::size_t text = 0; text < texts; ++text) {
        if (stop_status() != 0) return false;
        const TextMatrices matrices = matrices_of(text);
        add_spectra(figures.spectra, matrices.trained, matrices.untrained, figures.d_h, seed);
        progress.done();
    }
    progress.leave();
    return true;
}

std::optional<ModelFigures> measure_model(const Figure1Options& o, std::uint64_t seed) {
    const std::string directory = model_directory(o, seed);
    const LoadedModel loaded = load(directory, ModelKind::masked);
    check_figure_model(loaded.model.config, directory);
    const Corpus corpus = corpus_of(o, loaded);
    const auto all_windows = corpus.validation_windows(corpus.validation_tokens());
    if (all_windows.empty()) throw no_window(loaded.model.config.length);
    nn::Config config = loaded.model.config;
    ModelFigures figures{.spectra = {}, .length = config.length};
    figures.d_h.assign(config.layers, config.width / config.heads);
    figures.held_out = {.loss = finite_or_error(directory, [&] { return loss_of(loaded, corpus); }),
                        .entropy = entropy_of(all_windows)};

    config.seed = seed;
    const nn::Linformer<float> untrained(config);
    const auto windows = corpus.validation_windows(o.windows);
    const auto matrices_of = [&](std::size_t text) {
        Ids tokens = empty<std::int64_t>({1, windows[text].size()});
        std::copy(windows[text].begin(), windows[text].end(), tokens.begin());
        return TextMatrices{.trained = head_matrices(loaded.model, tokens),
                            .untrained = head_matrices(untrained, tokens)};
    };
    if (!measure_texts(figures, windows.size(), matrices_of, seed)) return std::nullopt;
    return figures;
}

std::optional<ModelFigures> measure_attention(const Figure1Options& o) {
    const AttentionFile file = load_attention(o.attention);
    ModelFigures figures{.spectra = {}, .length = file.P.shape(3), .d_h = file.d_h};
    const auto texts = std::min<std::size_t>(file.texts(), o.windows);
    const auto matrices_of = [&](std::size_t text) {
        return TextMatrices{.trained = file.text(text), .untrained = {}};
    };
    if (!measure_texts(figures, texts, matrices_of, o.seed)) return std::nullopt;
    return figures;
}

bool learned_model(const ModelFigures& figures) {
    const std::optional<HeldOutFigures>& held_out = figures.held_out;
    return !held_out || has_learned(held_out->loss, held_out->entropy);
}

Rest mean_rest(const Models& models, SpectrumTable ModelSpectra::*table) {
    return {.own = model_mean(models,
                              [&](const ModelFigures& f) { return rest_of(f.spectra.*table).own; }),
            .shuffled = model_mean(
                models, [&](const ModelFigures& f) { return rest_of(f.spectra.*table).shuffled; })};
}

}  // namespace taper::examples
