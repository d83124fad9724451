#include "examples/paper/figure_3_models.hpp"

#include <nlohmann/json.hpp>

#include "core/error.hpp"
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

SameTime<MaskedModel> same_time_pair(const Figure3Options& o, const StepTimes& times,
                                     std::uint64_t n) {
    const MaskedModel full{.n = n};
    return same_time(times, full, MaskedModel{.n = n, .k = {n / 4}}, o.steps);
}

std::vector<MaskedModel> figure_3_models(const Figure3Options& o, const StepTimes& times) {
    std::vector<MaskedModel> all;
    const auto add = [&](const std::vector<MaskedModel>& models) {
        all.insert(all.end(), models.begin(), models.end());
    };
    const std::uint64_t b = o.length_b();
    for (const std::uint64_t n : {o.length_a(), b}) {
        add(with_full(o, n));
        all.push_back(same_time_pair(o, times, n).slower());
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

StepTimes step_times(const Figure3Options& o) {
    const nlohmann::json settings{{"lengths", o.lengths}, {"width", o.width},   {"heads", o.heads},
                                  {"layers", o.layers},   {"tokens", o.tokens}, {"steps", o.steps}};
    return kept_step_times(o, "figure_3", settings, [&] {
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
        return times;
    });
}

}  // namespace taper::examples
