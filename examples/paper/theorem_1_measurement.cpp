#include "examples/paper/theorem_1_measurement.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "core/ops.hpp"
#include "examples/common/text.hpp"
#include "examples/language_model/attention_maps.hpp"
#include "examples/language_model/pictures.hpp"
#include "examples/paper/theorem_1_verdicts.hpp"

namespace taper::examples {

namespace {

enum class HeadKind {
    separate_inputs,     // Q, K and V are made of three independent inputs
    one_input,           // Q, K and V are made of one input, as in self-attention
    independent_scores,  // n x n independent scores, made of no Q and K
    nearly_constant,     // as separate_inputs; w is 1 plus a tenth of a column of V W^V, as a
                         // large bias of the value layer makes it
};

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

}  // namespace

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
    for (std::uint64_t seed = o.seed; seed < o.seed + o.seeds; ++seed) {
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

TrainedModel::TrainedModel(const Theorem1Options& o) : loaded(load(o.model, ModelKind::masked)) {
    const Text text = read_text(o.text, encoding_of(loaded.tokenizer->kind()));
    ids = loaded.tokenizer->encode(text.bytes, o.text);
    if (ids.size() < length())
        throw Error("--text: the text must fill the window of --model: tokens " +
                    std::to_string(ids.size()) + ", length " + std::to_string(length()));
}

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

// Rows of a P that hardly tells positions apart are alike, and their errors are one random number:
// few heads need more R for a mean.
static HeadsToMeasure heads_to_measure(const TrainedModel& trained, const Theorem1Options& o) {
    const std::uint64_t draws = o.draws * std::max<std::uint64_t>(1, 32 / trained.heads());
    const HeadsOfSeed heads_of = [&](std::uint64_t seed) {
        const std::uint64_t number = seed - o.seed;
        const Ids tokens = window_of(trained.ids, trained.length(), number, o.seeds);
        return heads_of_model(trained.loaded.model, tokens);
    };
    return {.name = "trained model", .n = trained.length(), .heads_of = heads_of, .draws = draws};
}

// ---- All of it

Theorem1Numbers measure_all(const Theorem1Options& o, const std::optional<TrainedModel>& trained) {
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
        parts += task.parts_of_work() * task.draws * heads * o.seeds;
    }
    WorkProgress progress(parts);
    Theorem1Numbers numbers;
    for (const auto& [result, task] : tasks)
        (numbers.*result).push_back(measured(task, o, progress));
    progress.leave();
    return numbers;
}

}  // namespace taper::examples
