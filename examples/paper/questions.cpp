// Questions that arXiv 2006.04768 leaves open, asked of toy models of the characters of one text:
//
//     causal        it has no Linformer that reads left to right. taper's (core/ops.hpp) is Eq. 7
//                   on every prefix. Is it nearly on par with full causal attention, and with a
//                   window of last positions that are seen exactly? After the same time, too?
//     short texts   E and F have n columns. Does a masked model read sequences that are shorter
//                   than those it was trained on, with the first columns of E and F alone? Does it
//                   help to lengthen their rows (--rescale)?
//
// Paper: none. The rules are those of figure_3: "nearly on par" is up to 5 % more perplexity.
#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "examples/common/program.hpp"
#include "examples/language_model/loading.hpp"
#include "examples/paper/causal_models.hpp"
#include "examples/paper/comparison.hpp"
#include "examples/paper/held_out.hpp"
#include "examples/paper/perplexity_verdicts.hpp"

namespace taper::examples {
namespace {

struct QuestionsOptions : MaskedOptions {
    std::uint64_t length = 64;         // n of the causal models
    std::uint64_t masked_length = 16;  // of the masked ones

    QuestionsOptions() : MaskedOptions("questions") {}
    void declare_all(Options& options);
    void fit(const Options& options);
    void check(const Options& options) const;

    std::uint64_t k() const { return length / 8; }
    std::vector<std::uint64_t> windows() const { return {length / 16, length / 4}; }  // growing
};

void QuestionsOptions::declare_all(Options& options) {
    options.count("--length", length, 16, 8192, "n of the causal models, a multiple of 16");
    options.count("--masked-length", masked_length, 8, 8192,
                  "n of the masked models, a multiple of 8");
    declare_training(options, "ten minutes");
}

void QuestionsOptions::fit(const Options& options) {
    fit_training(options);
    if (!quick) return;
    if (!options.given("--length")) length = 16;
    if (!options.given("--masked-length")) masked_length = 8;
    if (!options.given("--layers")) layers = 1;
}

void QuestionsOptions::check(const Options& options) const {
    if (length % 16 != 0)
        throw Error("--length: n must be a multiple of 16: " + std::to_string(length));
    if (masked_length % 8 != 0)
        throw Error("--masked-length: n must be a multiple of 8: " + std::to_string(masked_length));
    check_training(options, length);
    check_training(options, masked_length);
}

// ---- Left to right ----

CausalModel full() { return {}; }

std::vector<CausalModel> over_windows(const QuestionsOptions& o) {
    std::vector<CausalModel> models{{.k = o.k()}};
    for (const std::uint64_t window : o.windows()) models.push_back({.k = o.k(), .window = window});
    return models;
}

// Full attention and the largest window.
SameTime<CausalModel> same_time_pair(const QuestionsOptions& o) {
    const std::vector<CausalModel> models{full(), over_windows(o).back()};
    const nlohmann::json settings{{"length", o.length}, {"width", o.width},   {"heads", o.heads},
                                  {"layers", o.layers}, {"tokens", o.tokens}, {"steps", o.steps}};
    const StepTimes times = kept_step_times(o, "questions", settings,
                                            [&] { return step_times_of(o, o.length, models); });
    return same_time(times, models[0], models[1], o.steps);
}

std::string text_of(const QuestionsOptions& o, const Runs& runs, const CausalModel& model) {
    return model.label() + " " + text_of(perplexities(o, model, runs));
}

// Two models that cannot differ but by chance.
std::vector<CausalModel> without_order(const QuestionsOptions& o) {
    return {{.shuffled = true}, {.k = o.k(), .shuffled = true}};
}

// Guessing by the last token alone is what a model does that has not learned to look further: full
// attention must be better than that, or nothing is visible. It is also the control of what is
// nearly on par; of what is not, the text in random order is.
// bigrams: the perplexity of that guess.
Finding causal_finding(const QuestionsOptions& o, const Runs& runs, double bigrams,
                       const CausalModel& model, const CausalModel& reference) {
    const auto ratio = [&](const CausalModel& one, const CausalModel& other) {
        return perplexity_ratio(losses_of(o, one, runs), losses_of(o, other, runs));
    };
    const PerplexityRatio guess{.ratio = bigrams / perplexities(o, reference, runs).mean};
    const bool learned = guess.ratio > nearly;
    const PerplexityRatio own = ratio(model, reference);
    Finding finding{.claim = {},
                    .paper = "not measured",
                    .ours = text_of(o, runs, reference) + ", " + text_of(o, runs, model) + ", so " +
                            more_text(own),
                    .verdict = on_par_verdict(own, learned),
                    .control = {},
                    .control_verdict = {}};
    if (finding.verdict == Verdict::does_not_hold) {
        const std::vector<CausalModel> pair = without_order(o);
        const PerplexityRatio control = ratio(pair[1], pair[0]);
        finding.control = "the text in random order: " + text_of(o, runs, pair[0]) + ", " +
                          text_of(o, runs, pair[1]) + ", so " + more_text(control);
        finding.control_verdict = on_par_verdict(control, true);
    } else {
        finding.control = "guessing by the last token alone: " + more_text(guess);
        finding.control_verdict = on_par_verdict(guess, learned);
    }
    return finding;
}

void add_causal(PaperReport& report, const QuestionsOptions& o, const Runs& runs,
                const SameTime<CausalModel>& pair) {
    const double bigrams = bigram_perplexity(o, o.length, runs.directory(full().name(), o.seed));
    report.numbers()["guessing by the last token alone, perplexity"] = bigrams;
    const std::string n = "n = " + std::to_string(o.length);
    for (const CausalModel& model : over_windows(o)) {
        Finding finding = causal_finding(o, runs, bigrams, model, full());
        finding.claim = "Left to right, " + n + ", " + model.label() +
                        " is nearly on par with full attention after the same steps";
        report.add(finding);
    }
    Finding finding = causal_finding(o, runs, bigrams, pair.linformer, pair.full);
    finding.claim = "The same after the same time, " + pair.linformer.label();
    finding.ours += "; a step of full attention takes " + significant(pair.ratio) +
                    " times as long, steps " + std::to_string(pair.full.steps.value_or(o.steps)) +
                    " and " + std::to_string(pair.linformer.steps.value_or(o.steps));
    report.add(finding);
}

// ---- Shorter sequences ----

struct ShortLosses {
    double whole, half, rescaled;  // nats: over n, over n/2, with longer rows over n/2
    double entropy;                // of the hidden tokens
};

MaskedModel linformer(const QuestionsOptions& o) {
    return {.n = o.masked_length, .k = {o.masked_length / 2}};
}

std::vector<MaskedModel> masked_models(const QuestionsOptions& o) {
    std::vector<MaskedModel> models{linformer(o), MaskedModel{.n = o.masked_length}};
    models.push_back(as_shuffled({linformer(o)})[0]);
    return models;
}

ShortLosses short_losses(const QuestionsOptions& o, const MaskedModel& model, const Runs& runs,
                         std::uint64_t seed) {
    const std::string directory = runs.directory(model.name(), seed);
    LoadedModel loaded = load(directory, ModelKind::masked);
    const std::size_t n = model.n;
    const HeldOut text(text_of(o, model.shuffled), *loaded.tokenizer, n, o.held_out / n);
    ShortLosses losses{.whole = text.loss(loaded.model, n),
                       .half = text.loss(loaded.model, n / 2),
                       .rescaled = 0,
                       .entropy = text.entropy()};
    for (nn::EncoderBlock<float>& layer : loaded.model.layers)
        if (layer.attention.projection) layer.attention.projection->rescale = true;
    losses.rescaled = text.loss(loaded.model, n / 2);
    return losses;
}

// The mean over the seeds.
ShortLosses mean_losses(const QuestionsOptions& o, const MaskedModel& model, const Runs& runs) {
    ShortLosses mean{};
    for (std::uint64_t seed = o.seed; seed < o.seed + o.seeds; ++seed) {
        const ShortLosses losses = short_losses(o, model, runs, seed);
        const auto seeds = static_cast<double>(o.seeds);
        mean.whole += losses.whole / seeds;
        mean.half += losses.half / seeds;
        mean.rescaled += losses.rescaled / seeds;
        mean.entropy += losses.entropy / seeds;
    }
    return mean;
}

nlohmann::ordered_json json_of(const ShortLosses& losses) {
    return {{"n", losses.whole}, {"n_half", losses.half}, {"n_half_rescaled", losses.rescaled}};
}

// The control where shorter sequences cost: text in random order, where they cannot. Where they do
// not: full attention, which has the same embeddings of positions and no E.
void add_short(PaperReport& report, const QuestionsOptions& o, const Runs& runs) {
    const std::vector<MaskedModel> models = masked_models(o);
    const ShortLosses own = mean_losses(o, models[0], runs);
    const ShortLosses full = mean_losses(o, models[1], runs);
    const ShortLosses without_order = mean_losses(o, models[2], runs);
    report.numbers()["shorter"] = {{"linformer", json_of(own)},
                                   {"full", json_of(full)},
                                   {"without_order", json_of(without_order)}};
    const auto add = [&](const std::string& how, double ShortLosses::*half) {
        const bool learned = has_learned(own.whole, own.entropy);
        const auto verdict = [&](const ShortLosses& losses) {
            return on_par_verdict({.ratio = std::exp(losses.*half - losses.whole)}, learned);
        };
        const auto text = [&](const ShortLosses& losses) {
            return significant(std::exp(losses.*half)) + " instead of " +
                   significant(std::exp(losses.whole));
        };
        const bool costs = verdict(own) == Verdict::does_not_hold;
        report.add({.claim = "A model of n = " + std::to_string(o.masked_length) + ", k = n/2, " +
                             "reads sequences of n/2 nearly as well" + how,
                    .paper = "not measured",
                    .ours = text(own) + "; full attention " + text(full),
                    .verdict = verdict(own),
                    .control = costs ? "the text in random order: " + text(without_order)
                                     : "full attention: " + text(full),
                    .control_verdict = costs ? verdict(without_order) : verdict(full)});
    };
    add("", &ShortLosses::half);
    add(", with the rows of E and F lengthened", &ShortLosses::rescaled);
}

// ---- The report ----

void draw(const QuestionsOptions& o, const Runs& runs, const std::string& path) {
    std::vector<Curve> curves;
    std::vector<CausalModel> models = over_windows(o);
    models.insert(models.begin(), full());
    for (const CausalModel& model : models)
        curves.push_back(validation_curve(o, runs, model.label(), model.name()));
    const CausalModel& widest = models.back();
    const std::string title =
        "Left to right, " + widest.label() + " ends with " +
        more_text(perplexities(o, widest, runs).mean, perplexities(o, full(), runs).mean) +
        " perplexity than full attention";
    show_picture(plot(path, title, "step", "validation perplexity", curves), path);
}

int report_questions(const QuestionsOptions& o, const Runs& causal, const Runs& masked,
                     const SameTime<CausalModel>& pair) {
    PaperReport report(o, "questions", "Beyond the paper",
                       "left to right, and sequences that are shorter");
    std::vector<CausalModel> models = over_windows(o);
    for (const CausalModel& model : {full(), pair.full, pair.linformer}) models.push_back(model);
    for (const CausalModel& model : without_order(o)) models.push_back(model);
    for (const CausalModel& model : models)
        report.numbers()["causal, nats of each seed"][model.name()] = losses_of(o, model, causal);
    report.numbers()["step time of full attention in that of the widest window"] = pair.ratio;
    add_causal(report, o, causal, pair);
    add_short(report, o, masked);
    return report.finish([&] { draw(o, causal, report.picture_path()); });
}

int ask(const QuestionsOptions& o) {
    const SameTime<CausalModel> pair = same_time_pair(o);
    std::vector<CausalModel> models = over_windows(o);
    models.push_back(full());
    models.push_back(pair.slower());
    for (const CausalModel& model : without_order(o)) models.push_back(model);
    Runs causal(o, ModelKind::causal);
    if (const int status = train_models(o, o.length, models, causal); status != 0) return status;
    Runs masked(o, ModelKind::masked);
    if (const int status = train_models(o, masked_models(o), masked); status != 0) return status;
    return report_questions(o, causal, masked, pair);
}

}  // namespace
}  // namespace taper::examples

int main(int argc, char** argv) {
    using namespace taper;
    using namespace taper::examples;
    return run_program("questions", [&] {
        QuestionsOptions o;
        Options options("questions",
                        "What the paper leaves open: a Linformer that reads left to right, and "
                        "sequences that are shorter than those of the training.");
        o.declare_all(options);
        if (!options.parse(argc, argv)) return 0;
        o.fit(options);
        o.check(options);
        o.apply(options);
        return ask(o);
    });
}
