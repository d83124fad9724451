// The options of the training programs, with their defaults. Names and rules are those of the command line.
#pragma once

#include <string>
#include <vector>

#include "examples/common/options.hpp"
#include "nn/config.hpp"

namespace taper::examples {

struct TrainingOptions {
    std::vector<std::string> text;
    std::string out;
    bool resume = false;
    std::string tokenizer = "char";
    std::uint64_t vocab = 0;  // 0: the tokenizer's default
    std::uint64_t length = 128, width = 128, heads = 4, layers = 4;
    std::vector<std::uint64_t> k{32};  // one, or one a layer
    std::uint64_t ffn_width = 0;       // 0: 4 width
    std::string attention = "linformer", sharing = "headwise", projection = "linear", projection_init = "window",
                norm = "pre";
    bool rescale = false;
    std::uint64_t window = 0;
    bool tie_embeddings = false;
    double dropout = 0;
    std::uint64_t batch = 32, steps = 1000, warmup = 100;
    double lr = 1e-3, weight_decay = 0.1, clip = 1;
    std::uint64_t eval_every = 100, save_every = 100;  // 0: at the end only
    std::uint64_t seed = 0, threads;

    TrainingOptions();
    void declare(Options& options, bool causal);
    nn::Config model_config(std::size_t vocab_size, bool causal) const;

    static std::vector<std::string> stored(bool causal);  // what a run remembers
    static const std::vector<std::string>& may_change();  // of these, what --resume may be given anew
};

}  // namespace taper::examples
