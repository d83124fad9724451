// Figure 1 of arXiv 2006.04768: self-attention is low rank. The attention matrix of a head is P =
// softmax(Q K^T / sqrt(d_h)), n x n (Eq. 2). The paper takes the singular values of P of each layer
// and head of RoBERTa, n = 512, over many texts, and draws their cumulative share: (s_1 + ... +
// s_k) / (s_1 + ... + s_n) against k. At k = n/4 = 128 its heat map reaches from 0.88 to 0.96, and
// higher layers have more.
//
// Here the same of a masked language model with full attention, over windows of the held-out last
// tenth of its text: a model directory of train_mlm (--model), or one that is trained first
// (OUT/runs/model_SEED, runs.hpp). Or of the P of a pretrained model that another program has run
// (--attention, pretrained.py), with no untrained one beside it.
//
// A high share alone says little, as each row of P sums to 1: s_1 is 1 or more, and if all rows
// were uniform, the first share would be all. So P is compared with matrices of the same rows whose
// structure is lost (with_shuffled_rows in spectra.hpp), which have to need markedly more singular
// values. Two more things are measured that a reader of Figure 1 must know: an untrained model,
// whose P is nearly uniform and thus of lower rank than a trained one's, and the softmax of Q K^T
// of random Q and K, which is not of full rank either, as Q K^T has rank d_h alone. What Figure 1
// shows is then no proof of what training has done. For heads of a high rank a reason is tested:
// whether they look at a neighbour, so that P is like a shifted identity.
//
// The index n/4 is d_h by default, in the paper it is twice d_h: here less of the rank of Q K^T is
// room to spare.
//
// What to doubt: a toy model of one text, n far below 512, two thousand steps: where its loss is
// that of guessing by frequency (the program says so), its attention has learned next to nothing.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <span>

#include "examples/common/heat_map.hpp"
#include "examples/common/options.hpp"
#include "examples/common/plot.hpp"
#include "examples/common/program.hpp"
#include "examples/common/progress.hpp"
#include "examples/paper/figure_1_controls.hpp"
#include "examples/paper/figure_1_tables.hpp"
#include "examples/paper/figure_1_verdicts.hpp"

namespace taper::examples {
namespace {

// A number of each seed; of one seed alone also its range over the texts.
template <class OfModel, class OfText>
std::string with_spread(const Models& models, OfModel of_model, OfText of_text) {
    std::vector<double> numbers;
    for (const ModelFigures& figures : models) numbers.push_back(of_model(figures));
    const std::string text = text_of(spread_of(numbers));
    if (models.size() > 1) return text;
    std::vector<double> of_texts;
    for (std::size_t i = 0; i < models[0].spectra.trained.texts; ++i)
        of_texts.push_back(of_text(models[0], i));
    const Spread spread = spread_of(of_texts);
    return text + ", over " + std::to_string(of_texts.size()) + " texts " + fixed(spread.least, 3) +
           " to " + fixed(spread.most, 3);
}

// ---- The findings ----

void add_low_rank(PaperReport& report, const Models& models) {
    const auto share_of = [](const ModelFigures& figures, const Cells& cells) {
        return 1 - rest_of(figures.spectra.trained, cells).own;
    };
    const std::string share = with_spread(
        models, [&](const ModelFigures& figures) { return share_of(figures, {}); },
        [&](const ModelFigures& figures, std::size_t text) {
            return share_of(figures, {.text = text});
        });
    const Rest trained = mean_rest(models, &ModelSpectra::trained);
    const Rest random = mean_rest(models, &ModelSpectra::random_scores);
    const bool learned = std::all_of(models.begin(), models.end(), learned_model);
    report.add({.claim = "P of a trained model is of low rank: few singular values are most of the "
                         "sum",
                .paper = "share 0.88 to 0.96 at n/4 = 128 of 512 (Figure 1, heat map)",
                .ours = "share at n/4 " + share + "; " + rest_text(trained),
                .verdict = low_rank_verdict(trained, learned),
                .control = "softmax of independent random scores of the same scale, against its "
                           "own shuffled rows: share " +
                           rest_text(random),
                .control_verdict = low_rank_verdict(random, learned)});
}

// rise: rise_of or rise_above_lowest.
std::string rise_text(const Models& models, double (*rise)(std::span<const double>)) {
    return with_spread(
        models,
        [&](const ModelFigures& figures) { return rise(layer_shares(figures.spectra.trained)); },
        [&](const ModelFigures& figures, std::size_t text) {
            return rise(layer_shares(figures.spectra.trained, text));
        });
}

void add_skew(PaperReport& report, const Models& models) {
    const Verdict verdict = skew_verdict(mean_layer_shares(models, &ModelSpectra::trained));
    const SkewControl control = skew_control(models, verdict);
    report.add(
        {.claim = "Higher layers are more skewed: the share at n/4 rises with the layer",
         .paper = "from about 0.88 to 0.96 (Figure 1, heat map), so about 0.04 between the halves",
         .ours = "the upper half of the layers has more than the lower half by " +
                 rise_text(models, rise_of) + "; without the lowest layer by " +
                 rise_text(models, rise_above_lowest),
         .verdict = verdict,
         .control = control.name + ": by " + fixed(rise_of(control.shares), 3),
         .control_verdict = skew_verdict(control.shares)});
}

// ---- The pictures ----

Curve shares_curve(const std::string& title, const Shares& shares) {
    Curve curve{title, "linespoints lw 2 pt 7 ps 0.3", {}};
    for (std::size_t i = 0; i < shares.size(); ++i)
        curve.points.emplace_back(static_cast<double>(i + 1), shares[i]);
    return curve;
}

void draw_shares(const ModelFigures& figures, const std::string& path) {
    const ModelSpectra& spectra = figures.spectra;
    const std::size_t quarter = figures.quarter();
    const std::size_t top = figures.layers() - 1;
    const auto trained_layer = [&](std::size_t layer) {
        return shares_curve("trained, layer " + std::to_string(layer),
                            mean_shares(spectra.trained, {.layer = layer}, &Spectrum::shares));
    };
    std::vector<Curve> curves{
        trained_layer(0), trained_layer(top),
        shares_curve("trained, rows shuffled",
                     mean_shares(spectra.trained, {}, &Spectrum::shuffled)),
        shares_curve("random scores", mean_shares(spectra.random_scores, {}, &Spectrum::shares)),
        shares_curve("random Q and K", mean_shares(spectra.random_heads, {}, &Spectrum::shares))};
    if (!spectra.untrained.empty())
        curves.push_back(
            shares_curve("untrained", mean_shares(spectra.untrained, {}, &Spectrum::shares)));
    const auto x = static_cast<double>(quarter);
    curves.push_back({"n/4", "lines lw 1 dt 2", {{x, 0}, {x, 1}}});
    const Rest rest = rest_of(spectra.trained);
    const std::string title = "The first " + std::to_string(quarter) + " of " +
                              std::to_string(figures.length) + " singular values hold " +
                              fixed(1 - rest.own, 2) + " of their sum, with shuffled rows " +
                              fixed(1 - rest.shuffled, 2);
    const bool drawn = plot(path, title, "singular values, the largest first",
                            "cumulative share of their sum", curves);
    show_picture(drawn, path);
}

// Of each head, its share above the least of all, which is white.
void draw_heads(const ModelFigures& figures, const std::string& path) {
    const SpectrumTable& table = figures.spectra.trained;
    std::vector<double> shares;
    for (std::size_t layer = 0; layer < table.layers; ++layer)
        for (std::size_t head = 0; head < table.heads; ++head)
            shares.push_back(1 - rest_of(table, {.layer = layer, .head = head}).own);
    const double least = *std::min_element(shares.begin(), shares.end());
    HeatMap map{"", table.layers, table.heads, {}};
    for (const double share : shares) map.entries.push_back(static_cast<float>(share - least));
    draw_heat_maps(path, {.title = "How much of P of each head its first " +
                                   std::to_string(figures.quarter()) + " singular values hold",
                          .down = "layers",
                          .across = "heads",
                          .entry = "share of their sum above the least one, " + fixed(least, 3),
                          .maps = {{map}}});
    show_picture(true, path);
}

int report_figure(const Figure1Options& o, const Models& models) {
    PaperReport report(o, "figure_1", "Figure 1", "self-attention is low rank");
    report.numbers()["models"] = nlohmann::ordered_json::array();
    for (const ModelFigures& figures : models) {
        report.numbers()["models"].push_back(model_json(figures));
        print_tables(figures);
    }
    add_low_rank(report, models);
    add_skew(report, models);
    print_cautions(models);
    return report.finish([&] {
        draw_shares(models[0], report.picture_path());
        draw_heads(models[0], o.out + "/figure_1_heads.svg");
    });
}

}  // namespace
}  // namespace taper::examples

int main(int argc, char** argv) {
    using namespace taper;
    using namespace taper::examples;
    return run_program("figure_1", [&] {
        Figure1Options o;
        Options options("figure_1",
                        "Figure 1: the singular values of the attention matrices of a trained "
                        "model, over held-out text.");
        o.declare_all(options);
        if (!options.parse(argc, argv)) return 0;
        o.fit(options);
        o.check_sizes(options);
        o.apply(options);
        if (o.trains())
            if (const int status = train_figure_models(o); status != 0) return status;
        Models models;
        for (std::uint64_t seed = o.seed; seed < o.seed + o.seeds; ++seed) {
            std::optional<ModelFigures> figures =
                o.attention.empty() ? measure_model(o, seed) : measure_attention(o);
            if (!figures) return stop_status();
            models.push_back(std::move(*figures));
        }
        return report_figure(o, models);
    });
}
