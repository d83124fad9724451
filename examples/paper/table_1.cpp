// Table 1 of arXiv 2006.04768: the cost of an attention layer against the sequence length n. Per
// layer the paper has
//
//     Recurrent (Vaswani et al. 2017)             O(n)           sequential operations O(n)
//     Transformer (Vaswani et al. 2017)           O(n^2)                               O(1)
//     Sparse Transformer (Child et al. 2019)      O(n sqrt(n))                         O(1)
//     Reformer (Kitaev et al. 2020)               O(n log n)                           O(log n)
//     Linformer                                   O(n)                                 O(1)
//
// Ours are the second and the last. The multiplications are those of a formula, product by product;
// the time and the memory are measured. An exponent is the slope of the logarithm of a cost against
// that of n: 1 is linear, 2 quadratic. To doubt: what is linear in n is smaller than what is
// quadratic only from some n on, which cost.cpp finds; and time also counts caches.
#include "examples/common/measuring.hpp"
#include "examples/common/model_options.hpp"
#include "examples/common/plot.hpp"
#include "examples/common/program.hpp"
#include "examples/common/progress.hpp"
#include "examples/paper/cost_verdicts.hpp"
#include "nn/layers/attention.hpp"

namespace taper::examples {

namespace {

struct Table1Options : PaperOptions {
    std::vector<std::uint64_t> lengths{256, 512, 1024, 2048, 4096};
    std::uint64_t width = 128;
    std::uint64_t heads = 4;
    std::uint64_t k = 64;

    Table1Options() : PaperOptions("table_1") {}
};

nn::Config layer_config(const Table1Options& o, nn::AttentionKind attention, std::size_t n) {
    return {.vocab_size = 1,
            .length = n,
            .width = o.width,
            .heads = o.heads,
            .attention = attention,
            .k = o.k};
}

// The multiplications of a forward pass of nn::MultiHeadAttention on one sequence.
double multiplications(const nn::Config& config) {
    const auto n = static_cast<double>(config.length);
    const auto d = static_cast<double>(config.width);
    if (config.attention == nn::AttentionKind::full) {
        const double query_key_value_output = 4 * n * d * d;
        const double scores_and_values = 2 * n * n * d;
        return query_key_value_output + scores_and_values;
    }
    const auto k = static_cast<double>(config.k(0, 0));
    const double query_output = 2 * n * d * d;
    const double E_x_and_F_x = 2 * k * n * d;
    const double key_value = 2 * k * d * d;
    const double scores_and_values = 2 * n * k * d;
    return query_output + E_x_and_F_x + key_value + scores_and_values;
}

// Forward and backward of the layer, in a process of its own.
Cost layer_cost(const nn::Config& config, std::uint64_t seed) {
    return cost_alone("n " + std::to_string(config.length), [&] {
        const nn::MultiHeadAttention<float> layer("attention", config);
        const auto x = normal<float>(Random(seed, "x"), {1, config.length, config.width});
        const Parameter<float> input("x", x);
        return least_time([&] {
            Tape<float> tape;
            tape.backward(sum(layer(input)));
        });
    });
}

// The heads alone as the paper's Transformer computes them: all n x n scores are held for backward.
Cost composed_cost(const Table1Options& o, std::size_t n, std::uint64_t seed) {
    return cost_alone("n " + std::to_string(n), [&] {
        const auto x = normal<float>(Random(seed, "x"), {1, n, o.width});
        const Parameter<float> input("x", x);
        return least_time([&] {
            Tape<float> tape;
            const Var<float> X = input;
            tape.backward(sum(composed::attention<float>(X, X, X, {.heads = o.heads})));
        });
    });
}

using Points = std::vector<std::pair<double, double>>;  // (n, cost)

// What is measured of one seed.
struct LayerCosts {
    Points linformer_seconds, full_seconds;      // of forward and backward
    Points linformer_megabytes, held_megabytes;  // that these take at their peak
};

LayerCosts measure_costs(const Table1Options& o, std::uint64_t seed, WorkProgress& progress) {
    LayerCosts costs;
    for (const std::uint64_t n : o.lengths) {
        const Cost linformer = layer_cost(layer_config(o, nn::AttentionKind::linformer, n), seed);
        const Cost full = layer_cost(layer_config(o, nn::AttentionKind::full, n), seed);
        const Cost held = composed_cost(o, n, seed);
        const auto length = static_cast<double>(n);
        costs.linformer_seconds.emplace_back(length, linformer.seconds);
        costs.full_seconds.emplace_back(length, full.seconds);
        costs.linformer_megabytes.emplace_back(length, linformer.megabytes_more);
        costs.held_megabytes.emplace_back(length, held.megabytes_more);
        progress.done();
    }
    return costs;
}

Points counted(const Table1Options& o, nn::AttentionKind attention) {
    Points points;
    for (const std::uint64_t n : o.lengths)
        points.emplace_back(static_cast<double>(n), multiplications(layer_config(o, attention, n)));
    return points;
}

Spread exponents(const std::vector<LayerCosts>& of_seeds, Points LayerCosts::*member) {
    std::vector<double> slopes;
    for (const LayerCosts& costs : of_seeds) slopes.push_back(exponent_of(costs.*member));
    return spread_of(slopes);
}

void add_findings(PaperReport& report, const Table1Options& o,
                  const std::vector<LayerCosts>& of_seeds) {
    const double linformer_count = exponent_of(counted(o, nn::AttentionKind::linformer));
    const double full_count = exponent_of(counted(o, nn::AttentionKind::full));
    report.add({.claim = "The multiplications of a Linformer layer are linear in n",
                .paper = "O(n), Table 1",
                .ours = "n^" + fixed(linformer_count, 2) + ", by the formula of its products",
                .verdict = is_linear(spread_of({linformer_count})),
                .control = "full attention, n^" + fixed(full_count, 2),
                .control_verdict = is_linear(spread_of({full_count}))});
    const Spread linformer_time = exponents(of_seeds, &LayerCosts::linformer_seconds);
    const Spread full_time = exponents(of_seeds, &LayerCosts::full_seconds);
    report.add({.claim = "The time of a Linformer layer, forward and backward, is linear in n",
                .paper = "O(n), Table 1",
                .ours = "n to the power of " + text_of(linformer_time),
                .verdict = is_linear(linformer_time),
                .control = "full attention, n to the power of " + text_of(full_time),
                .control_verdict = is_linear(full_time)});
    const Spread linformer_memory = exponents(of_seeds, &LayerCosts::linformer_megabytes);
    const Spread held_memory = exponents(of_seeds, &LayerCosts::held_megabytes);
    report.add({.claim = "The memory of a Linformer layer in training is linear in n",
                .paper = "O(n), section 4",
                .ours = "n to the power of " + text_of(linformer_memory),
                .verdict = is_linear(linformer_memory),
                .control = "the heads of full attention as a composition of ops, which holds all "
                           "n x n scores, n to the power of " +
                           text_of(held_memory),
                .control_verdict = is_linear(held_memory)});
}

nlohmann::ordered_json numbers_of(const LayerCosts& costs) {
    return {{"linformer_seconds", costs.linformer_seconds},
            {"full_seconds", costs.full_seconds},
            {"linformer_megabytes", costs.linformer_megabytes},
            {"composed_attention_megabytes", costs.held_megabytes}};
}

// Of all seeds: the mean, and between the least and the most.
Curve curve_of(const std::string& title, const std::vector<LayerCosts>& of_seeds,
               Points LayerCosts::*member) {
    Curve curve{title, "linespoints lw 2 pt 7 ps 0.5", {}};
    for (std::size_t i = 0; i < (of_seeds[0].*member).size(); ++i) {
        std::vector<double> costs;
        for (const LayerCosts& seed : of_seeds) costs.push_back(1e3 * (seed.*member)[i].second);
        add_point(curve, (of_seeds[0].*member)[i].first, spread_of(costs));
    }
    return curve;
}

void draw(const PaperReport& report, const Table1Options& o,
          const std::vector<LayerCosts>& of_seeds) {
    const std::string k = "Linformer, k " + std::to_string(o.k);
    const auto power = [&](Points LayerCosts::*member) {
        return "n^" + fixed(exponents(of_seeds, member).mean, 2);
    };
    const std::string title = "The time of a Linformer layer grows as " +
                              power(&LayerCosts::linformer_seconds) + ", of full attention as " +
                              power(&LayerCosts::full_seconds);
    const bool drawn = plot(report.picture_path(), title, "n, tokens in a sequence",
                            "milliseconds, forward and backward",
                            {curve_of("full", of_seeds, &LayerCosts::full_seconds),
                             curve_of(k, of_seeds, &LayerCosts::linformer_seconds)},
                            Scale::logarithmic);
    show_picture(drawn, report.picture_path());
}

int table_1(const Table1Options& o) {
    PaperReport report(o, "table_1", "Table 1", "the cost of a layer against n");
    WorkProgress progress(o.seeds * o.lengths.size());
    std::vector<LayerCosts> of_seeds;
    for (std::uint64_t seed = o.seed; seed < o.seed + o.seeds; ++seed) {
        of_seeds.push_back(measure_costs(o, seed, progress));
        report.numbers()["seeds"].push_back(numbers_of(of_seeds.back()));
    }
    progress.leave();
    report.numbers()["linformer_multiplications"] = counted(o, nn::AttentionKind::linformer);
    report.numbers()["full_multiplications"] = counted(o, nn::AttentionKind::full);
    add_findings(report, o, of_seeds);
    return report.finish([&] { draw(report, o, of_seeds); });
}

}  // namespace

}  // namespace taper::examples

int main(int argc, char** argv) {
    using namespace taper;
    using namespace taper::examples;
    return run_program("table_1", [&] {
        Table1Options o;
        Options options("table_1", "The cost of an attention layer against the sequence length.");
        o.declare(options, "a minute");
        options.counts("--lengths", o.lengths, 2, 1 << 16, "n, growing: N,N,...");
        options.count("--width", o.width, 1, 65536, "d, a multiple of --heads");
        options.count("--heads", o.heads, 1, 65536, "attention heads");
        options.count("--k", o.k, 1, 1 << 16, "projected length, at most the least n");
        if (!options.parse(argc, argv)) return 0;
        if (o.quick) {
            if (!options.given("--lengths")) o.lengths = {256, 512, 1024};
            if (!options.given("--width")) o.width = 32;
            if (!options.given("--k")) o.k = 16;
            if (!options.given("--seeds")) o.seeds = 1;
        }
        check_growing("--lengths", o.lengths);
        check_options(layer_config(o, nn::AttentionKind::linformer, o.lengths[0]), options);
        o.apply(options);
        return table_1(o);
    });
}
