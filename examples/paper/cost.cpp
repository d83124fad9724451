// Figure 2 (top right) and Table 3 of arXiv 2006.04768, measured on this machine: the time of a
// token, and the memory, against the sequence length n, where the number of tokens in a pass is
// held fixed. Full attention and Linformer, left to right and not; one projection for all layers
// and random tokens, as there. Prints both tables and the lengths from which on Linformer is the
// faster one, and draws the first.
//
// The paper's memory is saved on the n x n scores. Ours never holds them (core/ops/attention.cpp),
// so full attention needs hardly more memory here, and time alone tells the two apart.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>

#include "core/kernels/parallel.hpp"
#include "examples/common/measuring.hpp"
#include "examples/common/model_memory.hpp"
#include "examples/common/model_options.hpp"
#include "examples/common/options.hpp"
#include "examples/common/output_path.hpp"
#include "examples/common/plot.hpp"
#include "examples/common/program.hpp"
#include "examples/common/progress.hpp"
#include "examples/paper/report.hpp"
#include "nn/linformer.hpp"

namespace taper::examples {

struct Series {
    std::string name;
    nn::AttentionKind attention;
    bool causal;
    std::size_t k;  // 0 for full attention
};

static PassTime time_of_passes(const nn::Config& config, std::size_t tokens, bool train) {
    nn::Linformer<float> model(config);
    const Ids ids =
        random_ids({tokens / config.length, config.length}, config.vocab_size, "tokens");
    return least_time([&] {
        if (!train) {
            model(ids);
            return;
        }
        Tape<float> tape;
        tape.backward(cross_entropy(model(ids), ids));
        for (Parameter<float>* parameter : model.parameters()) parameter->clear_gradient();
    });
}

struct TokenCost {
    double microseconds;  // of a token
    double megabytes;     // of the process at its peak
};

static TokenCost measured(const nn::Config& config, std::size_t tokens, bool train) {
    const Cost cost = cost_alone("n " + std::to_string(config.length),
                                 [&] { return time_of_passes(config, tokens, train); });
    return {cost.seconds * 1e6 / static_cast<double>(tokens), cost.megabytes};
}

using Costs = std::map<std::size_t, TokenCost>;  // by n

// From which length on `fast` stays the faster one, the logarithms between two measured lengths
// joined by a straight line.
static std::string crossover(const Costs& slow, const Costs& fast) {
    std::string length;
    std::optional<std::pair<double, double>> before;  // ln n, ln of the ratio
    for (const auto& [n, cost] : fast) {
        const double x = std::log(static_cast<double>(n));
        const double y = std::log(slow.at(n).microseconds / cost.microseconds);
        if (y < 0) {
            length.clear();
        } else if (!before) {
            length = std::to_string(n) + " or before";
        } else if (before->second < 0) {
            const double zero =
                before->first - before->second * (x - before->first) / (y - before->second);
            length = std::to_string(std::lround(std::exp(zero)));
        }
        before = {x, y};
    }
    return length.empty() ? "at none of these lengths" : "from n = " + length + " on";
}

static std::string cell(double number, double in_brackets, int digits) {
    const int bracket_digits = digits == 1 ? 1 : 0;
    char text[64];
    std::snprintf(text, sizeof text, "%*.*f (%.*f)", 7, digits, number, bracket_digits,
                  in_brackets);
    return text;
}

static std::string row(const std::string& first, const std::vector<std::string>& cells) {
    std::string line = right_aligned(first, 8);
    for (const std::string& text : cells) line += right_aligned(text, 18);
    return line + "\n";
}

struct CostOptions {
    std::vector<std::uint64_t> lengths{64,   128,  256,   512,   1024, 2048,
                                       4096, 8192, 16384, 32768, 65536};
    std::vector<std::uint64_t> k{32, 128, 512};
    std::uint64_t tokens = 65536;
    std::uint64_t width = 128;
    std::uint64_t heads = 4;
    std::uint64_t layers = 2;
    std::uint64_t thread_count = static_cast<std::uint64_t>(threads());
    std::string mode = "forward";
    std::string out = "cost.svg";

    bool train() const { return mode == "train"; }
};

// The defaults become those that go with what is given.
static void fit_defaults(const Options& options, CostOptions& o) {
    if (!options.given("--lengths")) {
        std::erase_if(o.lengths, [&](std::uint64_t n) { return o.tokens % n != 0; });
        if (o.lengths.empty()) o.lengths = {o.tokens};
    }
    if (!options.given("--k")) {
        const std::uint64_t longest = o.lengths.back();
        std::erase_if(o.k, [&](std::uint64_t k) { return k > longest; });
        if (o.k.empty()) o.k = {(longest + 1) / 2};
    }
}

static nn::Config config_of(const Series& series, std::size_t n, const CostOptions& o) {
    return {.vocab_size = 96,
            .length = n,
            .width = o.width,
            .heads = o.heads,
            .layers = o.layers,
            .ffn_width = 4 * o.width,
            .causal = series.causal,
            .attention = series.attention,
            .k = std::max<std::size_t>(series.k, 1),
            .sharing = nn::Sharing::layerwise};
}

static std::string name_of_full(bool causal) { return causal ? "full causal" : "full"; }

// Full attention, causal and not, comes first.
static std::vector<Series> series_of(const CostOptions& o) {
    std::vector<Series> all_series;
    for (const bool causal : {false, true})
        all_series.push_back({name_of_full(causal), nn::AttentionKind::full, causal, 0});
    for (const std::uint64_t k : o.k)
        for (const bool causal : {false, true})
            all_series.push_back({"k " + std::to_string(k) + (causal ? " causal" : ""),
                                  nn::AttentionKind::linformer, causal, k});
    return all_series;
}

// Those that are compared with full attention.
static std::vector<Series> linformers_of(const std::vector<Series>& all_series) {
    return {all_series.begin() + 2, all_series.end()};
}

static std::vector<std::string> names_of(const std::vector<Series>& all_series) {
    std::vector<std::string> names;
    for (const Series& series : all_series) names.push_back(series.name);
    return names;
}

static void check_all(const std::vector<Series>& all_series, const CostOptions& o,
                      const Options& options) {
    for (const Series& series : all_series)
        for (const std::uint64_t n : o.lengths) {
            if (series.k > n) continue;
            const nn::Config config = config_of(series, n, o);
            check_options(config, options);
            check_memory(config, o.tokens / n, o.train() ? 2 : 1, options);
        }
}

using SeriesCosts = std::map<std::string, Costs>;  // by name

static SeriesCosts measure(const std::vector<Series>& all_series, const CostOptions& o) {
    print_result("Microseconds a token (MB at the peak); " + std::to_string(o.tokens) +
                 " tokens, " + (o.train() ? "forward and backward" : "forward") + "\n" +
                 row("n", names_of(all_series)));
    SeriesCosts costs;
    for (const std::uint64_t n : o.lengths) {
        std::vector<std::string> cells;
        for (const Series& series : all_series) {
            if (series.k > n) {
                cells.push_back("-");
                continue;
            }
            const TokenCost cost = measured(config_of(series, n, o), o.tokens, o.train());
            costs[series.name][n] = cost;
            cells.push_back(cell(cost.microseconds, cost.megabytes, 2));
        }
        print_result(row(std::to_string(n), cells));
    }
    return costs;
}

static void print_ratios(const std::vector<Series>& linformers, const SeriesCosts& costs,
                         const CostOptions& o) {
    print_result("\nTimes as fast as full attention (times as little memory)\n" +
                 row("n", names_of(linformers)));
    for (const std::uint64_t n : o.lengths) {
        std::vector<std::string> cells;
        for (const Series& series : linformers) {
            if (series.k > n) {
                cells.push_back("-");
                continue;
            }
            const TokenCost full = costs.at(name_of_full(series.causal)).at(n);
            const TokenCost cost = costs.at(series.name).at(n);
            cells.push_back(
                cell(full.microseconds / cost.microseconds, full.megabytes / cost.megabytes, 1));
        }
        print_result(row(std::to_string(n), cells));
    }
}

static void print_crossovers(const std::vector<Series>& linformers, const SeriesCosts& costs) {
    std::string lines = "\n";
    for (const Series& series : linformers) {
        const std::string full = name_of_full(series.causal);
        lines += series.name + " is faster than " + full + " attention " +
                 crossover(costs.at(full), costs.at(series.name)) + "\n";
    }
    print_result(lines);
}

// A colour and a mark for each pair; left to right the mark is open and the line dashed.
static std::string style_of(const Series& series, std::size_t pair) {
    struct Look {
        const char* colour;
        int closed, open;  // gnuplot's numbers of marks
    };
    constexpr std::array<Look, 5> looks{{{"#000000", 7, 6},
                                         {"#0072b2", 5, 4},
                                         {"#d55e00", 9, 8},
                                         {"#008760", 13, 12},
                                         {"#a84683", 11, 10}}};
    const Look& look = looks[pair % looks.size()];
    return "linespoints lw 1.5 ps 0.7 lc rgb '" + std::string(look.colour) + "' pt " +
           std::to_string(series.causal ? look.open : look.closed) + (series.causal ? " dt 2" : "");
}

static void draw(const std::vector<Series>& all_series, const SeriesCosts& costs,
                 const CostOptions& o) {
    std::vector<Curve> curves;
    for (std::size_t i = 0; i < all_series.size(); ++i) {
        const Series& series = all_series[i];
        Curve& curve = curves.emplace_back(Curve{series.name, style_of(series, i / 2), {}});
        for (const auto& [n, cost] : costs.at(series.name))
            curve.points.emplace_back(static_cast<double>(n), cost.microseconds);
    }
    const bool drawn =
        plot(o.out, "The time of a token, " + std::to_string(o.tokens) + " tokens in a pass",
             "n, tokens in a sequence", "microseconds a token", curves, Scale::logarithmic,
             Titles::beside_curves);
    show_picture(drawn, o.out);
}

// Each length, and each k, must be more than the one before.
static void check_lists(const CostOptions& o) {
    const auto grows = [](const std::vector<std::uint64_t>& list, std::size_t i) {
        return i == 0 || list[i] > list[i - 1];
    };
    for (std::size_t i = 0; i < o.lengths.size(); ++i)
        if (o.tokens % o.lengths[i] != 0 || !grows(o.lengths, i))
            throw Error("--lengths: each must be more than the one before, and divide --tokens: " +
                        std::to_string(o.lengths[i]) + ", " + std::to_string(o.tokens));
    for (std::size_t i = 0; i < o.k.size(); ++i)
        if (o.k[i] > o.lengths.back() || !grows(o.k, i))
            throw Error(
                "--k: each must be more than the one before, and at most the longest of "
                "--lengths: " +
                std::to_string(o.k[i]) + ", " + std::to_string(o.lengths.back()));
}

}  // namespace taper::examples

int main(int argc, char** argv) {
    using namespace taper;
    using namespace taper::examples;
    return run_program("cost", [&] {
        CostOptions o;
        Options options(
            "cost",
            "Time and memory of a pass against the sequence length, at a fixed number of tokens.");
        options.counts(
            "--lengths", o.lengths, 1, 1 << 24,
            "n, tokens in a sequence, growing: N,N,...; by default those that divide --tokens");
        options.count("--tokens", o.tokens, 1, 1 << 28,
                      "tokens in a pass, a multiple of each length");
        options.counts("--k", o.k, 1, 1 << 24, "projected lengths: K,K,...; used where at most n");
        options.count("--width", o.width, 1, 65536, "d, a multiple of --heads");
        options.count("--heads", o.heads, 1, 65536, "attention heads");
        options.count("--layers", o.layers, 1, 1000, "encoder blocks");
        options.word("--mode", o.mode, {"forward", "train"},
                     "a forward pass, or forward and backward");
        options.path("--out", o.out, "the picture (SVG)");
        options.count("--threads", o.thread_count, 1, max_threads, "threads");
        if (!options.parse(argc, argv)) return 0;
        fit_defaults(options, o);
        check_lists(o);
        check_output_file("--out", o.out);
        set_threads(static_cast<int>(o.thread_count));

        const std::vector<Series> all_series = series_of(o);
        const std::vector<Series> linformers = linformers_of(all_series);
        check_all(all_series, o, options);
        const SeriesCosts costs = measure(all_series, o);
        print_ratios(linformers, costs, o);
        print_crossovers(linformers, costs);
        draw(all_series, costs, o);
        return 0;
    });
}
