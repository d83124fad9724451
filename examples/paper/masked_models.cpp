#include "examples/paper/masked_models.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>

#include "core/error.hpp"
#include "core/io/file.hpp"
#include "examples/common/program.hpp"
#include "examples/common/shuffle.hpp"
#include "examples/language_model/loading.hpp"
#include "examples/paper/held_out.hpp"
#include "examples/paper/perplexity_verdicts.hpp"

namespace taper::examples {

// ---- The settings ----

void MaskedOptions::declare_training(Options& options, const std::string& minutes) {
    options.files("--text", text, "to learn from; its held-out part is looked at; repeatable");
    options.word("--tokenizer", tokenizer, {"char", "byte"}, "what a token is");
    options.count("--width", width, 1, 65536, "d, a multiple of --heads");
    options.count("--heads", heads, 1, 65536, "h");
    options.count("--layers", layers, 1, 1000, "L");
    options.count("--tokens", tokens, 8, 1 << 24, "in a step, a multiple of the longest n");
    options.count("--steps", steps, 10, 1'000'000'000, "of each training");
    options.number("--lr", lr, positive_float(), "largest learning rate");
    declare(options, minutes);
}

void MaskedOptions::fit_training(const Options& options) {
    if (text.empty()) throw Error("--text: at least one file must be given: none");
    if (!quick) return;
    const std::map<std::string, std::pair<std::uint64_t*, std::uint64_t>> quick_values{
        {"--tokens", {&tokens, 512}}, {"--steps", {&steps, 400}}, {"--seeds", {&seeds, 1}}};
    for (const auto& [name, setting] : quick_values)
        if (!options.given(name)) *setting.first = setting.second;
    if (!options.given("--lr")) lr = 1e-2;
    held_out = 8192;
}

void MaskedOptions::check_training(const Options& options, std::uint64_t longest) const {
    if (tokens % longest != 0)
        throw Error(options.blamed({"--tokens", "--lengths", "--length"}) +
                    ": the tokens of a step must be a multiple of the longest n: " +
                    std::to_string(tokens) + ", " + std::to_string(longest));
    if (width % heads != 0)
        throw Error(options.blamed({"--heads", "--width"}) +
                    ": the width must be a multiple of the heads: width " + std::to_string(width) +
                    ", heads " + std::to_string(heads));
}

// ---- The models ----

static std::string joined(const std::vector<std::uint64_t>& numbers, const std::string& between) {
    std::string text;
    for (const std::uint64_t number : numbers)
        text += (text.empty() ? "" : between) + std::to_string(number);
    return text;
}

std::string MaskedModel::name() const {
    std::string name = shuffled ? "shuffled_n" : "n";
    name += std::to_string(n) + (k.empty() ? "_full" : "_k" + joined(k, "-"));
    if (sharing != "headwise") name += "_" + sharing;
    if (projection != "linear") name += "_" + projection;
    if (projection_init != "window") name += "_" + projection_init;
    if (steps) name += "_same_time";
    return name;
}

std::vector<MaskedModel> distinct(const std::vector<MaskedModel>& models) {
    std::vector<MaskedModel> chosen;
    for (const MaskedModel& model : models) {
        const auto has_its_name = [&](const MaskedModel& other) {
            return other.name() == model.name();
        };
        if (std::none_of(chosen.begin(), chosen.end(), has_its_name)) chosen.push_back(model);
    }
    return chosen;
}

std::vector<MaskedModel> as_shuffled(std::vector<MaskedModel> models) {
    for (MaskedModel& model : models) model.shuffled = true;
    return models;
}

// ---- Training ----

static std::string shuffled_path(const MaskedOptions& o) {
    const std::string path = o.out + (o.quick ? "/quick_shuffled.txt" : "/shuffled.txt");
    return std::filesystem::absolute(path).string();
}

void write_shuffled_text(const MaskedOptions& o) {
    std::vector<std::string> tokens;
    for (const std::string& path : o.text) {
        const Text text = read_text(path, encoding_of(tokenizer_kind_from(o.tokenizer)));
        if (o.tokenizer == "byte")
            for (const char byte : text.bytes) tokens.emplace_back(1, byte);
        else
            for (const CodePoint& c : CodePoints(text.bytes)) tokens.emplace_back(c.bytes);
    }
    shuffle(tokens, Random(0, "shuffled"));
    std::string shuffled;
    for (std::size_t left = tokens.size(); left > 0; --left) shuffled += tokens[left - 1];
    write_file(shuffled_path(o), shuffled);
}

std::vector<std::string> text_of(const MaskedOptions& o, bool shuffled) {
    return shuffled ? std::vector{shuffled_path(o)} : o.text;
}

std::map<std::string, std::string> training_values(const MaskedOptions& o, std::uint64_t n,
                                                   std::uint64_t steps) {
    return {{"--tokenizer", o.tokenizer},
            {"--length", std::to_string(n)},
            {"--width", std::to_string(o.width)},
            {"--heads", std::to_string(o.heads)},
            {"--layers", std::to_string(o.layers)},
            {"--batch", std::to_string(o.tokens / n)},
            {"--steps", std::to_string(steps)},
            {"--warmup", std::to_string(std::min<std::uint64_t>(50, o.steps / 10))},
            {"--lr", shortest(o.lr)},
            {"--eval-every", std::to_string(std::max<std::uint64_t>(1, o.steps / 10))},
            {"--save-every", "0"}};
}

std::vector<std::string> words_of(const std::map<std::string, std::string>& values) {
    std::vector<std::string> words;
    for (const auto& [name, value] : values) {
        words.push_back(name);
        words.push_back(value);
    }
    return words;
}

static TrainingPoint point_of(const MaskedOptions& o, const MaskedModel& model) {
    std::map<std::string, std::string> values =
        training_values(o, model.n, model.steps.value_or(o.steps));
    if (model.k.empty()) {
        values["--attention"] = "full";
    } else {
        values["--k"] = joined(model.k, ",");
        values["--sharing"] = model.sharing;
        values["--projection"] = model.projection;
        values["--projection-init"] = model.projection_init;
    }
    return {.name = model.name(), .words = words_of(values), .text = text_of(o, model.shuffled)};
}

int train_models(const MaskedOptions& o, const std::vector<MaskedModel>& models, Runs& runs,
                 const Runs::AfterStep& after_step) {
    write_shuffled_text(o);
    std::vector<TrainingPoint> points;
    for (const MaskedModel& model : models) points.push_back(point_of(o, model));
    return runs.train(points, after_step);
}

// ---- The losses ----

std::optional<MaskedLosses> held_out_losses(const MaskedOptions& o,
                                            const std::vector<MaskedModel>& models,
                                            const Runs& runs, std::uint64_t longest) {
    // All tokenizers of a text are the same.
    std::map<bool, std::unique_ptr<HeldOut>> texts;  // by whether it is shuffled
    MaskedLosses losses;
    WorkProgress progress(models.size() * o.seeds);
    for (const MaskedModel& model : models)
        for (std::uint64_t seed = o.seed; seed < o.seed + o.seeds; ++seed) {
            if (stop_status() != 0) return std::nullopt;
            const std::string directory = runs.directory(model.name(), seed);
            const LoadedModel loaded = load(directory, ModelKind::masked);
            std::unique_ptr<HeldOut>& text = texts[model.shuffled];
            if (!text)
                text = std::make_unique<HeldOut>(text_of(o, model.shuffled), *loaded.tokenizer,
                                                 longest, o.held_out / longest);
            losses.of[model.name()].push_back(
                finite_or_error(directory, [&] { return text->loss(loaded.model, model.n); }));
            progress.done();
        }
    progress.leave();
    losses.entropy = texts.at(false)->entropy();
    losses.targets = texts.at(false)->targets();
    return losses;
}

double MaskedLosses::perplexity(const MaskedModel& model) const { return perplexities(model).mean; }

Spread MaskedLosses::perplexities(const MaskedModel& model) const {
    return perplexities_of(of.at(model.name()));
}

bool MaskedLosses::learned(const MaskedModel& model) const {
    return has_learned(spread_of(of.at(model.name())).mean, entropy);
}

nlohmann::ordered_json json_of(const MaskedOptions& o, const std::vector<MaskedModel>& models,
                               const MaskedLosses& losses, const Runs& runs) {
    nlohmann::ordered_json json{{"entropy", losses.entropy}, {"targets", losses.targets}};
    for (const MaskedModel& model : models) {
        nlohmann::ordered_json one{{"n", model.n},
                                   {"k", model.k},
                                   {"sharing", model.sharing},
                                   {"projection", model.projection},
                                   {"projection_init", model.projection_init},
                                   {"shuffled", model.shuffled},
                                   {"steps", model.steps.value_or(o.steps)},
                                   {"held_out_losses", losses.of.at(model.name())}};
        for (std::uint64_t seed = o.seed; seed < o.seed + o.seeds; ++seed) {
            nlohmann::ordered_json curve = nlohmann::ordered_json::array();
            for (const StepMetrics& metrics : runs.result(model.name(), seed).validations)
                curve.push_back({metrics.step, *metrics.val_loss});
            one["validation_losses"].push_back(curve);
        }
        json["models"][model.name()] = one;
    }
    return json;
}

}  // namespace taper::examples
