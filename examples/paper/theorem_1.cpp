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
#include <utility>

#include "core/ops.hpp"
#include "examples/common/options.hpp"
#include "examples/common/plot.hpp"
#include "examples/common/program.hpp"
#include "examples/common/text.hpp"
#include "examples/language_model/attention_maps.hpp"
#include "examples/language_model/loading.hpp"
#include "examples/language_model/pictures.hpp"
#include "examples/paper/random_projection.hpp"
#include "examples/paper/report.hpp"

namespace taper::examples {

using nlohmann::ordered_json;

// ---- What the proof says

// k / ln n
static double rows_per_log(double eps) { return 5 / (eps * eps - eps * eps * eps); }

static std::size_t rows_of_proof(std::size_t n, double eps) {
    const double k = rows_per_log(eps) * std::log(static_cast<double>(n));
    return static_cast<std::size_t>(std::ceil(k));
}

static double failure_of_proof(std::size_t n) {
    return 2 * std::pow(static_cast<double>(n), -0.25);
}

// The lemma: the share of entries that miss by more than eps.
static double share_beyond(std::size_t k, double eps) {
    return 2 * std::exp(-(eps * eps - eps * eps * eps) * static_cast<double>(k) / 4);
}

// The first n from which on k is smaller than n. n - k grows once n is more than k / ln n.
static std::size_t first_length_above_rows(double eps) {
    auto n = static_cast<std::size_t>(rows_per_log(eps)) + 1;
    while (rows_of_proof(n, eps) >= n) ++n;
    return n;
}

// The first n at which the proof fails with that probability at most.
static double length_of_failure(double failure) { return std::pow(2 / failure, 4); }

// ---- The verdicts

// How the error falls: error ~ k^exponent.
struct Fall {
    double least, most;  // exponents of all seeds and heads
    double excess;       // the largest share of entries beyond eps, less the lemma's
};

// The claim is the exponent -1/2 and the lemma's share. holds: the exponents are within 0.1, a
// fifth of it, and the share is kept at every k. holds weaker: each exponent is beyond half of the
// claimed one.
static Verdict verdict_of_fall(const Fall& fall) {
    const bool as_claimed = fall.least > -0.6 && fall.most < -0.4;
    if (as_claimed && fall.excess <= 0) return Verdict::holds;
    return fall.most < -0.25 ? Verdict::holds_weaker : Verdict::does_not_hold;
}

// An error at one n, the means over seeds.
struct RankAtLength {
    std::size_t n;
    std::size_t rows;  // k of the proof
    double success;    // at that k, the share of R and w with an error below eps
    double needed;     // the k at which that share is what the proof claims
};

static double growth_of_needed(const std::vector<RankAtLength>& lengths) {
    std::vector<std::pair<double, double>> points;
    for (const RankAtLength& at : lengths)
        points.emplace_back(static_cast<double>(at.n), at.needed);
    return exponent_of(points);
}

// Of ln n over the same lengths.
static double growth_of_log(const std::vector<RankAtLength>& lengths) {
    std::vector<std::pair<double, double>> points;
    for (const RankAtLength& at : lengths) {
        const auto n = static_cast<double>(at.n);
        points.emplace_back(n, std::log(n));
    }
    return exponent_of(points);
}

// holds: at every n where the proof's k is smaller than n, that k succeeds as often as the proof
// claims. holds weaker: it does not, but the k that is needed grows with n more like ln n than like
// n, its exponent below the middle of the two. not visible: k is n or more at every n.
static Verdict verdict_of_rank(const std::vector<RankAtLength>& lengths) {
    bool visible = false;
    bool succeeds = true;
    for (const RankAtLength& at : lengths) {
        if (at.rows >= at.n) continue;
        visible = true;
        succeeds = succeeds && at.success >= 1 - failure_of_proof(at.n);
    }
    if (!visible) return Verdict::not_visible;
    if (succeeds) return Verdict::holds;
    const double middle = (growth_of_log(lengths) + 1) / 2;
    return growth_of_needed(lengths) < middle ? Verdict::holds_weaker : Verdict::does_not_hold;
}

// needed: the rank of the best P~. holds: it grows with n more like ln n than like n. holds weaker:
// it grows, but by a tenth at least more slowly than n, on logarithms.
static Verdict verdict_of_growth(const std::vector<RankAtLength>& lengths) {
    const double growth = growth_of_needed(lengths);
    if (growth < (growth_of_log(lengths) + 1) / 2) return Verdict::holds;
    return growth < 0.9 ? Verdict::holds_weaker : Verdict::does_not_hold;
}

// "Low rank" is read as half of n at most, "with high probability" as 0.95. holds: both. holds
// weaker: the proof says something, a rank below n and a failure below 1. not visible: it says
// nothing.
static Verdict verdict_of_proof(std::size_t n, std::size_t rows) {
    const double failure = failure_of_proof(n);
    if (rows >= n || failure >= 1) return Verdict::not_visible;
    return 2 * rows <= n && failure <= 0.05 ? Verdict::holds : Verdict::holds_weaker;
}

// ratios: measured over predicted relative errors. holds: all within a factor 1.25, as a random
// number of a few R needs some room; holds weaker: within a factor 2.
static Verdict verdict_of_prediction(const Spread& ratios) {
    const auto within = [&](double factor) {
        return ratios.least > 1 / factor && ratios.most < factor;
    };
    if (within(1.25)) return Verdict::holds;
    return within(2) ? Verdict::holds_weaker : Verdict::does_not_hold;
}

// ---- What is measured

struct Theorem1Options {
    PaperOptions paper{"theorem_1"};
    std::vector<std::uint64_t> lengths{256, 512, 1024, 2048};
    std::uint64_t draws = 4;
    std::uint64_t columns = 64;
    double eps = 2.0 / 3.0;
    double deviation = 1;
    std::string model;
    std::string text;
};

enum class HeadKind {
    separate_inputs,     // Q, K and V are made of three independent inputs
    one_input,           // Q, K and V are made of one input, as in self-attention
    independent_scores,  // n x n independent scores, made of no Q and K
    nearly_constant,     // as separate_inputs; w is 1 plus a tenth of a column of V W^V, as a
                         // large bias of the value layer makes it
};

// Inputs (n, d) of entries N(0, 1), as behind LayerNorm, d = 8 d_h, and weights N(0, 1/d): the
// scores have the deviation 1 before they are scaled.
static AttendedColumns random_head(std::size_t n, std::uint64_t seed, HeadKind kind,
                                   const Theorem1Options& o) {
    const std::size_t d_h = o.columns;
    const std::size_t d = 8 * d_h;
    const double weight_deviation = 1 / std::sqrt(static_cast<double>(d));
    const auto projected = [&](const std::string& name) {
        const std::string input = kind == HeadKind::one_input ? "input" : "input of " + name;
        const Var<double> X = normal<double>(Random(seed, input), {n, d});
        const Var<double> W = normal<double>(Random(seed, name), {d, d_h}, weight_deviation);
        return matmul(X, W);
    };
    const double score_scale = o.deviation / std::sqrt(static_cast<double>(d_h));
    const Var<double> scores =
        kind == HeadKind::independent_scores
            ? Var<double>(normal<double>(Random(seed, "scores"), {n, n}, o.deviation))
            : matmul(projected("Q"), projected("K"), {.transpose_b = true}) * score_scale;
    const Var<double> values = projected("V");
    const Var<double> W = kind == HeadKind::nearly_constant ? 1 + 0.1 * values : values;
    return {.P = softmax(scores), .W = W};
}

// 1, 2, 4, ... up to most, with n/8, n/4, n/2, n and the proof's k among them.
static std::vector<std::size_t> measured_rows(std::size_t n, std::size_t most, double eps) {
    std::vector<std::size_t> ks{rows_of_proof(n, eps), n / 8, n / 4, n / 2, n, most};
    for (std::size_t k = 1; k < most; k *= 2) ks.push_back(k);
    std::erase_if(ks, [&](std::size_t k) { return k == 0 || k > most; });
    std::sort(ks.begin(), ks.end());
    ks.erase(std::unique(ks.begin(), ks.end()), ks.end());
    return ks;
}

using ErrorsOfSeeds = std::vector<std::vector<ProjectionErrors>>;  // of each seed, at each k

using HeadsOfSeed = std::function<std::vector<AttendedColumns>(std::uint64_t seed)>;

// Heads of one kind and length, and R. The errors of a control are far from the claim's: one R for
// each seed and k up to n are enough.
struct HeadsToMeasure {
    std::string name;
    std::size_t n;
    HeadsOfSeed heads_of;
    std::uint64_t draws;  // R for each seed and head
    EntryVariance variance = EntryVariance::one_over_k;
    bool is_control = false;

    std::size_t most_rows() const { return is_control ? n : 4 * n; }
    // Of one head and one R, for the progress.
    std::uint64_t parts_of_work() const {
        return std::max<std::uint64_t>(1, n * most_rows() / 65536);
    }
};

struct MeasuredHeads {
    std::string name;
    std::size_t n;
    ErrorsOfSeeds errors = {};
    std::vector<double> kappas = {};      // of each seed, root mean square over its columns
    std::vector<double> best_ranks = {};  // of each seed, mean over its heads; none of a control
};

// The least rank that a P~ which knows P needs, for columns of independent entries: what the
// singular values behind it leave, sqrt(s_{k+1}^2 + ... + s_n^2), is eps ||P||_F at most.
static double best_rank(const Array<double>& P, double eps) {
    const std::vector<double> s = singular_values(P);
    double total = 0;
    for (const double value : s) total += value * value;
    double left = total;
    std::size_t rank = 0;
    while (rank < s.size() && left > eps * eps * total) {
        left -= s[rank] * s[rank];
        ++rank;
    }
    return static_cast<double>(rank);
}

static std::vector<ProjectionErrors> errors_of_heads(const HeadsToMeasure& task,
                                                     const std::vector<AttendedColumns>& heads,
                                                     std::uint64_t seed, const Theorem1Options& o,
                                                     WorkProgress& progress) {
    const std::vector<std::size_t> ks = measured_rows(task.n, task.most_rows(), o.eps);
    ErrorsOfSeeds parts;
    for (std::size_t head = 0; head < heads.size(); ++head)
        for (std::uint64_t draw = 0; draw < task.draws; ++draw) {
            const auto number = static_cast<std::uint32_t>(head * task.draws + draw);
            const Random random(seed, "R", number);
            parts.push_back(projection_errors(heads[head], ks, random, task.variance, o.eps));
            for (std::uint64_t i = 0; i < task.parts_of_work(); ++i) progress.done();
        }
    return pooled(parts);
}

static MeasuredHeads measured(const HeadsToMeasure& task, const Theorem1Options& o,
                              WorkProgress& progress) {
    MeasuredHeads result{.name = task.name, .n = task.n};
    for (std::uint64_t seed = o.paper.seed; seed < o.paper.seed + o.paper.seeds; ++seed) {
        const std::vector<AttendedColumns> heads = task.heads_of(seed);
        result.errors.push_back(errors_of_heads(task, heads, seed, o, progress));
        std::vector<double> kappas;
        std::vector<double> best_ranks;
        for (const AttendedColumns& head : heads) {
            for (const double kappa : kappas_of(head)) kappas.push_back(kappa);
            if (!task.is_control) best_ranks.push_back(best_rank(head.P.value(), o.eps));
        }
        result.kappas.push_back(root_mean_square(kappas));
        if (!task.is_control) result.best_ranks.push_back(spread_of(best_ranks).mean);
    }
    return result;
}

// ---- A trained model

// The windows of a text, evenly spread, one for each seed.
static Ids window_of(const TokenIds& ids, std::size_t n, std::uint64_t number,
                     std::uint64_t windows) {
    const std::size_t room = ids.size() - n;
    const std::size_t begin = windows > 1 ? room * number / (windows - 1) : 0;
    Ids window = empty<std::int64_t>({1, n});
    std::copy_n(ids.begin() + static_cast<std::ptrdiff_t>(begin), n, window.data());
    return window;
}

// All heads of all layers. W: what the layer makes of its input, for the head's columns.
static std::vector<AttendedColumns> heads_of_model(const nn::Linformer<float>& model,
                                                   const Ids& tokens) {
    const std::size_t d_h = model.config.width / model.config.heads;
    const auto maps = attention_maps(model, tokens);
    std::vector<AttendedColumns> heads;
    Var<float> x = model.embedding(tokens);
    for (std::size_t l = 0; l < model.layers.size(); ++l) {
        const nn::EncoderBlock<float>& layer = model.layers[l];
        const Var<float> z = layer.norm == nn::Norm::pre ? layer.norm1(x) : x;
        const Array<double> V = converted<double>(layer.attention.value(z).value());
        const Var<double> rows = reshaped(V, {tokens.shape(1), model.config.width});
        for (std::size_t head = 0; head < model.config.heads; ++head) {
            const Range of_head{.begin = static_cast<std::ptrdiff_t>(head * d_h),
                                .end = static_cast<std::ptrdiff_t>((head + 1) * d_h)};
            heads.push_back({.P = maps[l][head].P, .W = slice(rows, 1, of_head)});
        }
        x = layer(x);
    }
    return heads;
}

struct TrainedModel {
    LoadedModel loaded;
    TokenIds ids;

    explicit TrainedModel(const Theorem1Options& o) : loaded(load(o.model, ModelKind::masked)) {
        const Text text = read_text(o.text, encoding_of(loaded.tokenizer->kind()));
        ids = loaded.tokenizer->encode(text.bytes, o.text);
        if (ids.size() < length())
            throw Error("--text: the text must fill the window of --model: tokens " +
                        std::to_string(ids.size()) + ", length " + std::to_string(length()));
    }
    std::size_t length() const { return loaded.model.config.length; }
    std::size_t heads() const { return loaded.model.config.layers * loaded.model.config.heads; }
};

// Rows of a P that hardly tells positions apart are alike, and their errors are one random number:
// few heads need more R for a mean.
static HeadsToMeasure heads_to_measure(const TrainedModel& trained, const Theorem1Options& o) {
    const std::uint64_t draws = o.draws * std::max<std::uint64_t>(1, 32 / trained.heads());
    const HeadsOfSeed heads_of = [&](std::uint64_t seed) {
        const std::uint64_t number = seed - o.paper.seed;
        const Ids tokens = window_of(trained.ids, trained.length(), number, o.paper.seeds);
        return heads_of_model(trained.loaded.model, tokens);
    };
    return {.name = "trained model", .n = trained.length(), .heads_of = heads_of, .draws = draws};
}

// ---- What the errors say

static std::vector<double> over_seeds(const MeasuredHeads& heads, std::size_t i,
                                      const std::function<double(const ProjectionErrors&)>& get) {
    std::vector<double> numbers;
    for (const auto& errors : heads.errors) numbers.push_back(get(errors[i]));
    return numbers;
}

static double relative_error(const ProjectionErrors& errors) {
    return root_mean_square(errors.relative);
}

static double predicted_relative_error(double kappa, std::size_t k) {
    return std::sqrt((kappa * kappa + 1) / static_cast<double>(k));
}

// An error of each R and column: the relative one, or the largest of all rows.
using ErrorOfColumns = std::vector<double> ProjectionErrors::*;

static double success_at(const ProjectionErrors& errors, ErrorOfColumns error, double eps) {
    const std::vector<double>& numbers = errors.*error;
    const auto below =
        std::count_if(numbers.begin(), numbers.end(), [&](double x) { return x < eps; });
    return static_cast<double>(below) / static_cast<double>(numbers.size());
}

// So many of the numbers are at most the result.
static double quantile_of(std::vector<double> numbers, double share) {
    const auto last = static_cast<double>(numbers.size() - 1);
    const auto place = numbers.begin() + static_cast<std::ptrdiff_t>(std::ceil(share * last));
    std::nth_element(numbers.begin(), place, numbers.end());
    return *place;
}

// The k from which on the errors of that share of columns are eps at most, the logarithms between
// two measured k joined by a straight line. The largest measured k where it is more.
static double needed_rows(const std::vector<ProjectionErrors>& errors, ErrorOfColumns error,
                          double share, double eps) {
    std::pair<double, double> above{0, 0};  // k, quantile
    for (const ProjectionErrors& at : std::vector(errors.rbegin(), errors.rend())) {
        const auto k = static_cast<double>(at.k);
        const double quantile = quantile_of(at.*error, share);
        const bool largest = above.first == 0;
        if (quantile > eps && largest) return k;
        if (quantile > eps) {
            const double slope = std::log(above.first / k) / std::log(above.second / quantile);
            return k * std::exp(slope * std::log(eps / quantile));
        }
        above = {k, quantile};
    }
    return above.first;
}

struct RankOfSeeds {
    RankAtLength mean;
    Spread success, needed;
    bool reached;  // the largest measured k is more than the needed one
};

static RankOfSeeds rank_of(const MeasuredHeads& heads, ErrorOfColumns error, double eps) {
    const std::size_t rows = rows_of_proof(heads.n, eps);
    const double claimed = std::max(0.0, 1 - failure_of_proof(heads.n));
    std::vector<double> success;
    std::vector<double> needed;
    for (const auto& errors : heads.errors) {
        needed.push_back(needed_rows(errors, error, claimed, eps));
        const auto at = std::find_if(errors.begin(), errors.end(),
                                     [&](const auto& one) { return one.k == rows; });
        success.push_back(at == errors.end() ? 0 : success_at(*at, error, eps));
    }
    const Spread success_spread = spread_of(success);
    const Spread needed_spread = spread_of(needed);
    const auto largest = static_cast<double>(heads.errors.front().back().k);
    return {.mean = {.n = heads.n,
                     .rows = rows,
                     .success = success_spread.mean,
                     .needed = needed_spread.mean},
            .success = success_spread,
            .needed = needed_spread,
            .reached = needed_spread.most < largest};
}

static std::vector<RankAtLength> means_of(const std::vector<RankOfSeeds>& ranks) {
    std::vector<RankAtLength> means;
    for (const RankOfSeeds& rank : ranks) means.push_back(rank.mean);
    return means;
}

static std::vector<double> exponents_of(const MeasuredHeads& heads) {
    std::vector<double> exponents;
    for (const auto& errors : heads.errors) {
        std::vector<std::pair<double, double>> points;
        for (const ProjectionErrors& at : errors)
            points.emplace_back(static_cast<double>(at.k), at.additive);
        exponents.push_back(exponent_of(points));
    }
    return exponents;
}

static Fall fall_of(const std::vector<MeasuredHeads>& sources, double eps) {
    Fall fall{.least = 1e9, .most = -1e9, .excess = -1e9};
    for (const MeasuredHeads& heads : sources) {
        const Spread exponents = spread_of(exponents_of(heads));
        fall.least = std::min(fall.least, exponents.least);
        fall.most = std::max(fall.most, exponents.most);
        for (const auto& errors : heads.errors)
            for (const ProjectionErrors& at : errors)
                fall.excess = std::max(fall.excess, at.beyond - share_beyond(at.k, eps));
    }
    return fall;
}

// Measured over predicted relative errors from k = n/8 to n, each the mean over seeds.
static std::vector<double> prediction_ratios(const MeasuredHeads& heads,
                                             const std::vector<double>& kappas) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < heads.errors.front().size(); ++i) {
        const std::size_t k = heads.errors.front()[i].k;
        if (k < heads.n / 8 || k > heads.n) continue;
        const Spread measured = spread_of(over_seeds(heads, i, relative_error));
        std::vector<double> predicted;
        for (const double kappa : kappas) predicted.push_back(predicted_relative_error(kappa, k));
        ratios.push_back(measured.mean / spread_of(predicted).mean);
    }
    return ratios;
}

// ---- The report

static std::string percent(double share) { return significant(100 * share) + " %"; }

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
struct Theorem1Numbers {
    // At each length.
    std::vector<MeasuredHeads> separate, one_input, independent;
    std::vector<MeasuredHeads> constant;  // control: w nearly constant
    std::vector<MeasuredHeads> wrong;     // control: R of variance 1
    std::vector<MeasuredHeads> trained;   // one, or none

    std::vector<MeasuredHeads> sources() const {
        std::vector<MeasuredHeads> heads{separate.back(), one_input.back(), independent.back()};
        heads.insert(heads.end(), trained.begin(), trained.end());
        return heads;
    }
};

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

static std::vector<RankAtLength> best_ranks_of(const std::vector<MeasuredHeads>& lengths,
                                               double eps) {
    std::vector<RankAtLength> ranks;
    for (const MeasuredHeads& heads : lengths)
        ranks.push_back({.n = heads.n,
                         .rows = rows_of_proof(heads.n, eps),
                         .success = 1,
                         .needed = spread_of(heads.best_ranks).mean});
    return ranks;
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

static Curve curve_of(const std::string& title, const std::string& style,
                      const MeasuredHeads& heads,
                      const std::function<double(const ProjectionErrors&)>& get) {
    Curve curve{title, style, {}};
    for (std::size_t i = 0; i < heads.errors.front().size(); ++i) {
        const Spread spread = spread_of(over_seeds(heads, i, get));
        curve.points.emplace_back(static_cast<double>(heads.errors.front()[i].k), spread.mean);
        curve.band.emplace_back(spread.least, spread.most);
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
    require_drawn(plot(report.picture_path(), title, "k, rows of R", "error, root mean square",
                       curves, Scale::logarithmic),
                  report.picture_path());
}

// ---- The program

static Theorem1Numbers measure_all(const Theorem1Options& o,
                                   const std::optional<TrainedModel>& trained) {
    using Result = std::vector<MeasuredHeads> Theorem1Numbers::*;
    std::vector<std::pair<Result, HeadsToMeasure>> tasks;
    for (const std::uint64_t n : o.lengths) {
        const auto heads_of = [&o, n](HeadKind kind) -> HeadsOfSeed {
            return [&o, n, kind](std::uint64_t seed) {
                return std::vector{random_head(n, seed, kind, o)};
            };
        };
        const HeadsOfSeed separate = heads_of(HeadKind::separate_inputs);
        const HeadsOfSeed one_input = heads_of(HeadKind::one_input);
        const HeadsOfSeed independent = heads_of(HeadKind::independent_scores);
        const HeadsOfSeed constant = heads_of(HeadKind::nearly_constant);
        const EntryVariance right = EntryVariance::one_over_k;
        const EntryVariance wrong = EntryVariance::one;
        tasks.push_back({&Theorem1Numbers::separate, {"separate inputs", n, separate, o.draws}});
        tasks.push_back({&Theorem1Numbers::one_input, {"one input", n, one_input, o.draws}});
        tasks.push_back(
            {&Theorem1Numbers::independent, {"independent scores", n, independent, o.draws}});
        tasks.push_back(
            {&Theorem1Numbers::constant, {"w nearly constant", n, constant, 1, right, true}});
        tasks.push_back(
            {&Theorem1Numbers::wrong, {"R of variance 1", n, separate, 1, wrong, true}});
    }
    if (trained) tasks.push_back({&Theorem1Numbers::trained, heads_to_measure(*trained, o)});

    std::uint64_t parts = 0;
    for (const auto& [result, task] : tasks) {
        const bool is_trained = result == &Theorem1Numbers::trained;
        const std::uint64_t heads = is_trained ? trained->heads() : 1;
        parts += task.parts_of_work() * task.draws * heads * o.paper.seeds;
    }
    WorkProgress progress(parts);
    Theorem1Numbers numbers;
    for (const auto& [result, task] : tasks)
        (numbers.*result).push_back(measured(task, o, progress));
    progress.leave();
    return numbers;
}

static std::vector<RankOfSeeds> ranks_of(const std::vector<MeasuredHeads>& lengths,
                                         ErrorOfColumns error, double eps) {
    std::vector<RankOfSeeds> ranks;
    for (const MeasuredHeads& heads : lengths) ranks.push_back(rank_of(heads, error, eps));
    return ranks;
}

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

static int report_on(const Theorem1Options& o, const std::optional<TrainedModel>& trained) {
    PaperReport report(o.paper, "theorem_1", "Theorem 1",
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
    draw_errors(report, numbers, o.eps);
    return report.finish();
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
        o.paper.declare(options, "two minutes");
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
        if (o.paper.quick && !options.given("--lengths")) o.lengths = {256, 512};
        if (o.paper.quick && !options.given("--draws")) o.draws = 1;
        if (o.paper.quick && !options.given("--columns")) o.columns = 32;
        check_lengths(o);
        check_model(o, options);
        o.paper.apply();
        std::optional<TrainedModel> trained;
        if (!o.model.empty()) trained.emplace(o);
        return report_on(o, trained);
    });
}
