// The options that say what a model is made of, with their defaults.
#pragma once

#include <string>
#include <vector>

#include "examples/common/options.hpp"
#include "nn/config.hpp"

namespace taper::examples {

struct ModelOptions {
    std::uint64_t length = 128;
    std::uint64_t width = 128;
    std::uint64_t heads = 4;
    std::uint64_t layers = 4;
    std::vector<std::uint64_t> k{32};  // one, or one a layer
    std::uint64_t ffn_width = 0;       // 0: 4 width
    std::string attention = "linformer";
    std::string sharing = "headwise";
    std::string projection = "linear";
    std::string projection_init = "window";
    std::string norm = "pre";
    bool rescale = false;
    std::uint64_t window = 0;
    bool tie_embeddings = false;
    double dropout = 0;
    std::uint64_t seed = 0;

    // All options but the seed, and the two that not every kind of model has. n: what --length is.
    void declare_model(Options& options, const std::string& n = "n, tokens in a window");
    void declare_window(Options& options);
    void declare_rescale(Options& options);
    // Where --k was not given: at most the length, and no window empty. Returns what it chose
    // instead of the default and why, or "".
    std::string fit_default_k(const Options& options);
    // Options that were given and have no effect under the others, in a line; or "".
    std::string idle_options(const Options& options) const;
    nn::Config model_config(std::size_t vocab_size, bool causal) const;
};

// config.check(); its Error names an option instead of the field, --ffn-width for ffn_width: the
// first that was given of those whose fields the message holds.
void check_options(const nn::Config& config, const Options& options);

}  // namespace taper::examples
