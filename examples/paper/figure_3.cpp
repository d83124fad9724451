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
#include "examples/paper/figure_3_models.hpp"
#include "examples/paper/figure_3_verdicts.hpp"

namespace taper::examples {
namespace {

struct Figure3 {
    const Figure3Options& o;
    const StepTimes& times;
    const Runs& runs;
    const Figure3Losses& losses;
};

// ---- What is compared ----

std::vector<Figure3Model> over_k(const Figure3Options& o, std::uint64_t n) {
    std::vector<Figure3Model> models;
    for (const std::uint64_t k : o.ks(n)) models.push_back({.n = n, .k = k});
    return models;
}

std::vector<Figure3Model> at_fixed_k(const Figure3Options& o) {
    std::vector<Figure3Model> models;
    for (const std::uint64_t n : o.lengths) models.push_back({.n = n, .k = o.fixed_k()});
    return models;
}

std::vector<Figure3Model> at_half(const Figure3Options& o) {
    std::vector<Figure3Model> models;
    for (const std::uint64_t n : o.lengths) models.push_back({.n = n, .k = n / 2});
    return models;
}

// The same of text in random order, where nothing depends on what attention does.
std::vector<Figure3Model> as_shuffled(std::vector<Figure3Model> models) {
    for (Figure3Model& model : models) model.shuffled = true;
    return models;
}

// Those of (c), the least sharing first.
std::vector<Figure3Model> over_sharing(const Figure3Options& o) {
    std::vector<Figure3Model> models;
    const std::uint64_t n = o.length_b();
    for (const char* sharing : {"none", "headwise", "key-value", "layerwise"})
        models.push_back({.n = n, .k = n / 2, .sharing = sharing});
    return models;
}

std::vector<double> perplexities_of(const Figure3& f, const std::vector<Figure3Model>& models) {
    std::vector<double> perplexities;
    for (const Figure3Model& model : models) perplexities.push_back(f.losses.perplexity(model));
    return perplexities;
}

bool all_learned(const Figure3& f, const std::vector<Figure3Model>& models) {
    return std::all_of(models.begin(), models.end(),
                       [&](const Figure3Model& model) { return f.losses.learned(model); });
}

// ---- Words ----

std::string text_of(const Figure3& f, const Figure3Model& model) {
    return text_of(f.losses.perplexities(model));
}

std::string label(const Figure3Model& model) {
    return model.k == 0 ? "full" : "k " + std::to_string(model.k);
}

// "k 2 5.1 (...), k 4 ..."
std::string list_of(const Figure3& f, const std::vector<Figure3Model>& models) {
    std::string list;
    for (const Figure3Model& model : models)
        list += (list.empty() ? "" : ", ") + label(model) + " " + text_of(f, model);
    return list;
}

std::string more_text(double perplexity, double reference) {
    return significant(100 * (perplexity / reference - 1), 3) + " %";
}

// ---- The findings ----

void add_fall(PaperReport& report, const Figure3& f, std::uint64_t n, const std::string& place) {
    const std::vector<Figure3Model> models = over_k(f.o, n);
    const std::vector<Figure3Model> without_order = as_shuffled(over_k(f.o, f.o.length_a()));
    report.add({.claim = "At n = " + std::to_string(n) + " the perplexity falls as k grows",
                .paper = "it does (Figure 3 " + place + ")",
                .ours = list_of(f, models) + "; full " + text_of(f, {.n = n}),
                .verdict = falls_verdict(perplexities_of(f, models)),
                .control = "the text in random order, n " + std::to_string(f.o.length_a()) + ": " +
                           list_of(f, without_order),
                .control_verdict = falls_verdict(perplexities_of(f, without_order))});
}

// The control of a claim that one model is on par with another one. Where it is, a model that must
// not be; where it is not, full attention and a Linformer on text in random order, where every model
// guesses by frequency alone.
struct Control {
    std::string what;
    Verdict verdict;
};

Control on_par_control(const Figure3& f, Verdict verdict, const Figure3Model& reference,
                       const std::string& name_of_worse, const Figure3Model& worse) {
    if (verdict == Verdict::does_not_hold) {
        const std::uint64_t n = f.o.length_a();
        const std::vector<Figure3Model> pair =
            as_shuffled({Figure3Model{.n = n}, Figure3Model{.n = n, .k = n / 4}});
        const double full = f.losses.perplexity(pair[0]);
        const double linformer = f.losses.perplexity(pair[1]);
        return {"the text in random order, n " + std::to_string(n) + ": " + list_of(f, pair) +
                    ", so " + more_text(linformer, full) + " more",
                on_par_verdict(linformer, full, true)};
    }
    const double mean = f.losses.perplexity(reference);
    const double other = f.losses.perplexity(worse);
    return {name_of_worse + ": " + more_text(other, mean) + " more",
            on_par_verdict(other, mean, f.losses.learned(reference))};
}

void add_on_par(PaperReport& report, const Figure3& f, std::uint64_t n, const std::string& place) {
    const Figure3Model full{.n = n};
    const Figure3Model quarter{.n = n, .k = n / 4};
    const Figure3Model half{.n = n, .k = n / 2};
    const double reference = f.losses.perplexity(full);
    const Verdict verdict =
        on_par_verdict(f.losses.perplexity(quarter), reference, f.losses.learned(full));
    const Control control = on_par_control(f, verdict, full, "k 1", {.n = n, .k = 1});
    report.add(
        {.claim = "At n = " + std::to_string(n) + ", k = n/4 = " + std::to_string(n / 4) +
                  " is nearly on par with full attention after the same steps",
         .paper = "k 128 of n 512, k 256 of n 1024 (Figure 3 " + place + "), without a number",
         .ours = list_of(f, {full, quarter}) + ", so " +
                 more_text(f.losses.perplexity(quarter), reference) + " more; k = n/2 " +
                 text_of(f, half) + ", " + more_text(f.losses.perplexity(half), reference) +
                 " more",
         .verdict = verdict,
         .control = control.what,
         .control_verdict = control.verdict});
}

void add_same_time(PaperReport& report, const Figure3& f, std::uint64_t n) {
    const SameTime pair = same_time(f.o, f.times, n, n / 4);
    const double reference = f.losses.perplexity(pair.full);
    const Verdict verdict =
        on_par_verdict(f.losses.perplexity(pair.linformer), reference, f.losses.learned(pair.full));
    const Control control = on_par_control(f, verdict, pair.full, "k 1", {.n = n, .k = 1});
    const double ratio = f.times.at(Figure3Model{.n = n}.name()) /
                         f.times.at(Figure3Model{.n = n, .k = n / 4}.name());
    report.add({.claim = "The same after the same time, n = " + std::to_string(n) +
                         ", k = " + std::to_string(n / 4),
                .paper = "not measured",
                .ours = "a step of full attention takes " + significant(ratio, 3) +
                        " times as long; " + label(pair.full) + " with " +
                        std::to_string(pair.full.steps.value_or(f.o.steps)) + " steps " +
                        text_of(f, pair.full) + ", " + label(pair.linformer) + " with " +
                        std::to_string(pair.linformer.steps.value_or(f.o.steps)) + " " +
                        text_of(f, pair.linformer) + ", so " +
                        more_text(f.losses.perplexity(pair.linformer), reference) + " more",
                .verdict = verdict,
                .control = control.what,
                .control_verdict = control.verdict});
}

void add_sharing(PaperReport& report, const Figure3& f) {
    const std::vector<Figure3Model> models = over_sharing(f.o);
    const Figure3Model& none = models.front();
    const Figure3Model& layerwise = models.back();
    const double reference = f.losses.perplexity(none);
    const Verdict verdict =
        on_par_verdict(f.losses.perplexity(layerwise), reference, f.losses.learned(none));
    const Control control = on_par_control(f, verdict, none, "E and F random, and not trained",
                                           {.n = none.n, .k = none.k, .projection = "random"});
    std::string ours;
    for (const Figure3Model& model : models)
        ours += (ours.empty() ? "" : ", ") + model.sharing + " " + text_of(f, model);
    report.add({.claim = "One E = F for all layers is nearly on par with an E and an F for each "
                         "head, n = " +
                         std::to_string(none.n) + ", k = " + std::to_string(none.k),
                .paper = "almost the same (Figure 3 c), without a number",
                .ours = ours + "; layerwise has " +
                        more_text(f.losses.perplexity(layerwise), reference) + " more than none",
                .verdict = verdict,
                .control = control.what,
                .control_verdict = control.verdict});
}

// "n 16 5.1 (...), n 32 ..."
std::string list_over_n(const Figure3& f, const std::vector<Figure3Model>& models) {
    std::string list;
    for (const Figure3Model& model : models)
        list += (list.empty() ? "n " : ", n ") + std::to_string(model.n) + " " + text_of(f, model);
    return list;
}

// The control where n matters: text in random order, where it cannot. Where n does not matter: what
// does, k.
Control length_control(const Figure3& f, Verdict verdict) {
    if (verdict == Verdict::does_not_hold) {
        const std::vector<Figure3Model> without_order = as_shuffled(at_fixed_k(f.o));
        return {"the text in random order: " + list_over_n(f, without_order),
                same_verdict(perplexities_of(f, without_order), true)};
    }
    const std::vector<Figure3Model> models = over_k(f.o, f.o.length_b());
    return {"n " + std::to_string(f.o.length_b()) + " with every k: " + list_of(f, models),
            same_verdict(perplexities_of(f, models), true)};
}

void add_length(PaperReport& report, const Figure3& f) {
    const std::vector<Figure3Model> fixed = at_fixed_k(f.o);
    const Verdict verdict = same_verdict(perplexities_of(f, fixed), all_learned(f, fixed));
    const Control control = length_control(f, verdict);
    report.add(
        {.claim = "With one k = " + std::to_string(f.o.fixed_k()) +
                  " the perplexity is about the same for every n",
         .paper = "k 256, n 512 to 4096 (Figure 3 d), without a number",
         .ours = list_over_n(f, fixed) + "; with k = n/2 instead: " + list_over_n(f, at_half(f.o)),
         .verdict = verdict,
         .control = control.what,
         .control_verdict = control.verdict});
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
            const Figure3Model model{.n = n, .k = n / ratio};
            const bool there = n >= ratio && f.losses.of.count(model.name()) > 0;
            text += cell(there ? significant(f.losses.perplexity(model)) : "-");
        }
    }
    print_result(text + "\nGuessing by frequency: " + significant(std::exp(f.losses.entropy)) +
                 "; " + std::to_string(f.losses.targets) + " hidden tokens\n");
}

// ---- The pictures ----

const char* const style = "linespoints lw 2 pt 7 ps 0.5";

void add_point(Curve& curve, double x, const Spread& spread) {
    curve.points.emplace_back(x, spread.mean);
    curve.band.emplace_back(spread.least, spread.most);
}

void draw_k(const Figure3& f, const std::string& path) {
    std::vector<Curve> curves;
    std::string title = "From full attention k = n/4 is apart by";
    for (const std::uint64_t n : {f.o.length_a(), f.o.length_b()}) {
        const std::string name = "n " + std::to_string(n);
        Curve curve{name, style, {}};
        for (const Figure3Model& model : over_k(f.o, n))
            add_point(curve, static_cast<double>(model.k), f.losses.perplexities(model));
        Curve full{name + ", full", "lines lw 2 dt 2", {}};
        for (const std::uint64_t k : {f.o.ks(n).front(), f.o.ks(n).back()})
            add_point(full, static_cast<double>(k), f.losses.perplexities({.n = n}));
        title +=
            (curves.empty() ? " " : " and ") +
            more_text(f.losses.perplexity({.n = n, .k = n / 4}), f.losses.perplexity({.n = n}));
        curves.push_back(curve);
        curves.push_back(full);
    }
    title += " of perplexity";
    require_drawn(plot(path, title, "k, projected length", "perplexity of a hidden token", curves,
                       Scale::logarithmic_x),
                  path);
}

void draw_lengths(const Figure3& f, const std::string& path) {
    const auto curve_of = [&](const std::string& name, const std::vector<Figure3Model>& models) {
        Curve curve{name, style, {}};
        for (const Figure3Model& model : models)
            add_point(curve, static_cast<double>(model.n), f.losses.perplexities(model));
        return curve;
    };
    const std::vector<Figure3Model> fixed = at_fixed_k(f.o);
    const std::string title = "With k = " + std::to_string(f.o.fixed_k()) +
                              " the perplexity goes from " +
                              significant(f.losses.perplexity(fixed.front())) +
                              " at n = " + std::to_string(fixed.front().n) + " to " +
                              significant(f.losses.perplexity(fixed.back())) +
                              " at n = " + std::to_string(fixed.back().n);
    require_drawn(plot(path, title, "n, tokens in a sequence", "perplexity of a hidden token",
                       {curve_of("k " + std::to_string(f.o.fixed_k()), fixed),
                        curve_of("k = n/2", at_half(f.o))},
                       Scale::logarithmic_x),
                  path);
}

// The validation perplexity of a model over x = step * scale, the mean of the seeds.
Curve validation_curve(const Figure3& f, const std::string& title, const Figure3Model& model,
                       double scale) {
    Curve curve{title, "lines lw 2", {}};
    std::vector<TrainedRun> runs;
    for (std::uint64_t seed = f.o.seed; seed < f.o.seed + f.o.seeds; ++seed)
        runs.push_back(f.runs.result(model.name(), seed));
    for (std::size_t i = 0; i < runs[0].validations.size(); ++i) {
        std::vector<double> perplexities;
        for (const TrainedRun& run : runs)
            perplexities.push_back(std::exp(*run.validations.at(i).val_loss));
        add_point(curve, scale * static_cast<double>(runs[0].validations[i].step),
                  spread_of(perplexities));
    }
    return curve;
}

void draw_sharing(const Figure3& f, const std::string& path) {
    std::vector<Curve> curves;
    const std::vector<Figure3Model> models = over_sharing(f.o);
    for (const Figure3Model& model : models)
        curves.push_back(validation_curve(f, model.sharing, model, 1));
    const Figure3Model& first = models.front();
    curves.push_back(
        validation_curve(f, "random", {.n = first.n, .k = first.k, .projection = "random"}, 1));
    const std::string title =
        "Layerwise ends with " +
        more_text(f.losses.perplexity(models.back()), f.losses.perplexity(first)) +
        " more perplexity than no sharing";
    require_drawn(plot(path, title, "step", "validation perplexity", curves), path);
}

void draw_time(const Figure3& f, const std::string& path) {
    const std::uint64_t n = f.o.length_b();
    std::vector<Figure3Model> models = over_k(f.o, n);
    models.erase(models.begin());  // k 1
    models.insert(models.begin(), Figure3Model{.n = n});
    std::vector<Curve> curves;
    for (const Figure3Model& model : models)
        curves.push_back(validation_curve(f, label(model), model, f.times.at(model.name())));
    const std::string title = "At n = " + std::to_string(n) + " a step of k = n/4 takes " +
                              significant(f.times.at(Figure3Model{.n = n, .k = n / 4}.name()) /
                                          f.times.at(Figure3Model{.n = n}.name())) +
                              " of the time of full attention";
    require_drawn(plot(path, title, "seconds of training steps", "validation perplexity", curves),
                  path);
}

// ---- The report ----

nlohmann::ordered_json numbers_of(const Figure3& f, const std::vector<Figure3Model>& models) {
    nlohmann::ordered_json json{
        {"entropy", f.losses.entropy}, {"targets", f.losses.targets}, {"step_seconds", f.times}};
    for (const Figure3Model& model : models) {
        nlohmann::ordered_json one{{"n", model.n},
                                   {"k", model.k},
                                   {"sharing", model.sharing},
                                   {"projection", model.projection},
                                   {"shuffled", model.shuffled},
                                   {"steps", model.steps.value_or(f.o.steps)},
                                   {"held_out_losses", f.losses.of.at(model.name())}};
        for (std::uint64_t seed = f.o.seed; seed < f.o.seed + f.o.seeds; ++seed) {
            nlohmann::ordered_json curve = nlohmann::ordered_json::array();
            for (const StepMetrics& metrics : f.runs.result(model.name(), seed).validations)
                curve.push_back({metrics.step, *metrics.val_loss});
            one["validation_losses"].push_back(curve);
        }
        json["models"][model.name()] = one;
    }
    return json;
}

int report_figure(const Figure3& f, const std::vector<Figure3Model>& models) {
    PaperReport report(f.o, "figure_3", "Figure 3", "perplexity against k, sharing and n");
    report.numbers() = numbers_of(f, models);
    for (const std::string place : {"a", "b"}) {
        const std::uint64_t n = place == "a" ? f.o.length_a() : f.o.length_b();
        add_fall(report, f, n, place);
        add_on_par(report, f, n, place);
        add_same_time(report, f, n);
    }
    add_sharing(report, f);
    add_length(report, f);
    print_ratios(f);
    draw_k(f, report.picture_path());
    draw_sharing(f, f.o.out + "/figure_3_sharing.svg");
    draw_lengths(f, f.o.out + "/figure_3_lengths.svg");
    draw_time(f, f.o.out + "/figure_3_time.svg");
    return report.finish();
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
        o.check_sizes(options);
        o.apply();
        const StepTimes times = step_times(o);
        const std::vector<Figure3Model> models = figure_3_models(o, times);
        Runs runs(o, ModelKind::masked);
        if (const int status = train_all(o, models, runs); status != 0) return status;
        const std::optional<Figure3Losses> losses = held_out_losses(o, models, runs);
        if (!losses) return stop_status();
        return report_figure({o, times, runs, *losses}, models);
    });
}
