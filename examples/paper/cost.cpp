// Figure 2 (top right) and Table 3 of arXiv 2006.04768, measured on this machine: the time of a
// token, and the memory, against the sequence length n, where the number of tokens in a pass is
// held fixed. Full attention and Linformer, left to right and not; one projection for all layers
// and random tokens, as there. Prints both tables and the lengths from which on Linformer is the
// faster one, and draws the first.
//
// The paper's memory is saved on the n x n scores. Ours never holds them (core/ops/attention.cpp),
// so full attention needs hardly more memory here, and time alone tells the two apart.
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <map>
#include <optional>
#include <stdexcept>
#include <system_error>

#include "core/kernels/parallel.hpp"
#include "examples/common/measuring.hpp"
#include "examples/common/model_memory.hpp"
#include "examples/common/model_options.hpp"
#include "examples/common/options.hpp"
#include "examples/common/output.hpp"
#include "examples/common/plot.hpp"
#include "examples/common/program.hpp"
#include "nn/linformer.hpp"

namespace taper::examples {

struct Series {
    std::string name;
    nn::Attention attention;
    bool causal;
    std::size_t k;  // 0 for full attention
};

struct Cost {
    double microseconds, megabytes;  // of a token; of the process at its peak
};

static Cost cost_of(const nn::Config& config, std::size_t tokens, bool train) {
    nn::Linformer<float> model(config);
    const Ids ids =
        random_ids({tokens / config.length, config.length}, config.vocab_size, "tokens");
    const auto seconds_of_a_pass = [&] {
        const auto start = std::chrono::steady_clock::now();
        if (train) {
            Tape<float> tape;
            tape.backward(cross_entropy(model(ids), ids));
            for (Parameter<float>* parameter : model.parameters()) parameter->clear_gradient();
        } else {
            model(ids);
        }
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    // the first one touches its memory for the first time
    double least = seconds_of_a_pass(), all = least;
    for (int pass = 1; pass < 3 && all < 10; ++pass) {
        const double seconds = seconds_of_a_pass();
        least = std::min(least, seconds), all += seconds;
    }
    return {least * 1e6 / static_cast<double>(tokens), peak_megabytes()};
}

// In a process of its own, so that the peak is that of this configuration alone.
static Cost measured(const nn::Config& config, std::size_t tokens, bool train) {
    int ends[2];
    if (pipe(ends) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
    const pid_t child = fork();
    if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);  // ends with the parent
        try {
            const Cost cost = cost_of(config, tokens, train);
            _exit(write(ends[1], &cost, sizeof cost) == sizeof cost ? 0 : 1);
        } catch (...) {  // the parent says that there is no result
            _exit(1);
        }
    }
    close(ends[1]);
    Cost cost{};
    const bool whole = read(ends[0], &cost, sizeof cost) == sizeof cost;
    close(ends[0]);
    waitpid(child, nullptr, 0);
    if (!whole)
        throw std::runtime_error(
            "a measurement must end (is there enough memory, are there threads enough?): n " +
            std::to_string(config.length));
    return cost;
}

using Costs = std::map<std::size_t, Cost>;  // by n

// From which length on `fast` stays the faster one, the logarithms between two measured lengths
// joined by a straight line.
static std::string crossover(const Costs& slow, const Costs& fast) {
    std::string from;
    std::optional<std::pair<double, double>> before;  // ln n, ln of the ratio
    for (const auto& [n, cost] : fast) {
        const double x = std::log(static_cast<double>(n)),
                     y = std::log(slow.at(n).microseconds / cost.microseconds);
        if (y < 0) from.clear();
        else if (!before) from = std::to_string(n) + " or before";
        else if (before->second < 0)
            from = std::to_string(std::lround(std::exp(
                before->first - before->second * (x - before->first) / (y - before->second))));
        before = {x, y};
    }
    return from.empty() ? "at none of these lengths" : "from n = " + from + " on";
}

static std::string cell(double number, double in_brackets, int digits) {
    char text[64];
    std::snprintf(text, sizeof text, "%*.*f (%.*f)", 7, digits, number, digits == 1 ? 1 : 0,
                  in_brackets);
    return text;
}
static std::string row(const std::string& first, const std::vector<std::string>& cells) {
    std::string line = std::string(8 - std::min<std::size_t>(8, first.size()), ' ') + first;
    for (const std::string& text : cells)
        line += std::string(18 - std::min<std::size_t>(18, text.size()), ' ') + text;
    return line + "\n";
}

struct CostOptions {
    std::vector<std::uint64_t> lengths{64,   128,  256,   512,   1024, 2048,
                                       4096, 8192, 16384, 32768, 65536},
        k{32, 128, 512};
    std::uint64_t tokens = 65536, width = 128, heads = 4, layers = 2,
                  thread_count = static_cast<std::uint64_t>(threads());
    std::string mode = "forward", out = "cost.svg";
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

static int compare(const CostOptions& o, const Options& options) {
    std::vector<Series> all{{"full", nn::Attention::full, false, 0},
                            {"full causal", nn::Attention::full, true, 0}};
    for (const std::uint64_t k : o.k)
        for (const bool causal : {false, true})
            all.push_back({"k " + std::to_string(k) + (causal ? " causal" : ""),
                           nn::Attention::linformer, causal, k});
    std::vector<std::string> names;
    for (const Series& series : all) {
        names.push_back(series.name);
        for (const std::uint64_t n : o.lengths)
            if (series.k <= n) {
                const nn::Config config = config_of(series, n, o);
                check_options(config, options);
                check_memory(config, o.tokens / n, o.mode == "train" ? 2 : 1, options);
            }
    }
    print_result("Microseconds a token (MB at the peak); " + std::to_string(o.tokens) +
                 " tokens, " + (o.mode == "train" ? "forward and backward" : "forward") + "\n" +
                 row("n", names));
    std::map<std::string, Costs> costs;
    for (const std::uint64_t n : o.lengths) {
        std::vector<std::string> cells;
        for (const Series& series : all) {
            if (series.k > n) {
                cells.push_back("-");
                continue;
            }
            const Cost cost = costs[series.name][n] =
                measured(config_of(series, n, o), o.tokens, o.mode == "train");
            cells.push_back(cell(cost.microseconds, cost.megabytes, 2));
        }
        print_result(row(std::to_string(n), cells));
    }
    print_result("\nTimes as fast as full attention (times as little memory)\n" +
                 row("n", {names.begin() + 2, names.end()}));
    for (const std::uint64_t n : o.lengths) {
        std::vector<std::string> cells;
        for (std::size_t i = 2; i < all.size(); ++i) {
            const auto found = costs[all[i].name].find(n);
            if (found == costs[all[i].name].end()) {
                cells.push_back("-");
                continue;
            }
            const Cost full = costs[all[i].causal ? "full causal" : "full"].at(n);
            cells.push_back(cell(full.microseconds / found->second.microseconds,
                                 full.megabytes / found->second.megabytes, 1));
        }
        print_result(row(std::to_string(n), cells));
    }
    std::string crossovers = "\n";
    for (std::size_t i = 2; i < all.size(); ++i)
        crossovers += names[i] + " is faster than " + names[all[i].causal] + " attention " +
                      crossover(costs[names[all[i].causal]], costs[names[i]]) + "\n";
    print_result(crossovers);
    std::vector<Curve> curves;
    for (const Series& series : all) {
        curves.push_back({series.name, "linespoints", {}});
        for (const auto& [n, cost] : costs[series.name])
            curves.back().points.emplace_back(static_cast<double>(n), cost.microseconds);
    }
    if (!plot(o.out, std::to_string(o.tokens) + " tokens in a pass", "n, tokens in a sequence",
              "microseconds a token", curves, Scale::logarithmic))
        throw std::runtime_error(
            "--out: the picture needs gnuplot (Debian: gnuplot-nox): it is missing or failed: " +
            o.out);
    return 0;
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
        for (std::size_t i = 0; i < o.lengths.size(); ++i)
            if (o.tokens % o.lengths[i] != 0 || (i > 0 && o.lengths[i] <= o.lengths[i - 1]))
                throw Error(
                    "--lengths: each must be more than the one before, and divide --tokens: " +
                    std::to_string(o.lengths[i]) + ", " + std::to_string(o.tokens));
        for (std::size_t i = 0; i < o.k.size(); ++i)
            if (o.k[i] > o.lengths.back() || (i > 0 && o.k[i] <= o.k[i - 1]))
                throw Error(
                    "--k: each must be more than the one before, and at most the longest of "
                    "--lengths: " +
                    std::to_string(o.k[i]) + ", " + std::to_string(o.lengths.back()));
        check_output_file("--out", o.out);
        set_threads(static_cast<int>(o.thread_count));
        return compare(o, options);
    });
}
