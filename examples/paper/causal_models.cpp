#include "examples/paper/causal_models.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <span>

#include "core/error.hpp"
#include "examples/common/stepping.hpp"
#include "examples/language_model/corpus.hpp"
#include "examples/language_model/loading.hpp"

namespace taper::examples {

std::string CausalModel::name() const {
    std::string name = k == 0 ? "causal_full" : "causal_k" + std::to_string(k);
    if (window > 0) name += "_window" + std::to_string(window);
    if (shuffled) name += "_shuffled";
    if (steps) name += "_same_time";
    return name;
}

std::string CausalModel::label() const {
    if (k == 0) return "full";
    const std::string label = "k " + std::to_string(k);
    return window == 0 ? label : label + ", window " + std::to_string(window);
}

static TrainingPoint point_of(const MaskedOptions& o, std::uint64_t n, const CausalModel& model) {
    std::map<std::string, std::string> values =
        training_values(o, n, model.steps.value_or(o.steps));
    if (model.k == 0) {
        values["--attention"] = "full";
    } else {
        values["--k"] = std::to_string(model.k);
        values["--window"] = std::to_string(model.window);
    }
    return {.name = model.name(), .words = words_of(values), .text = text_of(o, model.shuffled)};
}

int train_models(const MaskedOptions& o, std::uint64_t n, const std::vector<CausalModel>& models,
                 Runs& runs) {
    write_shuffled_text(o);
    std::vector<TrainingPoint> points;
    for (const CausalModel& model : models) points.push_back(point_of(o, n, model));
    return runs.train(points);
}

std::vector<double> losses_of(const MaskedOptions& o, const CausalModel& model, const Runs& runs) {
    std::vector<double> losses;
    for (std::uint64_t seed = o.seed; seed < o.seed + o.seeds; ++seed) {
        const TrainedRun run = runs.result(model.name(), seed);
        if (run.validations.empty())
            throw Error("--text: the held-out part of a text must have a window: " + o.text.at(0));
        losses.push_back(*run.validations.back().val_loss);
    }
    return losses;
}

Spread perplexities(const MaskedOptions& o, const CausalModel& model, const Runs& runs) {
    return perplexities_of(losses_of(o, model, runs));
}

double bigram_perplexity(const MaskedOptions& o, std::uint64_t n, const std::string& directory) {
    const LoadedModel loaded = load(directory, ModelKind::causal);
    std::vector<Text> texts;
    for (const std::string& path : o.text)
        texts.push_back(read_text(path, encoding_of(loaded.tokenizer->kind())));
    const Corpus corpus(*loaded.tokenizer, std::move(texts), n + 1);
    const auto V = static_cast<std::size_t>(loaded.tokenizer->vocab_size());
    const auto pair = [&](std::span<const std::int32_t> window, std::size_t i) {
        return static_cast<std::size_t>(window[i]) * V + static_cast<std::size_t>(window[i + 1]);
    };
    std::vector<double> counts(V * V, 1.0 / static_cast<double>(V));  // of what was never seen
    const Random random(0, "bigrams");
    for (std::uint64_t i = 0; i < 1'000'000 / n; ++i) {
        const auto window = corpus.training_window(random, i);
        for (std::size_t j = 0; j < n; ++j) counts[pair(window, j)] += 1;
    }
    double loss = 0;
    double targets = 0;
    for (const auto window : corpus.validation_windows(most_validation_windows))
        for (std::size_t j = 0; j < n; ++j) {
            const auto row = counts.begin() +
                             static_cast<std::ptrdiff_t>(static_cast<std::size_t>(window[j]) * V);
            const double all = std::accumulate(row, row + static_cast<std::ptrdiff_t>(V), 0.0);
            loss -= std::log(counts[pair(window, j)] / all);
            targets += 1;
        }
    return std::exp(loss / targets);
}

StepTimes step_times_of(const MaskedOptions& o, std::uint64_t n,
                        const std::vector<CausalModel>& models) {
    std::vector<TimedModel> timed;
    for (const CausalModel& model : models) {
        nn::Config config{.vocab_size = 96,
                          .length = n,
                          .width = o.width,
                          .heads = o.heads,
                          .layers = o.layers,
                          .ffn_width = 4 * o.width,
                          .causal = true};
        if (model.k == 0) config.attention = nn::AttentionKind::full;
        else config.k = model.k;
        config.window = model.window;
        timed.push_back({config, o.tokens / n});
    }
    const std::vector<double> seconds = step_seconds(timed, o.quick ? 10 : 100);
    StepTimes times;
    for (std::size_t i = 0; i < models.size(); ++i) times[models[i].name()] = seconds[i];
    return times;
}

}  // namespace taper::examples
