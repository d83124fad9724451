// The options of the training programs, with their defaults. Names and rules are those of the
// command line.
#pragma once

#include <string>
#include <vector>

#include "examples/common/model_options.hpp"

namespace taper::examples {

struct TrainingOptions : ModelOptions {
    std::vector<std::string> text;
    std::string out;
    bool resume = false;
    std::string tokenizer = "char";
    std::uint64_t vocab = 0;   // 0: the tokenizer's default
    std::uint64_t batch = 32;  // windows in a step
    std::uint64_t steps = 1000;
    std::uint64_t warmup = 100;  // steps
    double lr = 1e-3;
    double weight_decay = 0.1;
    double clip = 1;
    std::uint64_t eval_every = 100;  // 0: at the end only
    std::uint64_t save_every = 100;  // 0: at the end only
    std::uint64_t threads;

    TrainingOptions();
    void declare(Options& options, bool causal);

    // A line for the user where the steps end before the warm-up; or "".
    std::string late_warmup() const;

    // The options that a run remembers.
    static std::vector<std::string> stored(bool causal);
    // Those of them that --resume may be given anew.
    static const std::vector<std::string>& may_change();
};

}  // namespace taper::examples
