// Table 3 of arXiv 2006.04768: what Linformer saves against the Transformer, over n and k. Left the
// time of inference, right the memory, as the ratio of the largest batches that fit 16 GB; one
// projection for all layers, random data. Figure 2 is the program cost.
//
// Here the same of a small model, forward and also in training (forward and backward), which the
// paper does not measure. The time is compared with taper's own full attention, the faster one of
// the two that are here. The memory is compared with the composition of ops, which holds all n x n
// scores, as the paper's Transformer did: against taper's own there is nothing to save, as it holds
// one tile of the scores at a time and computes them again in backward (Dao et al., arXiv
// 2205.14135, two years after the paper). That is the control of the memory. The control of the
// time is a Linformer with k = n, whose E and F are work on top.
//
// To doubt: a small width makes the rest of a layer cheap beside attention, so that more is saved
// than in a wide one. composed::attention holds more arrays of n x n than a Transformer must, which
// the program counts; so the verdict on memory is that against a Transformer of two such arrays.
#include <cmath>
#include <map>

#include "examples/common/model_options.hpp"
#include "examples/common/plot.hpp"
#include "examples/common/program.hpp"
#include "examples/common/progress.hpp"
#include "examples/paper/cost_verdicts.hpp"
#include "examples/paper/passes.hpp"
#include "examples/paper/table_3_of_paper.hpp"

namespace taper::examples {

namespace {

struct Table3Options : PaperOptions {
    std::vector<std::uint64_t> lengths{512, 1024, 2048, 4096};
    std::vector<std::uint64_t> k{128, 256, 512, 1024, 2048};
    PassModel model;
    std::uint64_t budget = 16384;  // MB

    Table3Options() : PaperOptions("table_3") {}
};

// ---- What is measured

struct CostsAtLength {
    SequenceCost full, held;
    SequenceCost square;                       // linformer, k = n
    std::map<std::size_t, SequenceCost> by_k;  // linformer
};
using CostsByLength = std::map<std::size_t, CostsAtLength>;
// Of each seed, which is only another time of measuring.
using Repeats = std::vector<CostsByLength>;

std::uint64_t parts_of_work(const Table3Options& o) {
    std::uint64_t cells = 0;
    for (const std::uint64_t n : o.lengths) {
        cells += 3;
        for (const std::uint64_t k : o.k) cells += in_table(n, k);
    }
    constexpr std::uint64_t modes = 2;
    return modes * cells * o.seeds;
}

CostsByLength measured(const Table3Options& o, PassMode mode, WorkProgress& progress) {
    CostsByLength costs;
    for (const std::uint64_t n : o.lengths) {
        const auto cost = [&](AttentionForm form, std::size_t k) {
            const SequenceCost of_form = sequence_cost(o.model, form, n, k, mode);
            progress.done();
            return of_form;
        };
        CostsAtLength& at = costs[n];
        at.full = cost(AttentionForm::full, 0);
        at.held = cost(AttentionForm::held, 0);
        at.square = cost(AttentionForm::linformer, n);
        for (const std::uint64_t k : o.k)
            if (in_table(n, k)) at.by_k[k] = cost(AttentionForm::linformer, k);
    }
    return costs;
}

// Of all repeats.
template <class F> Spread over_repeats(const Repeats& repeats, std::size_t n, F number) {
    std::vector<double> numbers;
    for (const CostsByLength& costs : repeats) numbers.push_back(number(costs.at(n)));
    return spread_of(numbers);
}

Spread time_saved(const Repeats& repeats, std::size_t n, std::size_t k) {
    return over_repeats(repeats, n, [&](const CostsAtLength& at) {
        return at.full.seconds / at.by_k.at(k).seconds;
    });
}

Spread time_saved_by_square(const Repeats& repeats, std::size_t n) {
    return over_repeats(
        repeats, n, [](const CostsAtLength& at) { return at.full.seconds / at.square.seconds; });
}

// The ratio of the largest batches in any memory that many sequences fit into.
Spread memory_saved(const Repeats& repeats, std::size_t n, std::size_t k) {
    return over_repeats(repeats, n, [&](const CostsAtLength& at) {
        return at.held.megabytes / at.by_k.at(k).megabytes;
    });
}

// Bytes of the scores of one layer, in megabytes.
double score_megabytes(std::size_t n, const PassModel& model) {
    return static_cast<double>(n * n * model.heads * sizeof(float)) / (1024 * 1024);
}

// Against a Transformer that holds two arrays of n x n at once, the scores and their softmax, and
// is taper's full attention otherwise: reckoned, as no such form is here.
Spread memory_saved_against_two_arrays(const Repeats& repeats, std::size_t n, std::size_t k,
                                       const PassModel& model) {
    return over_repeats(repeats, n, [&](const CostsAtLength& at) {
        const double megabytes = at.full.megabytes + 2 * score_megabytes(n, model);
        return megabytes / at.by_k.at(k).megabytes;
    });
}

Spread memory_saved_against_full(const Repeats& repeats, std::size_t n, std::size_t k) {
    return over_repeats(repeats, n, [&](const CostsAtLength& at) {
        return at.full.megabytes / at.by_k.at(k).megabytes;
    });
}

// ---- The tables

std::string heading(const std::string& title, const Table3Options& o) {
    std::string text = "\n" + title + "\n" + right_aligned("n", 8);
    for (const std::uint64_t k : o.k) text += right_aligned("k " + std::to_string(k), 14);
    return text + "\n";
}

// Ours, and the paper's in brackets where it has the cell.
template <class Ours>
std::string table_text(const Table3Options& o, Ours ours, double PaperCell::*of_paper) {
    std::string text;
    for (const std::uint64_t n : o.lengths) {
        text += right_aligned(std::to_string(n), 8);
        for (const std::uint64_t k : o.k) {
            std::string cell;
            if (in_table(n, k)) cell = significant(ours(n, k), 2);
            if (!cell.empty() && paper_table().contains(n) && paper_table().at(n).contains(k))
                cell += " (" + significant(paper_table().at(n).at(k).*of_paper, 2) + ")";
            text += right_aligned(cell, 14);
        }
        text += "\n";
    }
    return text;
}

void print_savings(const Table3Options& o, PassMode mode, const Repeats& repeats) {
    const std::string name = name_of(mode);
    const auto time = [&](std::size_t n, std::size_t k) { return time_saved(repeats, n, k).mean; };
    const auto memory = [&](std::size_t n, std::size_t k) {
        return memory_saved(repeats, n, k).mean;
    };
    print_result(
        heading("Time saved, " + name + ": times as fast as full attention (Table 3, inference)",
                o) +
        table_text(o, time, &PaperCell::time));
    print_result(heading("Memory saved, " + name +
                             ": times the batch of full attention that holds its scores (Table 3)",
                         o) +
                 table_text(o, memory, &PaperCell::memory));
}

// The n x n arrays of one layer that a pass holds at its peak, beyond what taper's own attention
// holds.
double arrays_held(const CostsAtLength& at, std::size_t n, const Table3Options& o) {
    return (at.held.megabytes - at.full.megabytes) / score_megabytes(n, o.model);
}

void print_batches(const Table3Options& o, PassMode mode, const Repeats& repeats) {
    std::string text = "\nThe largest batch in " + std::to_string(o.budget) + " MB, " +
                       name_of(mode) + ", by the memory of a sequence\n" + right_aligned("n", 8) +
                       right_aligned("scores held", 16) + right_aligned("full", 12) +
                       right_aligned("k " + std::to_string(o.k[0]), 12) +
                       right_aligned("n x n arrays held", 20) + "\n";
    const auto batch = [&](const Spread& megabytes) {
        return std::to_string(
            std::lround(std::floor(static_cast<double>(o.budget) / megabytes.mean)));
    };
    for (const std::uint64_t n : o.lengths) {
        const auto megabytes = [&](SequenceCost CostsAtLength::*form) {
            return over_repeats(repeats, n,
                                [&](const CostsAtLength& at) { return (at.*form).megabytes; });
        };
        const Spread linformer = over_repeats(
            repeats, n, [&](const CostsAtLength& at) { return at.by_k.at(o.k[0]).megabytes; });
        const Spread arrays = over_repeats(
            repeats, n, [&](const CostsAtLength& at) { return arrays_held(at, n, o); });
        text += right_aligned(std::to_string(n), 8);
        text += right_aligned(batch(megabytes(&CostsAtLength::held)), 16);
        text += right_aligned(batch(megabytes(&CostsAtLength::full)), 12);
        text += right_aligned(batch(linformer), 12);
        text += right_aligned(significant(arrays.mean, 2), 20) + "\n";
    }
    print_result(text);
}

// ---- The findings

// saved: by n.
template <class F>
std::vector<Saving> savings_of(const Table3Options& o, double PaperCell::*of_paper, F saved) {
    std::vector<Saving> savings;
    for (const std::uint64_t n : o.lengths)
        savings.push_back(
            {.n = n, .ours = saved(n).mean, .paper = nearest_cell(n, o.k[0]).saved.*of_paper});
    return savings;
}

template <class F> std::string ours_text(const Table3Options& o, F saved) {
    std::string text;
    for (const std::uint64_t n : o.lengths) {
        const Spread spread = saved(n);
        text += (text.empty() ? "" : ", ") + text_of(spread, 2) + " at n " + std::to_string(n);
    }
    return text;
}

std::string paper_text(const Table3Options& o, double PaperCell::*saved) {
    std::string text;
    for (const std::uint64_t n : o.lengths) {
        const NearestCell cell = nearest_cell(n, o.k[0]);
        text += (text.empty() ? "" : ", ") + significant(cell.saved.*saved, 2) + " at n " +
                std::to_string(cell.n) + ", k " + std::to_string(cell.k);
    }
    return text + " (Table 3, inference)";
}

void add_findings(PaperReport& report, const Table3Options& o, PassMode mode,
                  const Repeats& repeats) {
    const std::size_t k = o.k[0];
    const auto time = [&](std::size_t n) { return time_saved(repeats, n, k); };
    const auto square = [&](std::size_t n) { return time_saved_by_square(repeats, n); };
    report.add(
        {.claim = "Linformer saves time, the more the longer n: " + name_of(mode),
         .paper = paper_text(o, &PaperCell::time),
         .ours = "against taper's full attention " + ours_text(o, time),
         .verdict = saves(savings_of(o, &PaperCell::time, time)),
         .control = "a Linformer with k = n, which has nothing to save: " + ours_text(o, square),
         .control_verdict = saves(savings_of(o, &PaperCell::time, square))});
    const auto memory = [&](std::size_t n) { return memory_saved(repeats, n, k); };
    const auto two_arrays = [&](std::size_t n) {
        return memory_saved_against_two_arrays(repeats, n, k, o.model);
    };
    const auto full = [&](std::size_t n) { return memory_saved_against_full(repeats, n, k); };
    report.add(
        {.claim = "It saves memory, the more the longer n: " + name_of(mode),
         .paper = paper_text(o, &PaperCell::memory),
         .ours = "against full attention that holds its scores " + ours_text(o, memory) +
                 "; reckoned against one that holds two arrays of n x n " +
                 ours_text(o, two_arrays),
         .verdict = saves(savings_of(o, &PaperCell::memory, two_arrays)),
         .control = "against taper's full attention, which holds no scores: " + ours_text(o, full),
         .control_verdict = saves(savings_of(o, &PaperCell::memory, full))});
}

nlohmann::ordered_json json_of(const SequenceCost& cost) {
    return {{"seconds", cost.seconds}, {"megabytes", cost.megabytes}};
}

nlohmann::ordered_json json_of(const Repeats& repeats) {
    nlohmann::ordered_json json;
    for (const CostsByLength& costs : repeats) {
        nlohmann::ordered_json& lengths = json.emplace_back();
        for (const auto& [n, at] : costs) {
            nlohmann::ordered_json& entry = lengths["n " + std::to_string(n)];
            entry["full"] = json_of(at.full);
            entry["full, scores held"] = json_of(at.held);
            entry["k = n"] = json_of(at.square);
            for (const auto& [k, cost] : at.by_k) entry["k " + std::to_string(k)] = json_of(cost);
        }
    }
    return json;
}

// ---- The picture

void draw(const PaperReport& report, const Table3Options& o, const Repeats& forward) {
    std::vector<Curve> curves;
    const std::string solid = "linespoints lw 2 pt 7 ps 0.5";
    for (const std::uint64_t k : o.k) {
        Curve curve{"k " + std::to_string(k), solid, {}};
        for (const std::uint64_t n : o.lengths) {
            if (!in_table(n, k)) continue;
            add_point(curve, static_cast<double>(n), time_saved(forward, n, k));
        }
        if (!curve.points.empty()) curves.push_back(curve);
    }
    const std::size_t paper_k = nearest_cell(o.lengths.back(), o.k[0]).k;
    Curve paper{"the paper, k " + std::to_string(paper_k), "linespoints lw 2 pt 5 ps 0.5 dt 2", {}};
    for (const std::uint64_t n : o.lengths) {
        const NearestCell cell = nearest_cell(n, paper_k);
        paper.points.emplace_back(static_cast<double>(cell.n), cell.saved.time);
    }
    curves.push_back(paper);
    const std::size_t longest = o.lengths.back();
    const std::string title = "At n " + std::to_string(longest) + " a forward pass with k " +
                              std::to_string(o.k[0]) + " is " +
                              significant(time_saved(forward, longest, o.k[0]).mean, 2) +
                              " times as fast as full attention";
    const bool drawn = plot(report.picture_path(), title, "n, tokens in a sequence",
                            "times as fast as full attention", curves, Scale::logarithmic);
    show_picture(drawn, report.picture_path());
}

// ---- The program

// The baseline that holds its scores computes what the model computes.
void check_baseline(const Table3Options& o) {
    const nn::Config config = o.model.config(AttentionForm::full, o.lengths[0], 0);
    const nn::Linformer<float> model(config);
    const Ids ids = random_ids({1, config.length}, config.vocab_size, "tokens");
    const Array<float> ours = model(ids).value();
    const Array<float> held = logits_holding_scores(model, ids).value();
    for (std::size_t i = 0; i < ours.size(); ++i)
        if (std::abs(ours.data()[i] - held.data()[i]) > 1e-4f)
            throw std::runtime_error("both forms of full attention must compute the same logits: " +
                                     significant(static_cast<double>(ours.data()[i]), 6) + ", " +
                                     significant(static_cast<double>(held.data()[i]), 6));
}

int table_3(const Table3Options& o) {
    PaperReport report(o, "table_3", "Table 3", "what Linformer saves, over n and k");
    check_baseline(o);
    WorkProgress progress(parts_of_work(o));
    std::map<PassMode, Repeats> repeats;
    for (std::uint64_t repeat = 0; repeat < o.seeds; ++repeat)
        for (const PassMode mode : {PassMode::forward, PassMode::train})
            repeats[mode].push_back(measured(o, mode, progress));
    progress.leave();
    for (const auto& [mode, of_mode] : repeats) {
        report.numbers()[name_of(mode)] = json_of(of_mode);
        print_savings(o, mode, of_mode);
        print_batches(o, mode, of_mode);
    }
    for (const auto& [mode, of_mode] : repeats) add_findings(report, o, mode, of_mode);
    return report.finish([&] { draw(report, o, repeats.at(PassMode::forward)); });
}

void check_sizes(const Table3Options& o, const Options& options) {
    check_growing("--lengths", o.lengths);
    for (std::size_t i = 1; i < o.k.size(); ++i)
        if (o.k[i] <= o.k[i - 1])
            throw Error("--k: each must be more than the one before: " +
                        std::to_string(o.k[i - 1]) + ", " + std::to_string(o.k[i]));
    if (!in_table(o.lengths[0], o.k[0]))
        throw Error("--k: the first must be at most half of the first of --lengths: " +
                    std::to_string(o.k[0]) + ", " + std::to_string(o.lengths[0]));
    check_options(o.model.config(AttentionForm::linformer, o.lengths[0], o.k[0]), options);
}

}  // namespace

}  // namespace taper::examples

int main(int argc, char** argv) {
    using namespace taper;
    using namespace taper::examples;
    return run_program("table_3", [&] {
        Table3Options o;
        Options options("table_3", "The time and memory that Linformer saves, over n and k.");
        o.declare(options, "ten minutes");
        options.counts("--lengths", o.lengths, 2, 1 << 16, "n, growing: N,N,...");
        options.counts("--k", o.k, 1, 1 << 16, "projected lengths, growing; used up to n / 2");
        options.count("--budget", o.budget, 1, 1 << 30, "the memory of the largest batch, MB");
        o.model.declare(options);
        if (!options.parse(argc, argv)) return 0;
        if (o.quick) {
            if (!options.given("--lengths")) o.lengths = {256, 512};
            if (!options.given("--k")) o.k = {16, 64};
            if (!options.given("--width")) o.model.width = 32;
            if (!options.given("--tokens")) o.model.tokens = 1024;
            if (!options.given("--seeds")) o.seeds = 1;
        }
        check_sizes(o, options);
        o.apply(options);
        return table_3(o);
    });
}
