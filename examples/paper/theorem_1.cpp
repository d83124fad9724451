// Theorem 1 of arXiv 2006.04768, "self-attention is low rank": for every column w of V W^V there is
// a P~ of rank Theta(log n) with ||P~ w - P w|| < eps ||P w|| with probability 1 - o(1). The proof
// takes P~ = P R^T R, R (k, n) of entries N(0, 1/k), k = 5 ln n / (eps^2 - eps^3), and finds by the
// lemma of Johnson and Lindenstrauss and a union over the n rows that it fails with probability
// 2 n^(-1/4) at most.
//
// Measured, for one head at several n: the error of each entry against ||P_i|| ||w||, which is what
// the lemma bounds; the error of the vector against ||P w||, which is what the theorem writes; the
// k that each needs for eps, beside the k of the proof. P is softmax(Q K^T / sqrt(d_h)) and w a
// column of V W^V, where Q, K and V are random inputs by random weights: separate inputs, as the
// theorem allows any Q, K and V, or one input, as in self-attention. Softmax over independent
// scores stands beside them, and the heads of a trained model where one is given.
//
// What differs, and why (random_projection.hpp): an entry P_i w is a sum over n positions in which
// signs cancel, so it is far less than ||P_i|| ||w||, about 1 / kappa of it. The relative error is
// sqrt((kappa^2 + 1) / k), and kappa is about sqrt(n) where w has mean 0 and knows nothing of P: k
// must grow as n. Of one input kappa is smaller once n is more than its width d, as P then leans
// towards what w is made of. Where w is nearly constant, kappa is small and the theorem holds as it
// is written.
//
// To doubt: the theorem only says that some P~ exists. One that depends on w needs rank 1 alone:
// (P w) w^T / ||w||^2. One that knows P is judged beside that of the proof, which knows neither, by
// the rank that the singular values of P leave for a w of independent entries; sharper scores
// (--deviation 3) have a higher one. Learned E and F know the text at least: Theorem 2. The random
// inputs have independent positions, which those of a text are not.
#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

#include "examples/common/options.hpp"
#include "examples/common/plot.hpp"
#include "examples/common/program.hpp"
#include "examples/paper/theorem_1_ranks.hpp"

namespace taper::examples {

using nlohmann::ordered_json;

// ---- The numbers

static ordered_json json_of(const Spread& spread) {
    return {{"mean", spread.mean}, {"least", spread.least}, {"most", spread.most}};
}

static ordered_json json_of(const MeasuredHeads& heads, double eps) {
    ordered_json json{{"heads", heads.name}, {"n", heads.n}};
    json["kappa"] = json_of(spread_of(heads.kappas));
    json["kappa over sqrt(n)"] =
        spread_of(heads.kappas).mean / std::sqrt(static_cast<double>(heads.n));
    if (!heads.best_ranks.empty()) json["best rank for eps"] = json_of(spread_of(heads.best_ranks));
    ordered_json& table = json["errors"];
    for (std::size_t i = 0; i < heads.errors.front().size(); ++i) {
        const std::size_t k = heads.errors.front()[i].k;
        const auto spread = [&](const std::function<double(const ProjectionErrors&)>& get) {
            return json_of(spread_of(over_seeds(heads, i, get)));
        };
        table.push_back(
            {{"k", k},
             {"additive", spread([](const auto& at) { return at.additive; })},
             {"1/sqrt(k)", 1 / std::sqrt(static_cast<double>(k))},
             {"relative", spread(relative_error)},
             {"sqrt((kappa^2 + 1)/k)", predicted_relative_error(spread_of(heads.kappas).mean, k)},
             {"relative of an entry, median",
              spread([](const auto& at) { return at.entry_relative; })},
             {"share of entries beyond eps", spread([](const auto& at) { return at.beyond; })},
             {"the lemma allows", share_beyond(k, eps)}});
    }
    return json;
}

static ordered_json json_of(const RankOfSeeds& rank) {
    return {{"n", rank.mean.n},
            {"k of the proof", rank.mean.rows},
            {"success claimed", 1 - failure_of_proof(rank.mean.n)},
            {"success at that k", json_of(rank.success)},
            {"k needed", json_of(rank.needed)},
            {"k needed is within what was measured", rank.reached}};
}

static ordered_json json_of_proof(const Theorem1Options& o) {
    ordered_json json;
    json["eps"] = o.eps;
    json["k over ln n"] = rows_per_log(o.eps);
    for (const double failure : {0.5, 0.05, 0.01})
        json["n from which it fails at most so often"][significant(failure)] =
            length_of_failure(failure);
    for (const double eps : {0.1, 0.2, 0.5, 2.0 / 3.0})
        json["n from which k is smaller than n"].push_back({{"eps", eps},
                                                            {"k over ln n", rows_per_log(eps)},
                                                            {"n", first_length_above_rows(eps)}});
    for (std::size_t n = 64; n <= 65536; n *= 2)
        json["k against n"].push_back(
            {{"n", n},
             {"k", rows_of_proof(n, o.eps)},
             {"k/n", static_cast<double>(rows_of_proof(n, o.eps)) / static_cast<double>(n)},
             {"may fail", failure_of_proof(n)}});
    return json;
}

// All that was measured.
static void store(PaperReport& report, const Theorem1Options& o, const Theorem1Numbers& numbers) {
    ordered_json& json = report.numbers();
    json["draws of R for each seed"] = o.draws;
    json["columns of W"] = o.columns;
    json["deviation of the scores"] = o.deviation;
    if (o.model.empty()) json["trained model"] = "none: --model was not given";
    else json["trained model"] = {{"model", o.model}, {"text", o.text}};
    json["proof"] = json_of_proof(o);
    const auto add = [&](const std::string& name, const std::vector<MeasuredHeads>& lengths) {
        for (const MeasuredHeads& heads : lengths) {
            ordered_json& entry = json[name].emplace_back(json_of(heads, o.eps));
            entry["relative"] = json_of(rank_of(heads, &ProjectionErrors::relative, o.eps));
            entry["largest of all rows"] =
                json_of(rank_of(heads, &ProjectionErrors::largest, o.eps));
        }
    };
    add("separate inputs", numbers.separate);
    add("one input", numbers.one_input);
    add("independent scores", numbers.independent);
    add("trained", numbers.trained);
    add("control: w nearly constant", numbers.constant);
    add("control: R of variance 1", numbers.wrong);
}

// ---- The findings

static std::string percent(double share) { return significant(100 * share) + " %"; }

static std::string listed(const std::vector<RankOfSeeds>& ranks) {
    std::string text;
    for (const RankOfSeeds& rank : ranks) {
        if (!text.empty()) text += ", ";
        text += rank.reached ? "" : "more than ";
        text += std::to_string(std::lround(rank.needed.mean)) +
                " at n = " + std::to_string(rank.mean.n) +
                " (proof: " + std::to_string(rank.mean.rows) + ")";
    }
    return text;
}

static std::string growth_text(const std::vector<RankOfSeeds>& ranks) {
    const std::vector<RankAtLength> means = means_of(ranks);
    return "as n^" + significant(growth_of_needed(means)) + " (ln n: n^" +
           significant(growth_of_log(means)) + ")";
}

static std::string success_text(const RankOfSeeds& rank) {
    return "at n = " + std::to_string(rank.mean.n) + ", k = " + std::to_string(rank.mean.rows) +
           " succeeds in " + percent(rank.mean.success) +
           " of the cases (claimed: " + percent(1 - failure_of_proof(rank.mean.n)) + ")";
}

static std::string best_ranks_text(const std::vector<MeasuredHeads>& lengths, double eps) {
    std::string text;
    for (const MeasuredHeads& heads : lengths)
        text += text_of(spread_of(heads.best_ranks)) + " at n = " + std::to_string(heads.n) + ", ";
    const double growth = growth_of_needed(best_ranks_of(lengths, eps));
    return text + "as n^" + significant(growth);
}

static void add_best_rank(PaperReport& report, const Theorem1Numbers& numbers,
                          const Theorem1Options& o) {
    const std::vector<RankAtLength> ranks = best_ranks_of(numbers.separate, o.eps);
    std::string trained;
    for (const MeasuredHeads& heads : numbers.trained)
        trained += "; trained model " + text_of(spread_of(heads.best_ranks)) +
                   " at n = " + std::to_string(heads.n);
    report.add({.claim = "Self-attention is low rank: some P~, which may know P, is near",
                .paper = "rank Theta(log n)",
                .ours = "best rank " + best_ranks_text(numbers.separate, o.eps) + " (ln n: n^" +
                        significant(growth_of_log(ranks)) +
                        "), d_h = " + std::to_string(o.columns) + trained,
                .verdict = verdict_of_growth(ranks),
                .control = "independent scores, made of no Q and K: best rank " +
                           best_ranks_text(numbers.independent, o.eps),
                .control_verdict = verdict_of_growth(best_ranks_of(numbers.independent, o.eps))});
}

static void add_fall(PaperReport& report, const Theorem1Numbers& numbers, double eps) {
    const std::vector<MeasuredHeads> sources = numbers.sources();
    std::string exponents;
    for (const MeasuredHeads& heads : sources)
        exponents += (exponents.empty() ? "" : "; ") + heads.name +
                     ", n = " + std::to_string(heads.n) + ": " +
                     text_of(spread_of(exponents_of(heads)));
    const Fall fall = fall_of(sources, eps);
    const Fall wrong = fall_of({numbers.wrong.back()}, eps);
    const bool kept = fall.excess <= 0;
    report.add({.claim = "The lemma: an entry of P R^T R w misses that of P w by eps ||P_i|| ||w|| "
                         "at most, and eps falls as 1/sqrt(k)",
                .paper = "exponent -1/2; a share of 2 exp(-(eps^2 - eps^3) k/4) of the entries "
                         "misses by more",
                .ours = "exponent " + exponents + "; the share is " +
                        (kept ? "kept at every k" : "not kept"),
                .verdict = verdict_of_fall(fall),
                .control = "R of variance 1: exponent " +
                           text_of(spread_of(exponents_of(numbers.wrong.back()))),
                .control_verdict = verdict_of_fall(wrong)});
}

static std::string relative_text(const MeasuredHeads& heads) {
    std::string text;
    for (std::size_t i = 0; i < heads.errors.front().size(); ++i) {
        const std::size_t k = heads.errors.front()[i].k;
        const bool is_part = k == heads.n / 8 || k == heads.n / 4 || k == heads.n / 2;
        if (!is_part && k != heads.n) continue;
        text += (text.empty() ? "" : ", ") +
                text_of(spread_of(over_seeds(heads, i, relative_error))) +
                " at k = " + std::to_string(k);
    }
    return text;
}

static void add_relative(PaperReport& report, const Theorem1Numbers& numbers,
                         const Theorem1Options& o, const std::vector<RankOfSeeds>& relative,
                         const std::vector<RankOfSeeds>& one_input,
                         const std::vector<RankOfSeeds>& constant) {
    std::string trained;
    for (const MeasuredHeads& heads : numbers.trained) {
        const RankOfSeeds rank = rank_of(heads, &ProjectionErrors::relative, o.eps);
        trained += "; trained model: " + success_text(rank) + ", k needed: " + listed({rank});
    }
    const MeasuredHeads& longest = numbers.separate.back();
    report.add({.claim = "As written: ||P~ w - P w|| < eps ||P w|| at k = 5 ln n/(eps^2 - eps^3)",
                .paper = "with probability 1 - 2 n^(-1/4), at a rank of Theta(log n)",
                .ours = success_text(relative.back()) + "; relative error " +
                        relative_text(longest) + "; k needed: " + listed(relative) +
                        ", and grows " + growth_text(relative) +
                        "; one input for Q, K and V: " + listed(one_input) + trained,
                .verdict = verdict_of_rank(means_of(relative)),
                .control = "w nearly constant, so that P w does not cancel: " +
                           success_text(constant.back()) + "; k needed: " + listed(constant),
                .control_verdict = verdict_of_rank(means_of(constant))});
}

static void add_additive(PaperReport& report, const std::vector<RankOfSeeds>& additive,
                         const std::vector<RankOfSeeds>& wrong) {
    report.add({.claim = "As proved: all n rows miss by eps ||P_i|| ||w|| at most at the same k",
                .paper = "with probability 1 - 2 n^(-1/4), at a rank of Theta(log n)",
                .ours = success_text(additive.back()) + "; k needed: " + listed(additive) +
                        ", and grows " + growth_text(additive),
                .verdict = verdict_of_rank(means_of(additive)),
                .control = "R of variance 1: " + success_text(wrong.back()),
                .control_verdict = verdict_of_rank(means_of(wrong))});
}

// The longest length that a power of 2 has below the proof's k.
static std::size_t length_below_rows(double eps) {
    std::size_t n = 2;
    while (2 * n < first_length_above_rows(eps)) n *= 2;
    return n;
}

static std::string proof_text(std::size_t n, std::size_t rows) {
    return "n = " + std::to_string(n) + ": k = " + std::to_string(rows) + ", may fail with " +
           significant(failure_of_proof(n));
}

static void add_proof(PaperReport& report, const Theorem1Numbers& numbers, double eps) {
    const std::size_t n = numbers.separate.back().n;
    const std::size_t rows = rows_of_proof(n, eps);
    const std::size_t control_n = length_below_rows(eps);
    const std::size_t control_rows = rows_of_proof(control_n, eps);
    report.add({.claim = "The proof's k is a low rank, and succeeds with high probability",
                .paper = "k = 5 ln n/(eps^2 - eps^3) = " + significant(rows_per_log(eps), 4) +
                         " ln n at eps = " + significant(eps) + "; 1 - o(1)",
                .ours = proof_text(n, rows) + "; k is smaller than n from n = " +
                        std::to_string(first_length_above_rows(eps)) +
                        " on; it fails with 0.05 at most from n = " +
                        significant(length_of_failure(0.05)) + " on",
                .verdict = verdict_of_proof(n, rows),
                .control = proof_text(control_n, control_rows),
                .control_verdict = verdict_of_proof(control_n, control_rows)});
}

// Ours: the reason for what add_relative finds.
static void add_reason(PaperReport& report, const Theorem1Numbers& numbers) {
    std::vector<double> ratios;
    std::vector<double> control_ratios;
    std::string kappas;
    for (const MeasuredHeads& heads : numbers.sources()) {
        const double root_n = std::sqrt(static_cast<double>(heads.n));
        const std::vector<double> ones(heads.kappas.size(), 1);
        for (const double ratio : prediction_ratios(heads, heads.kappas)) ratios.push_back(ratio);
        for (const double ratio : prediction_ratios(heads, ones)) control_ratios.push_back(ratio);
        kappas += "; kappa of " + heads.name + " " + text_of(spread_of(heads.kappas)) +
                  ", sqrt(n) " + significant(root_n);
    }
    const Spread spread = spread_of(ratios);
    const Spread control = spread_of(control_ratios);
    const auto range = [](const Spread& s) {
        return significant(s.least) + " to " + significant(s.most) + " times the predicted error";
    };
    report.add({.claim = "The reason (ours): the relative error is sqrt((kappa^2 + 1)/k), kappa = "
                         "||P||_F ||w||/||P w||",
                .paper = "does not say it; eps ||P w|| in place of eps ||P||_F ||w|| is kappa = 1",
                .ours = "from k = n/8 to n " + range(spread) + kappas,
                .verdict = verdict_of_prediction(spread),
                .control = "predicted with kappa = 1: " + range(control),
                .control_verdict = verdict_of_prediction(control)});
}

// ---- The picture

static Curve curve_of(const std::string& title, const std::string& style,
                      const MeasuredHeads& heads,
                      const std::function<double(const ProjectionErrors&)>& get) {
    Curve curve{title, style, {}};
    for (std::size_t i = 0; i < heads.errors.front().size(); ++i) {
        add_point(curve, static_cast<double>(heads.errors.front()[i].k),
                  spread_of(over_seeds(heads, i, get)));
    }
    return curve;
}

static void draw_errors(const PaperReport& report, const Theorem1Numbers& numbers, double eps) {
    const MeasuredHeads& longest = numbers.separate.back();
    const std::string points = "linespoints lw 2 pt 7 ps 0.5";
    const auto additive = [](const ProjectionErrors& at) { return at.additive; };
    std::vector<Curve> curves{
        curve_of("relative: separate inputs", points, longest, relative_error),
        curve_of("additive: separate inputs", points, longest, additive),
        curve_of("relative: one input", points, numbers.one_input.back(), relative_error),
        curve_of("relative: w nearly constant", points, numbers.constant.back(), relative_error)};
    for (const MeasuredHeads& heads : numbers.trained) {
        const std::string name = "trained, n = " + std::to_string(heads.n);
        curves.push_back(curve_of("relative: " + name, points, heads, relative_error));
        curves.push_back(curve_of("additive: " + name, points, heads, additive));
    }
    Curve prediction{"1/sqrt(k): the lemma", "lines lw 2 dt 2 lc rgb \"#000000\"", {}};
    for (const ProjectionErrors& at : longest.errors.front()) {
        const auto k = static_cast<double>(at.k);
        prediction.points.emplace_back(k, 1 / std::sqrt(k));
    }
    const double least_k = prediction.points.front().first;
    const double most_k = prediction.points.back().first;
    const auto rows = static_cast<double>(rows_of_proof(longest.n, eps));
    const double largest = curves.front().points.front().second;
    const double smallest = prediction.points.back().second;
    curves.push_back(prediction);
    curves.push_back({"eps = " + significant(eps),
                      "lines lw 1 dt 3 lc rgb \"#000000\"",
                      {{least_k, eps}, {most_k, eps}}});
    curves.push_back({"k of the proof",
                      "lines lw 1 dt 4 lc rgb \"#000000\"",
                      {{rows, smallest}, {rows, largest}}});
    const double ratio =
        relative_error(longest.errors.front().back()) / longest.errors.front().back().additive;
    const std::string title = "Theorem 1, n = " + std::to_string(longest.n) +
                              ": the error relative to |P w| is " + significant(ratio, 2) +
                              " times the additive one";
    show_picture(plot(report.picture_path(), title, "k, rows of R", "error, root mean square",
                      curves, Scale::logarithmic),
                 report.picture_path());
}

// ---- The program

static int report_on(const Theorem1Options& o, const std::optional<TrainedModel>& trained) {
    PaperReport report(o, "theorem_1", "Theorem 1",
                       "P R^T R w beside P w, R (k, n) of entries N(0, 1/k)");
    if (!trained) print_result("No trained model: --model DIR --text FILE measures one too.\n");
    const Theorem1Numbers numbers = measure_all(o, trained);
    store(report, o, numbers);
    const auto ranks = [&](const std::vector<MeasuredHeads>& lengths, ErrorOfColumns error) {
        return ranks_of(lengths, error, o.eps);
    };
    add_best_rank(report, numbers, o);
    add_fall(report, numbers, o.eps);
    add_additive(report, ranks(numbers.separate, &ProjectionErrors::largest),
                 ranks(numbers.wrong, &ProjectionErrors::largest));
    add_relative(report, numbers, o, ranks(numbers.separate, &ProjectionErrors::relative),
                 ranks(numbers.one_input, &ProjectionErrors::relative),
                 ranks(numbers.constant, &ProjectionErrors::relative));
    add_reason(report, numbers);
    add_proof(report, numbers, o.eps);
    return report.finish([&] { draw_errors(report, numbers, o.eps); });
}

static void check_lengths(const Theorem1Options& o) {
    check_growing("--lengths", o.lengths);
    const std::size_t n = o.lengths.back();
    if (rows_of_proof(n, o.eps) >= n)
        throw Error("--lengths: the last must be more than the proof's k at --eps: " +
                    std::to_string(n) + ", " + std::to_string(rows_of_proof(n, o.eps)));
}

static void check_model(const Theorem1Options& o, const Options& options) {
    if (options.given("--model") != options.given("--text"))
        throw Error("--model, --text: both must be given, or none: --model '" + o.model +
                    "', --text '" + o.text + "'");
}

}  // namespace taper::examples

int main(int argc, char** argv) {
    using namespace taper;
    using namespace taper::examples;
    return run_program("theorem_1", [&] {
        Theorem1Options o;
        Options options("theorem_1",
                        "Theorem 1 of arXiv 2006.04768: how far a random projection of attention "
                        "to k positions is from attention.");
        o.declare(options, "two minutes");
        options.counts("--lengths", o.lengths, 8, 8192,
                       "n, growing, two or more: N,N,...; with --quick 256,512");
        options.count("--draws", o.draws, 1, 1000, "R for each seed; with --quick 1");
        options.count("--columns", o.columns, 1, 1024, "d_h, columns of W; with --quick 32");
        options.number("--eps", o.eps, {0, 1, false, false, "a number between 0 and 1"},
                       "the error that is asked for; at 2/3 the proof's k is least");
        options.number("--deviation", o.deviation, not_negative(),
                       "of the random scores: at 0 attention is even, a large one is sharp");
        options.path("--model", o.model, "a masked model as well, as train_mlm writes it");
        options.path("--text", o.text, "a text for --model");
        if (!options.parse(argc, argv)) return 0;
        if (o.quick && !options.given("--lengths")) o.lengths = {256, 512};
        if (o.quick && !options.given("--draws")) o.draws = 1;
        if (o.quick && !options.given("--columns")) o.columns = 32;
        check_lengths(o);
        check_model(o, options);
        o.apply(options);
        std::optional<TrainedModel> trained;
        if (!o.model.empty()) trained.emplace(o);
        return report_on(o, trained);
    });
}
