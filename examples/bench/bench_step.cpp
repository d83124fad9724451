// Times one configuration: a training step (forward, backward, Adam) or a forward pass with its
// loss, on random tokens. One line of JSON. gflop counts two for each multiply-add of the textbook
// algorithm, backward as twice the forward, whatever shortcut is taken: full causal attention as
// all n x n scores, too.
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "core/kernels/parallel.hpp"
#include "examples/common/arithmetic.hpp"
#include "examples/common/measuring.hpp"
#include "examples/common/model_memory.hpp"
#include "examples/common/model_options.hpp"
#include "examples/common/program.hpp"
#include "examples/common/stepping.hpp"

namespace taper::examples {

static void bench(const nn::Config& config, std::size_t batch, bool train, std::uint64_t steps) {
    Stepper stepper(config, batch, train);
    constexpr std::uint64_t warm_up = 3;
    std::vector<double> times;
    double loss = 0;
    for (std::uint64_t step = 0; step < steps + warm_up; ++step) {
        const auto start = std::chrono::steady_clock::now();
        loss = stepper.run();
        const std::chrono::duration<double, std::milli> took =
            std::chrono::steady_clock::now() - start;
        if (step >= warm_up) times.push_back(took.count());
    }
    std::sort(times.begin(), times.end());
    const double median = (times[(times.size() - 1) / 2] + times[times.size() / 2]) / 2;
    const double gflop = 2e-9 * multiply_adds(config, batch) * (train ? 3 : 1);
    const nlohmann::ordered_json line{{"median_ms", median},
                                      {"min_ms", times[0]},
                                      {"p90_ms", times[times.size() * 9 / 10]},
                                      {"gflop", gflop},
                                      {"gflops", gflop / median * 1e3},
                                      {"peak_rss_mb", static_cast<std::int64_t>(peak_megabytes())},
                                      {"loss", loss}};
    print_result(line.dump() + "\n");
}

}  // namespace taper::examples

int main(int argc, char** argv) {
    using namespace taper;
    using namespace taper::examples;
    return run_program("bench_step", [&] {
        ModelOptions model;
        std::string mode = "train";
        bool causal = false;
        std::uint64_t vocab = 1024;
        std::uint64_t batch = 32;
        std::uint64_t steps = 20;
        auto thread_count = static_cast<std::uint64_t>(threads());
        Options options("bench_step",
                        "Times a training step or a forward pass of one configuration, after three "
                        "steps to warm up.");
        options.word("--mode", mode, {"train", "forward"}, "what is timed");
        model.declare_model(options);
        model.declare_window(options);
        options.flag("--causal", causal, "left to right");
        options.count("--vocab", vocab, 1, 1'000'000, "V, tokens in the vocabulary");
        options.count("--batch", batch, 1, 1'000'000, "B, rows");
        options.count("--steps", steps, 1, 1'000'000, "steps that are timed");
        options.count("--threads", thread_count, 1, max_threads, "threads");
        if (!options.parse(argc, argv)) return 0;
        set_threads(static_cast<int>(thread_count));
        const std::string chosen_k = model.fit_default_k(options);
        const nn::Config config = model.model_config(vocab, causal);
        check_options(config, options);
        const bool train = mode == "train";
        check_memory(config, batch, train ? 4 : 1, options);
        const std::string idle =
            mode == "forward" ? options.without_effect({"--dropout"}, "--mode forward") : "";
        for (const std::string& line : {chosen_k, model.idle_options(options), idle})
            if (!line.empty()) note(line);
        bench(config, batch, train, steps);
        return 0;
    });
}
