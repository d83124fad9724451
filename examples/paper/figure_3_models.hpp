// The models of figure_3: its settings, the points that it trains, and the loss of each over
// held-out text.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "examples/common/options.hpp"
#include "examples/paper/report.hpp"
#include "examples/paper/runs.hpp"

namespace taper::examples {

struct Figure3Options : PaperOptions {
    std::vector<std::string> text;
    std::string tokenizer = "char";
    // n of (d), growing; the last two are those of (a) and (b), the last is that of (c).
    std::vector<std::uint64_t> lengths{8, 16, 32};
    std::uint64_t width = 32;
    std::uint64_t heads = 4;
    std::uint64_t layers = 2;
    std::uint64_t tokens = 1024;  // in a step, whatever n
    std::uint64_t steps = 2000;
    double lr = 5e-3;
    std::uint64_t held_out = 65536;  // tokens, of which 15 % are hidden

    Figure3Options() : PaperOptions("figure_3") {}
    void declare_all(Options& options);
    void fit(const Options& options);
    void check_sizes(const Options& options) const;

    std::uint64_t length_a() const { return lengths[lengths.size() - 2]; }
    std::uint64_t length_b() const { return lengths.back(); }
    std::vector<std::uint64_t> ks(std::uint64_t n) const;     // of (a) and (b), growing: 1 to n/2
    std::uint64_t fixed_k() const { return lengths[0] / 2; }  // of (d)
};

// What differs between the models.
struct Figure3Model {
    std::uint64_t n;
    std::uint64_t k = 0;  // 0: full attention
    std::string sharing = "headwise";
    std::string projection = "linear";
    bool shuffled = false;                    // of text without order
    std::optional<std::uint64_t> steps = {};  // where they are other ones

    std::string name() const;
};

// The least time of a training step of each model, in seconds, by its name.
using StepTimes = std::map<std::string, double>;

// A comparison at the same time instead of the same steps: the slower one of full attention and k
// has so many steps as fit into the time of the other one.
struct SameTime {
    Figure3Model full, linformer;
};
SameTime same_time(const Figure3Options& o, const StepTimes& times, std::uint64_t n,
                   std::uint64_t k);

std::vector<Figure3Model> figure_3_models(const Figure3Options& o, const StepTimes& times);

// Of the models of (a) and (b): measured, or read where the same command has measured it before, as
// the steps of some runs follow from it.
StepTimes step_times(const Figure3Options& o);

// Of held-out text, in nats a hidden token.
struct Figure3Losses {
    std::map<std::string, std::vector<double>> of;  // by the name of a model, one a seed
    double entropy = 0;                             // of the hidden tokens
    std::uint64_t targets = 0;

    // exp of the mean loss over the seeds.
    double perplexity(const Figure3Model& model) const;
    Spread perplexities(const Figure3Model& model) const;
    bool learned(const Figure3Model& model) const;
};

// Trains all models that are not there. Returns the exit status, not 0 where a signal stopped it.
int train_all(const Figure3Options& o, const std::vector<Figure3Model>& models, Runs& runs);
// None: stopped by a signal.
std::optional<Figure3Losses> held_out_losses(const Figure3Options& o,
                                             const std::vector<Figure3Model>& models,
                                             const Runs& runs);

}  // namespace taper::examples
