#include "examples/paper/figure_3_models.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/io/file.hpp"
#include "core/io/json.hpp"
#include "examples/common/program.hpp"
#include "examples/common/stepping.hpp"
#include "examples/language_model/loading.hpp"
#include "examples/paper/figure_3_verdicts.hpp"
#include "examples/paper/held_out.hpp"

namespace taper::examples {

// ---- The settings ----

void Figure3Options::declare_all(Options& options) {
    options.files("--text", text, "to learn from; its held-out part is looked at; repeatable");
    options.word("--tokenizer", tokenizer, {"char", "byte"}, "what a token is");
    options.counts("--lengths", lengths, 8, 8192,
                   "n of (d), multiples of 8, each of which divides the next; the last two are "
                   "those of (a) and (b)");
    options.count("--width", width, 1, 65536, "d, a multiple of --heads");
    options.count("--heads", heads, 1, 65536, "h");
    options.count("--layers", layers, 1, 1000, "L");
    options.count("--tokens", tokens, 8, 1 << 24, "in a step, a multiple of the last of --lengths");
    options.count("--steps", steps, 10, 1'000'000'000, "of each training");
    options.number("--lr", lr, positive_float(), "largest learning rate");
    declare(options, "half an hour");
}

void Figure3Options::fit(const Options& options) {
    if (text.empty()) throw Error("--text: at least one file must be given: none");
    if (!quick) return;
    const std::map<std::string, std::pair<std::uint64_t*, std::uint64_t>> quick_values{
        {"--width", {&width, 32}},
        {"--layers", {&layers, 1}},
        {"--tokens", {&tokens, 512}},
        {"--steps", {&steps, 400}},
        {"--seeds", {&seeds, 1}}};
    for (const auto& [name, setting] : quick_values)
        if (!options.given(name)) *setting.first = setting.second;
    if (!options.given("--lengths")) lengths = {8, 16};
    if (!options.given("--lr")) lr = 1e-2;
    held_out = 8192;
}

void Figure3Options::check_sizes(const Options& options) const {
    check_growing("--lengths", lengths);
    for (std::size_t i = 0; i < lengths.size(); ++i) {
        const std::uint64_t divisor = i == 0 ? 8 : lengths[i - 1];
        if (lengths[i] % divisor != 0)
            throw Error("--lengths: each must be a multiple of the one before, the first of 8: " +
                        std::to_string(lengths[i]) + ", " + std::to_string(divisor));
    }
    if (tokens % lengths.back() != 0)
        throw Error(options.blamed({"--tokens", "--lengths"}) +
                    ": the tokens of a step must be a multiple of the longest n: " +
                    std::to_string(tokens) + ", " + std::to_string(lengths.back()));
    if (width % heads != 0)
        throw Error(options.blamed({"--heads", "--width"}) +
                    ": the width must be a multiple of the heads: width " + std::to_string(width) +
                    ", heads " + std::to_string(heads));
}

std::vector<std::uint64_t> Figure3Options::ks(std::uint64_t n) const {
    std::vector<std::uint64_t> all{n / 8, n / 4, n / 2};
    if (all.front() > 1) all.insert(all.begin(), 1);
    return all;
}

// ---- The points ----

std::string Figure3Model::name() const {
    std::string name = shuffled ? "shuffled_n" : "n";
    name += std::to_string(n) + (k == 0 ? "_full" : "_k" + std::to_string(k));
    if (sharing != "headwise") name += "_" + sharing;
    if (projection != "linear") name += "_" + projection;
    if (steps) name += "_same_time";
    return name;
}

SameTime same_time(const Figure3Options& o, const StepTimes& times, std::uint64_t n,
                   std::uint64_t k) {
    SameTime pair{.full = {.n = n}, .linformer = {.n = n, .k = k}};
    const double full = times.at(pair.full.name());
    const double linformer = times.at(pair.linformer.name());
    const double ratio = std::min(full, linformer) / std::max(full, linformer);
    const double steps = std::max(1.0, std::round(static_cast<double>(o.steps) * ratio));
    Figure3Model& slower = full > linformer ? pair.full : pair.linformer;
    slower.steps = static_cast<std::uint64_t>(steps);
    return pair;
}

// Of (a) and (b), at one n: full attention, then each k.
static std::vector<Figure3Model> models_of(const Figure3Options& o, std::uint64_t n) {
    std::vector<Figure3Model> models{{.n = n}};
    for (const std::uint64_t k : o.ks(n)) models.push_back({.n = n, .k = k});
    return models;
}

std::vector<Figure3Model> figure_3_models(const Figure3Options& o, const StepTimes& times) {
    std::vector<Figure3Model> all;
    for (const std::uint64_t n : {o.length_a(), o.length_b()}) {
        for (const Figure3Model& model : models_of(o, n)) all.push_back(model);
        const SameTime pair = same_time(o, times, n, n / 4);
        all.push_back(pair.full.steps ? pair.full : pair.linformer);
    }
    const std::uint64_t n = o.length_b();
    for (const char* sharing : {"none", "key-value", "layerwise"})
        all.push_back({.n = n, .k = n / 2, .sharing = sharing});
    all.push_back({.n = n, .k = n / 2, .projection = "random"});
    for (const std::uint64_t length : o.lengths)
        for (const std::uint64_t k : {o.fixed_k(), length / 2})
            all.push_back({.n = length, .k = k});
    for (Figure3Model model : models_of(o, o.length_a())) {
        model.shuffled = true;
        all.push_back(model);
    }
    for (const std::uint64_t length : o.lengths)
        all.push_back({.n = length, .k = o.fixed_k(), .shuffled = true});
    // Of (d) a model may be one of (a) or (b) already.
    std::vector<Figure3Model> distinct;
    for (const Figure3Model& model : all) {
        const auto has_its_name = [&](const Figure3Model& other) {
            return other.name() == model.name();
        };
        if (std::none_of(distinct.begin(), distinct.end(), has_its_name)) distinct.push_back(model);
    }
    return distinct;
}

// ---- The times ----

static nn::Config timed_config(const Figure3Options& o, const Figure3Model& model) {
    return {.vocab_size = 96,
            .length = model.n,
            .width = o.width,
            .heads = o.heads,
            .layers = o.layers,
            .ffn_width = 4 * o.width,
            .attention = model.k == 0 ? nn::AttentionKind::full : nn::AttentionKind::linformer,
            .k = std::max<std::uint64_t>(model.k, 1)};
}

static nlohmann::ordered_json time_settings(const Figure3Options& o) {
    return {{"lengths", o.lengths}, {"width", o.width},   {"heads", o.heads},
            {"layers", o.layers},   {"tokens", o.tokens}, {"steps", o.steps}};
}

StepTimes step_times(const Figure3Options& o) {
    const std::string path = o.out + (o.quick ? "/quick_step_times.json" : "/step_times.json");
    if (std::filesystem::exists(path)) {
        const nlohmann::json there = parse_object(read_file(path), path);
        if (there.value("settings", nlohmann::json()) == time_settings(o))
            return there.at("seconds").get<StepTimes>();
    }
    std::vector<Figure3Model> models;
    for (const std::uint64_t n : {o.length_a(), o.length_b()})
        for (const Figure3Model& model : models_of(o, n)) models.push_back(model);
    std::vector<TimedModel> timed;
    for (const Figure3Model& model : models)
        timed.push_back({timed_config(o, model), o.tokens / model.n});
    const std::vector<double> seconds = step_seconds(timed, o.quick ? 10 : 100);
    StepTimes times;
    for (std::size_t i = 0; i < models.size(); ++i) times[models[i].name()] = seconds[i];
    const nlohmann::ordered_json json{{"settings", time_settings(o)}, {"seconds", times}};
    write_file(path, json.dump(1) + "\n");
    return times;
}

// ---- Training ----

static std::string shuffled_path(const Figure3Options& o) {
    return o.out + (o.quick ? "/quick_shuffled.txt" : "/shuffled.txt");
}

// The tokens of all texts in random order: nothing can be learned but how frequent they are.
static void write_shuffled_text(const Figure3Options& o) {
    std::vector<std::string> tokens;
    for (const std::string& path : o.text) {
        const Text text = read_text(path, encoding_of(tokenizer_kind_from(o.tokenizer)));
        if (o.tokenizer == "byte")
            for (const char byte : text.bytes) tokens.emplace_back(1, byte);
        else
            for (const CodePoint& c : CodePoints(text.bytes)) tokens.emplace_back(c.bytes);
    }
    const Random random(0, "shuffled");
    std::string shuffled;
    for (std::size_t left = tokens.size(); left > 0; --left) {
        std::swap(tokens[left - 1], tokens[random.below(left, left)]);
        shuffled += tokens[left - 1];
    }
    write_file(shuffled_path(o), shuffled);
}

static std::vector<std::string> text_of(const Figure3Options& o, const Figure3Model& model) {
    if (!model.shuffled) return o.text;
    return {std::filesystem::absolute(shuffled_path(o)).string()};
}

static TrainingPoint point_of(const Figure3Options& o, const Figure3Model& model) {
    const std::uint64_t steps = model.steps.value_or(o.steps);
    const std::map<std::string, std::string> values{
        {"--tokenizer", o.tokenizer},
        {"--length", std::to_string(model.n)},
        {"--width", std::to_string(o.width)},
        {"--heads", std::to_string(o.heads)},
        {"--layers", std::to_string(o.layers)},
        {"--batch", std::to_string(o.tokens / model.n)},
        {"--steps", std::to_string(steps)},
        {"--warmup", std::to_string(std::min<std::uint64_t>(50, o.steps / 10))},
        {"--lr", shortest(o.lr)},
        {"--eval-every", std::to_string(std::max<std::uint64_t>(1, o.steps / 10))},
        {"--save-every", "0"}};
    TrainingPoint point{.name = model.name(), .words = {}, .text = text_of(o, model)};
    const auto add = [&](const std::string& name, const std::string& value) {
        point.words.push_back(name);
        point.words.push_back(value);
    };
    for (const auto& [name, value] : values) add(name, value);
    if (model.k == 0) {
        add("--attention", "full");
    } else {
        add("--k", std::to_string(model.k));
        add("--sharing", model.sharing);
        add("--projection", model.projection);
    }
    return point;
}

int train_all(const Figure3Options& o, const std::vector<Figure3Model>& models, Runs& runs) {
    write_shuffled_text(o);
    std::vector<TrainingPoint> points;
    for (const Figure3Model& model : models) points.push_back(point_of(o, model));
    return runs.train(points);
}

// ---- The losses ----

std::optional<Figure3Losses> held_out_losses(const Figure3Options& o,
                                             const std::vector<Figure3Model>& models,
                                             const Runs& runs) {
    const std::size_t block = o.length_b();
    // All tokenizers of a text are the same.
    std::map<bool, std::unique_ptr<HeldOut>> texts;  // by whether it is shuffled
    Figure3Losses losses;
    WorkProgress progress(models.size() * o.seeds);
    for (const Figure3Model& model : models)
        for (std::uint64_t seed = o.seed; seed < o.seed + o.seeds; ++seed) {
            if (stop_status() != 0) return std::nullopt;
            const std::string directory = runs.directory(model.name(), seed);
            const LoadedModel loaded = load(directory, ModelKind::masked);
            std::unique_ptr<HeldOut>& text = texts[model.shuffled];
            if (!text)
                text = std::make_unique<HeldOut>(text_of(o, model), *loaded.tokenizer, block,
                                                 o.held_out / block);
            losses.of[model.name()].push_back(
                finite_or_error(directory, [&] { return text->loss(loaded.model, model.n); }));
            progress.done();
        }
    progress.leave();
    losses.entropy = texts.at(false)->entropy();
    losses.targets = texts.at(false)->targets();
    return losses;
}

double Figure3Losses::perplexity(const Figure3Model& model) const {
    return std::exp(spread_of(of.at(model.name())).mean);
}

Spread Figure3Losses::perplexities(const Figure3Model& model) const {
    std::vector<double> of_seeds;
    for (const double loss : of.at(model.name())) of_seeds.push_back(std::exp(loss));
    return spread_of(of_seeds);
}

bool Figure3Losses::learned(const Figure3Model& model) const {
    return has_learned(spread_of(of.at(model.name())).mean, entropy);
}

}  // namespace taper::examples
