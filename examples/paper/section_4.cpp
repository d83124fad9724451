// Section 4 of arXiv 2006.04768, "additional efficiency techniques", of which the paper shows no
// experiment beside those of sharing (figure_3):
//
//     nonuniform k         higher layers are more skewed (Figure 1), so their k may be smaller
//     general projections  instead of a learned matrix: mean or max pooling, or a convolution whose
//                          kernel and stride are n/k
//
// Here masked models of the characters of one text, as those of figure_3, at one n. Nonuniform: k
// falls from layer to layer, and its control rises, with the same sum. General projections are
// compared with learned E and F of the same k; so are E and F that are random and stay so, as those
// of the proofs are, and learned ones that start from N(0, 1/k) instead of from window means.
//
// To doubt: two layers; and learned E and F start as window means, which is what mean pooling is.
#include <cmath>

#include "core/error.hpp"
#include "examples/common/plot.hpp"
#include "examples/common/program.hpp"
#include "examples/paper/comparison.hpp"
#include "examples/paper/perplexity_verdicts.hpp"

namespace taper::examples {
namespace {

struct Section4Options : MaskedOptions {
    std::uint64_t length = 32;
    std::uint64_t k = 8;

    Section4Options() : MaskedOptions("section_4") {}
    void declare_all(Options& options);
    void fit(const Options& options);
    void check(const Options& options) const;
};

void Section4Options::declare_all(Options& options) {
    options.count("--length", length, 8, 8192, "n");
    options.count("--k", k, 2, 8192, "the mean k of the layers, even, divides n");
    declare_training(options, "a quarter of an hour");
}

void Section4Options::fit(const Options& options) {
    fit_training(options);
    if (!quick) return;
    if (!options.given("--length")) length = 8;
    if (!options.given("--k")) k = 4;
    if (!options.given("--tokens")) tokens = 256;
}

void Section4Options::check(const Options& options) const {
    if (layers < 2)
        throw Error("--layers: there must be two or more, as k differs between them: " +
                    std::to_string(layers));
    if (k % 2 != 0 || length % k != 0 || 3 * k / 2 > length)
        throw Error(options.blamed({"--k", "--length"}) +
                    ": k must be even and divide n, and 3/2 k be at most n: k " +
                    std::to_string(k) + ", n " + std::to_string(length));
    check_training(options, length);
}

// ---- The models ----

// From 3/2 k in the lowest layer to 1/2 k in the highest one, in even steps: the mean is k.
std::vector<std::uint64_t> falling_k(const Section4Options& o) {
    std::vector<std::uint64_t> all;
    for (std::uint64_t layer = 0; layer < o.layers; ++layer) {
        const double share = static_cast<double>(layer) / static_cast<double>(o.layers - 1);
        const double k = static_cast<double>(o.k) * (1.5 - share);
        all.push_back(static_cast<std::uint64_t>(std::llround(k)));
    }
    return all;
}

MaskedModel uniform(const Section4Options& o) { return {.n = o.length, .k = {o.k}}; }

MaskedModel falling(const Section4Options& o) { return {.n = o.length, .k = falling_k(o)}; }

MaskedModel rising(const Section4Options& o) {
    const std::vector<std::uint64_t> k = falling_k(o);
    return {.n = o.length, .k = {k.rbegin(), k.rend()}};
}

MaskedModel with_projection(const Section4Options& o, const std::string& projection) {
    MaskedModel model = uniform(o);
    if (projection == "normal") model.projection_init = projection;
    else model.projection = projection;
    return model;
}

struct Projection {
    std::string word, name;
};

const std::vector<Projection>& projections() {
    static const std::vector<Projection> all{
        {"mean", "Mean pooling"},
        {"max", "Max pooling"},
        {"conv", "A convolution"},
        {"random", "A random projection that is not trained"},
        {"normal", "A learned projection that starts from N(0, 1/k)"}};
    return all;
}

std::vector<MaskedModel> section_4_models(const Section4Options& o) {
    std::vector<MaskedModel> all{MaskedModel{.n = o.length}, uniform(o), falling(o), rising(o),
                                 MaskedModel{.n = o.length, .k = {1}}};
    for (const Projection& projection : projections())
        all.push_back(with_projection(o, projection.word));
    for (const MaskedModel& model : as_shuffled({uniform(o), with_projection(o, "mean")}))
        all.push_back(model);
    return distinct(all);
}

// ---- The findings ----

OnPar on_par(const Section4Options& o, const MaskedModel& model, const std::string& name_of_worse,
             const MaskedModel& worse) {
    const std::vector<MaskedModel> pair = as_shuffled({uniform(o), with_projection(o, "mean")});
    return {.model = model,
            .reference = uniform(o),
            .name_of_worse = name_of_worse,
            .worse = worse,
            .without_order = pair[0],
            .other_without_order = pair[1]};
}

void add_nonuniform(PaperReport& report, const Section4Options& o, const MaskedLosses& losses) {
    const std::vector<MaskedModel> models{uniform(o), falling(o), rising(o)};
    report.add(finding_of(losses, on_par(o, falling(o), "k that rises", rising(o)),
                          "With k that falls from layer to layer, at the same sum, the perplexity "
                          "is nearly that of a uniform k, or less",
                          "k may be smaller in higher layers (section 4), not measured",
                          list_of(losses, models)));
}

void add_projection(PaperReport& report, const Section4Options& o, const MaskedLosses& losses,
                    const Projection& projection) {
    const bool of_the_paper =
        projection.word == "mean" || projection.word == "max" || projection.word == "conv";
    const MaskedModel model = with_projection(o, projection.word);
    report.add(
        finding_of(losses, on_par(o, model, "k 1, learned", {.n = o.length, .k = {1}}),
                   projection.name + " is nearly on par with a learned projection of the same k",
                   of_the_paper ? "one can choose it (section 4), not measured" : "not the paper's",
                   "learned " + text_of(losses, uniform(o)) + ", " + projection.word + " " +
                       text_of(losses, model)));
}

// ---- The picture ----

void draw(const Section4Options& o, const MaskedLosses& losses, const Runs& runs,
          const std::string& path) {
    std::vector<Curve> curves{validation_curve(o, runs, "full", MaskedModel{.n = o.length}.name()),
                              validation_curve(o, runs, "learned", uniform(o).name())};
    for (const Projection& projection : projections())
        curves.push_back(
            validation_curve(o, runs, projection.word, with_projection(o, projection.word).name()));
    const std::string title =
        "At n = " + std::to_string(o.length) + " and k = " + std::to_string(o.k) +
        " mean pooling ends with " +
        more_text(losses.perplexity(with_projection(o, "mean")), losses.perplexity(uniform(o))) +
        " perplexity than a learned projection";
    show_picture(plot(path, title, "step", "validation perplexity", curves), path);
}

// ---- The report ----

int report_section(const Section4Options& o, const std::vector<MaskedModel>& models,
                   const MaskedLosses& losses, const Runs& runs) {
    PaperReport report(o, "section_4", "Section 4", "nonuniform k and general projections");
    report.numbers() = json_of(o, models, losses, runs);
    add_nonuniform(report, o, losses);
    for (const Projection& projection : projections())
        add_projection(report, o, losses, projection);
    return report.finish([&] { draw(o, losses, runs, report.picture_path()); });
}

}  // namespace
}  // namespace taper::examples

int main(int argc, char** argv) {
    using namespace taper;
    using namespace taper::examples;
    return run_program("section_4", [&] {
        Section4Options o;
        Options options("section_4",
                        "Section 4: k that differs between layers, and projections that are not "
                        "learned matrices.");
        o.declare_all(options);
        if (!options.parse(argc, argv)) return 0;
        o.fit(options);
        o.check(options);
        o.apply(options);
        const std::vector<MaskedModel> models = section_4_models(o);
        Runs runs(o, ModelKind::masked);
        if (const int status = train_models(o, models, runs); status != 0) return status;
        const std::optional<MaskedLosses> losses = held_out_losses(o, models, runs, o.length);
        if (!losses) return stop_status();
        return report_section(o, models, *losses, runs);
    });
}
