// The options that all training programs share, with their defaults. Names and rules are those of
// the command line.
#pragma once

#include <string>
#include <vector>

#include "examples/common/model_options.hpp"

namespace taper::examples {

struct TrainingOptions : ModelOptions {
    std::string out;
    bool resume = false;
    std::string tokenizer = "char";
    std::uint64_t vocab = 0;   // 0: the tokenizer's default
    std::uint64_t batch = 32;  // rows in a step
    std::uint64_t steps = 1000;
    std::uint64_t warmup = 100;  // steps
    double lr = 1e-3;
    double weight_decay = 0.1;
    double clip = 1;
    std::uint64_t eval_every = 100;  // 0: at the end only
    std::uint64_t save_every = 100;  // 0: at the end only
    std::uint64_t threads;
    std::string plot;       // a directory for the film of the attention; "": none
    std::string plot_text;  // whose attention; "": the first that validates

    TrainingOptions();
    void declare_directory(Options& options);
    void declare_tokenizer(Options& options);
    // rows: what a batch is of; validating: of what validates, at most how much.
    void declare_steps(Options& options, const std::string& rows, const std::string& validating);

    // example: whose attention is drawn by default.
    void declare_film(Options& options, const std::string& example);

    // A line for the user where there is a text and no film; or "".
    std::string idle_plot_text() const;
    // A line for the user where the steps end before the warm-up; or "".
    std::string late_warmup() const;

    // Of these options, those that a run remembers.
    static std::vector<std::string> stored();
    // Those of them that --resume may be given anew.
    static std::vector<std::string> may_change();
};

// These names of options but the others: stored ones that may not change say what a run is.
std::vector<std::string> without(std::vector<std::string> names,
                                 const std::vector<std::string>& others);

struct LanguageModelOptions : TrainingOptions {
    std::vector<std::string> text;

    void declare(Options& options, bool causal);
    // As of TrainingOptions, with all that a language model has.
    static std::vector<std::string> stored(bool causal);
    static std::vector<std::string> may_change();
};

}  // namespace taper::examples
