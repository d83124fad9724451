#include "examples/paper/figure_3_models.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/error.hpp"
#include "core/io/file.hpp"
#include "core/io/json.hpp"
#include "examples/common/stepping.hpp"

namespace taper::examples {

// ---- The settings ----

void Figure3Options::declare_all(Options& options) {
    options.counts("--lengths", lengths, 8, 8192,
                   "n of (d), multiples of 8, each of which divides the next; the last two are "
                   "those of (a) and (b)");
    declare_training(options, "half an hour");
}

void Figure3Options::fit(const Options& options) {
    fit_training(options);
    if (!quick) return;
    if (!options.given("--lengths")) lengths = {8, 16};
    if (!options.given("--layers")) layers = 1;
}

void Figure3Options::check(const Options& options) const {
    check_growing("--lengths", lengths);
    for (std::size_t i = 0; i < lengths.size(); ++i) {
        const std::uint64_t divisor = i == 0 ? 8 : lengths[i - 1];
        if (lengths[i] % divisor != 0)
            throw Error("--lengths: each must be a multiple of the one before, the first of 8: " +
                        std::to_string(lengths[i]) + ", " + std::to_string(divisor));
    }
    check_training(options, lengths.back());
}

std::vector<std::uint64_t> Figure3Options::ks(std::uint64_t n) const {
    std::vector<std::uint64_t> all{n / 8, n / 4, n / 2};
    if (all.front() > 1) all.insert(all.begin(), 1);
    return all;
}

// ---- What is compared ----

std::vector<MaskedModel> over_k(const Figure3Options& o, std::uint64_t n) {
    std::vector<MaskedModel> models;
    for (const std::uint64_t k : o.ks(n)) models.push_back({.n = n, .k = {k}});
    return models;
}

std::vector<MaskedModel> at_fixed_k(const Figure3Options& o) {
    std::vector<MaskedModel> models;
    for (const std::uint64_t n : o.lengths) models.push_back({.n = n, .k = {o.fixed_k()}});
    return models;
}

std::vector<MaskedModel> at_half(const Figure3Options& o) {
    std::vector<MaskedModel> models;
    for (const std::uint64_t n : o.lengths) models.push_back({.n = n, .k = {n / 2}});
    return models;
}

std::vector<MaskedModel> over_sharing(const Figure3Options& o) {
    std::vector<MaskedModel> models;
    const std::uint64_t n = o.length_b();
    for (const char* sharing : {"none", "headwise", "key-value", "layerwise"})
        models.push_back({.n = n, .k = {n / 2}, .sharing = sharing});
    return models;
}

// Of (a) or (b): full attention, then each k.
static std::vector<MaskedModel> with_full(const Figure3Options& o, std::uint64_t n) {
    std::vector<MaskedModel> models = over_k(o, n);
    models.insert(models.begin(), MaskedModel{.n = n});
    return models;
}

SameTime same_time(const Figure3Options& o, const StepTimes& times, std::uint64_t n,
                   std::uint64_t k) {
    SameTime pair{.full = {.n = n}, .linformer = {.n = n, .k = {k}}};
    const double full = times.at(pair.full.name());
    const double linformer = times.at(pair.linformer.name());
    const double ratio = std::min(full, linformer) / std::max(full, linformer);
    const double steps = std::max(1.0, std::round(static_cast<double>(o.steps) * ratio));
    MaskedModel& slower = full > linformer ? pair.full : pair.linformer;
    slower.steps = static_cast<std::uint64_t>(steps);
    return pair;
}

std::vector<MaskedModel> figure_3_models(const Figure3Options& o, const StepTimes& times) {
    std::vector<MaskedModel> all;
    const auto add = [&](const std::vector<MaskedModel>& models) {
        all.insert(all.end(), models.begin(), models.end());
    };
    const std::uint64_t b = o.length_b();
    for (const std::uint64_t n : {o.length_a(), b}) {
        add(with_full(o, n));
        const SameTime pair = same_time(o, times, n, n / 4);
        all.push_back(pair.full.steps ? pair.full : pair.linformer);
    }
    add(over_sharing(o));
    all.push_back({.n = b, .k = {b / 2}, .projection = "random"});
    add(at_fixed_k(o));
    add(at_half(o));
    add(as_shuffled(with_full(o, o.length_a())));
    add(as_shuffled(at_fixed_k(o)));
    return distinct(all);
}

// ---- The times ----

static nn::Config timed_config(const Figure3Options& o, const MaskedModel& model) {
    nn::Config config{.vocab_size = 96,
                      .length = model.n,
                      .width = o.width,
                      .heads = o.heads,
                      .layers = o.layers,
                      .ffn_width = 4 * o.width};
    if (model.k.empty()) config.attention = nn::AttentionKind::full;
    else config.k = model.k[0];
    return config;
}

static nlohmann::json time_settings(const Figure3Options& o) {
    return {{"lengths", o.lengths}, {"width", o.width},   {"heads", o.heads},
            {"layers", o.layers},   {"tokens", o.tokens}, {"steps", o.steps}};
}

StepTimes step_times(const Figure3Options& o) {
    const std::string path = o.out + (o.quick ? "/quick_step_times.json" : "/step_times.json");
    if (std::filesystem::exists(path)) {
        const nlohmann::json there =
            parse_object(read_file(path), path + ": it must be what figure_3 has written");
        if (there.value("settings", nlohmann::json()) == time_settings(o))
            return there.at("seconds").get<StepTimes>();
    }
    std::vector<MaskedModel> models;
    std::vector<TimedModel> timed;
    for (const std::uint64_t n : {o.length_a(), o.length_b()})
        for (const MaskedModel& model : with_full(o, n)) {
            models.push_back(model);
            timed.push_back({timed_config(o, model), o.tokens / n});
        }
    const std::vector<double> seconds = step_seconds(timed, o.quick ? 10 : 100);
    StepTimes times;
    for (std::size_t i = 0; i < models.size(); ++i) times[models[i].name()] = seconds[i];
    const nlohmann::json json{{"settings", time_settings(o)}, {"seconds", times}};
    write_file(path, json.dump(1) + "\n");
    return times;
}

}  // namespace taper::examples
