// Figure 3 of arXiv 2006.04768: the validation perplexity of masked language models, trained on
// BookCorpus and Wikipedia.
//
//     (a), (b)  n = 512 and 1024: it falls with k, and k = 128 and 256 (n/4) are nearly on par
//               with full attention
//     (c)       one projection for all layers is almost as good as one for each head
//     (d)       k = 256, n = 512 to 4096: about the same final perplexity
//
// Here the same of toy models of the characters of one text. Each model is trained for the same
// number of steps with the same number of tokens, from several seeds; for (a) and (b) the slower
// one of full attention and Linformer is trained once more, for as many steps as fit into the time
// of the other one, with a schedule of its own. OUT/runs has a run directory for each; the same
// command goes on where it was stopped.
//
// Perplexities are of the same hidden tokens of held-out text for every model and every n
// (held_out.hpp). A longer sequence has more context for them.
//
// That a perplexity rises with n at one k may have two reasons: k is too few whatever the text
// needs, or each of the k slots mixes more positions, n/k, while a character needs its neighbours.
// So (d) is measured at one n/k, too. And what a model does not learn in these steps, it might with
// more: a masked model of characters guesses by frequency until it has found out what a position
// is, which takes longer the longer its sequences are.
#include <algorithm>
#include <cmath>

#include "examples/common/plot.hpp"
#include "examples/common/program.hpp"
#include "examples/common/progress.hpp"
#include "examples/paper/comparison.hpp"
#include "examples/paper/figure_3_models.hpp"
#include "examples/paper/perplexity_verdicts.hpp"

namespace taper::examples {
namespace {

struct Figure3 {
    const Figure3Options& o;
    const StepTimes& times;
    const Runs& runs;
    const MaskedLosses& losses;
};

// ---- The findings ----

void add_fall(PaperReport& report, const Figure3& f, std::uint64_t n, const std::string& place) {
    const std::vector<MaskedModel> models = over_k(f.o, n);
    const std::vector<MaskedModel> without_order = as_shuffled(over_k(f.o, f.o.length_a()));
    report.add({.claim = "At n = " + std::to_string(n) + " the perplexity falls as k grows",
                .paper = "it does (Figure 3 " + place + ")",
                .ours = list_of(f.losses, models) + "; full " + text_of(f.losses, {.n = n}),
                .verdict = falls_verdict(perplexities_of(f.losses, models)),
                .control = "the text in random order, n " + std::to_string(f.o.length_a()) + ": " +
                           list_of(f.losses, without_order),
                .control_verdict = falls_verdict(perplexities_of(f.losses, without_order))});
}

// name_of_worse, worse: as in OnPar.
OnPar on_par(const Figure3& f, const MaskedModel& model, const MaskedModel& reference,
             const std::string& name_of_worse, const MaskedModel& worse) {
    const std::uint64_t n = f.o.length_a();
    return {.model = model,
            .reference = reference,
            .name_of_worse = name_of_worse,
            .worse = worse,
            .without_order = {.n = n, .shuffled = true},
            .other_without_order = {.n = n, .k = {n / 4}, .shuffled = true}};
}

void add_on_par(PaperReport& report, const Figure3& f, std::uint64_t n, std::uint64_t k,
                const std::string& paper) {
    const MaskedModel full{.n = n};
    const MaskedModel linformer{.n = n, .k = {k}};
    report.add(finding_of(f.losses, on_par(f, linformer, full, "k 1", {.n = n, .k = {1}}),
                          "At n = " + std::to_string(n) + ", k = n/" + std::to_string(n / k) +
                              " = " + std::to_string(k) +
                              " is nearly on par with full attention after the same steps",
                          paper, list_of(f.losses, {full, linformer})));
}

void add_same_time(PaperReport& report, const Figure3& f, std::uint64_t n) {
    const SameTime<MaskedModel> pair = same_time_pair(f.o, f.times, n);
    const auto text = [&](const MaskedModel& model) {
        return label_of(model) + " with " + std::to_string(model.steps.value_or(f.o.steps)) +
               " steps " + text_of(f.losses, model);
    };
    report.add(finding_of(
        f.losses, on_par(f, pair.linformer, pair.full, "k 1", {.n = n, .k = {1}}),
        "The same after the same time, n = " + std::to_string(n) + ", k = " + std::to_string(n / 4),
        "not measured",
        "a step of full attention takes " + significant(pair.ratio, 3) + " times as long; " +
            text(pair.full) + ", " + text(pair.linformer)));
}

void add_sharing(PaperReport& report, const Figure3& f) {
    const std::vector<MaskedModel> models = over_sharing(f.o);
    const MaskedModel& none = models.front();
    std::string ours;
    for (const MaskedModel& model : models)
        ours += (ours.empty() ? "" : ", ") + model.sharing + " " + text_of(f.losses, model);
    report.add(finding_of(
        f.losses,
        on_par(f, models.back(), none, "E and F random, and not trained",
               {.n = none.n, .k = none.k, .projection = "random"}),
        "One E = F for all layers is nearly on par with an E and an F for each head, n = " +
            std::to_string(none.n) + ", " + label_of(none),
        "almost the same (Figure 3 c), without a number", ours));
}

// The control where n matters: text in random order, where it cannot. Where n does not matter: what
// does, k.
void add_length(PaperReport& report, const Figure3& f) {
    const std::vector<MaskedModel> fixed = at_fixed_k(f.o);
    Finding finding{
        .claim = "With one k = " + std::to_string(f.o.fixed_k()) +
                 " the perplexity is about the same for every n",
        .paper = "k 256, n 512 to 4096 (Figure 3 d), without a number",
        .ours = list_over_n(f.losses, fixed) +
                "; with k = n/2 instead: " + list_over_n(f.losses, at_half(f.o)),
        .verdict = same_verdict(perplexities_of(f.losses, fixed), all_learned(f.losses, fixed)),
        .control = {},
        .control_verdict = {}};
    if (finding.verdict == Verdict::does_not_hold) {
        const std::vector<MaskedModel> without_order = as_shuffled(fixed);
        finding.control = "the text in random order: " + list_over_n(f.losses, without_order);
        finding.control_verdict = same_verdict(perplexities_of(f.losses, without_order), true);
    } else {
        const std::vector<MaskedModel> models = over_k(f.o, f.o.length_b());
        finding.control =
            "n " + std::to_string(f.o.length_b()) + " with every k: " + list_of(f.losses, models);
        finding.control_verdict = same_verdict(perplexities_of(f.losses, models), true);
    }
    report.add(finding);
}

// ---- What Figure 3 does not say ----

// Whether k decides or n/k: both, beside each other.
void print_ratios(const Figure3& f) {
    std::string text = "\nPerplexity by n (down) and n/k (across)\n";
    const std::vector<std::uint64_t>& lengths = f.o.lengths;
    std::vector<std::uint64_t> ratios;
    for (std::uint64_t ratio = 2; ratio <= 2 * lengths.back() / lengths.front(); ratio *= 2)
        ratios.push_back(ratio);
    const auto cell = [](const std::string& word) {
        return std::string(9 - std::min<std::size_t>(9, word.size()), ' ') + word;
    };
    text += cell("");
    for (const std::uint64_t ratio : ratios) text += cell(std::to_string(ratio));
    for (const std::uint64_t n : lengths) {
        text += "\n" + cell(std::to_string(n));
        for (const std::uint64_t ratio : ratios) {
            const MaskedModel model{.n = n, .k = {n / ratio}};
            const bool there = n >= ratio && f.losses.of.count(model.name()) > 0;
            text += cell(there ? significant(f.losses.perplexity(model)) : "-");
        }
    }
    print_result(text + "\nGuessing by frequency: " + significant(std::exp(f.losses.entropy)) +
                 "; " + std::to_string(f.losses.targets) + " hidden tokens\n");
}

// ---- The pictures ----

const char* const style = "linespoints lw 2 pt 7 ps 0.5";

void draw_k(const Figure3& f, const std::string& path) {
    std::vector<Curve> curves;
    std::string title = "k = n/2 has, beside full attention,";
    for (const std::uint64_t n : {f.o.length_a(), f.o.length_b()}) {
        const std::string name = "n " + std::to_string(n);
        Curve curve{name, style, {}};
        for (const MaskedModel& model : over_k(f.o, n))
            add_point(curve, static_cast<double>(model.k[0]), f.losses.perplexities(model));
        Curve full{name + ", full", "lines lw 2 dt 2", {}};
        for (const std::uint64_t k : {f.o.ks(n).front(), f.o.ks(n).back()})
            add_point(full, static_cast<double>(k), f.losses.perplexities({.n = n}));
        title +=
            (curves.empty() ? " " : ", ") +
            more_text(f.losses.perplexity({.n = n, .k = {n / 2}}), f.losses.perplexity({.n = n})) +
            " perplexity at n = " + std::to_string(n);
        curves.push_back(curve);
        curves.push_back(full);
    }
    show_picture(plot(path, title, "k, projected length", "perplexity of a hidden token", curves,
                      Scale::logarithmic_x),
                 path);
}

void draw_lengths(const Figure3& f, const std::string& path) {
    const auto curve_of = [&](const std::string& name, const std::vector<MaskedModel>& models) {
        Curve curve{name, style, {}};
        for (const MaskedModel& model : models)
            add_point(curve, static_cast<double>(model.n), f.losses.perplexities(model));
        return curve;
    };
    const std::vector<MaskedModel> fixed = at_fixed_k(f.o);
    const std::string title = "With k = " + std::to_string(f.o.fixed_k()) +
                              " the perplexity goes from " +
                              significant(f.losses.perplexity(fixed.front())) +
                              " at n = " + std::to_string(fixed.front().n) + " to " +
                              significant(f.losses.perplexity(fixed.back())) +
                              " at n = " + std::to_string(fixed.back().n);
    show_picture(plot(path, title, "n, tokens in a sequence", "perplexity of a hidden token",
                      {curve_of("k " + std::to_string(f.o.fixed_k()), fixed),
                       curve_of("k = n/2", at_half(f.o))},
                      Scale::logarithmic_x),
                 path);
}

void draw_sharing(const Figure3& f, const std::string& path) {
    std::vector<Curve> curves;
    const std::vector<MaskedModel> models = over_sharing(f.o);
    for (const MaskedModel& model : models)
        curves.push_back(validation_curve(f.o, f.runs, model.sharing, model.name()));
    const MaskedModel& first = models.front();
    const MaskedModel random{.n = first.n, .k = first.k, .projection = "random"};
    curves.push_back(validation_curve(f.o, f.runs, "random", random.name()));
    const std::string title =
        "Layerwise ends with " +
        more_text(f.losses.perplexity(models.back()), f.losses.perplexity(first)) +
        " perplexity than no sharing";
    show_picture(plot(path, title, "step", "validation perplexity", curves), path);
}

void draw_time(const Figure3& f, const std::string& path) {
    const std::uint64_t n = f.o.length_b();
    std::vector<MaskedModel> models = over_k(f.o, n);
    models.erase(models.begin());  // k 1
    models.insert(models.begin(), MaskedModel{.n = n});
    std::vector<Curve> curves;
    for (const MaskedModel& model : models)
        curves.push_back(
            validation_curve(f.o, f.runs, label_of(model), model.name(), f.times.at(model.name())));
    const std::string title = "At n = " + std::to_string(n) + " a step of k = n/4 takes " +
                              significant(1 / same_time_pair(f.o, f.times, n).ratio) +
                              " of the time of full attention";
    show_picture(plot(path, title, "seconds of training steps", "validation perplexity", curves),
                 path);
}

// ---- The report ----

int report_figure(const Figure3& f, const std::vector<MaskedModel>& models) {
    PaperReport report(f.o, "figure_3", "Figure 3", "perplexity against k, sharing and n");
    report.numbers() = json_of(f.o, models, f.losses, f.runs);
    report.numbers()["step_seconds"] = f.times;
    for (const std::string place : {"a", "b"}) {
        const std::uint64_t n = place == "a" ? f.o.length_a() : f.o.length_b();
        add_fall(report, f, n, place);
        const std::string paper = "k 128 and 256 of n " +
                                  std::string(place == "a" ? "512" : "1024") + " (Figure 3 " +
                                  place + "), without a number";
        if (place == "b") add_on_par(report, f, n, n / 8, paper);
        add_on_par(report, f, n, n / 4, paper);
        add_on_par(report, f, n, n / 2, place == "a" ? paper : "not measured");
        add_same_time(report, f, n);
    }
    add_sharing(report, f);
    add_length(report, f);
    print_ratios(f);
    return report.finish([&] {
        draw_k(f, report.picture_path());
        draw_sharing(f, f.o.out + "/figure_3_sharing.svg");
        draw_lengths(f, f.o.out + "/figure_3_lengths.svg");
        draw_time(f, f.o.out + "/figure_3_time.svg");
    });
}

}  // namespace
}  // namespace taper::examples

int main(int argc, char** argv) {
    using namespace taper;
    using namespace taper::examples;
    return run_program("figure_3", [&] {
        Figure3Options o;
        Options options("figure_3",
                        "Figure 3: the perplexity of masked models against k, against what is "
                        "shared, and against n.");
        o.declare_all(options);
        if (!options.parse(argc, argv)) return 0;
        o.fit(options);
        o.check(options);
        o.apply(options);
        const StepTimes times = step_times(o);
        const std::vector<MaskedModel> models = figure_3_models(o, times);
        Runs runs(o, ModelKind::masked);
        if (const int status = train_models(o, models, runs); status != 0) return status;
        const std::optional<MaskedLosses> losses = held_out_losses(o, models, runs, o.length_b());
        if (!losses) return stop_status();
        return report_figure({o, times, runs, *losses}, models);
    });
}
