// The models of figure_1: their settings, their training, and the spectra of each over held-out
// text, or those of the matrices of a file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "examples/common/options.hpp"
#include "examples/paper/report.hpp"
#include "examples/paper/spectra.hpp"

namespace taper::examples {

struct Figure1Options : PaperOptions {
    std::string model;
    std::string attention;
    std::vector<std::string> text;
    std::uint64_t windows = 50;
    std::string tokenizer = "byte";
    std::uint64_t length = 32;
    std::uint64_t width = 64;
    std::uint64_t heads = 8;
    std::uint64_t layers = 4;
    std::uint64_t batch = 32;
    std::uint64_t steps = 2000;
    double lr = 3e-3;

    Figure1Options() : PaperOptions("figure_1") { seeds = 1; }
    void declare_all(Options& options);
    // The settings of --quick, where others were not given; what --model or --attention leaves
    // without effect. Error where a model has no text.
    void fit(const Options& options);
    bool trains() const { return model.empty() && attention.empty(); }
    void check_sizes(const Options& options) const;
};

// Those of all seeds, or what is left of them. Returns the exit status: not 0 where a signal
// stopped it.
int train_figure_models(const Figure1Options& o);

struct HeldOutFigures {
    double loss = 0;     // nats a masked token
    double entropy = 0;  // of a token of the text
};

struct ModelFigures {
    ModelSpectra spectra;
    std::size_t length = 0;                       // n
    std::vector<std::size_t> d_h = {};            // of each layer
    std::optional<HeldOutFigures> held_out = {};  // none: of --attention, which has no model

    std::size_t layers() const { return spectra.trained.layers; }
    std::size_t quarter() const { return length / 4; }
};

// None: stopped by a signal.
std::optional<ModelFigures> measure_model(const Figure1Options& o, std::uint64_t seed);
std::optional<ModelFigures> measure_attention(const Figure1Options& o);

using Models = std::vector<ModelFigures>;  // one a seed

// has_learned (held_out); the model of --attention is taken at its word.
bool learned_model(const ModelFigures& figures);

// The mean over the models.
template <class F> double model_mean(const Models& models, F number) {
    double sum = 0;
    for (const ModelFigures& figures : models) sum += number(figures);
    return sum / static_cast<double>(models.size());
}

Rest mean_rest(const Models& models, SpectrumTable ModelSpectra::*table);

}  // namespace taper::examples
