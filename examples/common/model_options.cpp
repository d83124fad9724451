#include "examples/common/model_options.hpp"

#include <algorithm>
#include <sstream>

#include "core/error.hpp"

namespace taper::examples {

void ModelOptions::declare_model(Options& options, const std::string& n) {
    options.count("--length", length, 1, 1'000'000, n);
    options.counts("--k", k, 1, 1'000'000,
                   "projected length, at most n: one number, or K,K,... one a layer; by default "
                   "less where n is less or, with mean, max and conv, a window would be empty");
    options.count("--width", width, 1, 65536, "d, a multiple of --heads");
    options.count("--heads", heads, 1, 65536, "attention heads");
    options.count("--layers", layers, 1, 1000, "encoder blocks");
    options.count("--ffn-width", ffn_width, 0, 1'000'000,
                  "hidden units of the feed-forward network, 0: 4 d");
    options.word("--attention", attention, nn::words_of<nn::AttentionKind>,
                 "n x k scores through E and F, or all n x n");
    options.word("--sharing", sharing, nn::words_of<nn::Sharing>, "which E and F are one matrix");
    options.word("--projection", projection, nn::words_of<nn::ProjectionKind>,
                 "how n become k: learned or fixed random E and F, or pooled windows");
    options.word("--projection-init", projection_init, nn::words_of<nn::ProjectionInit>,
                 "start of E and F: window means, or N(0, 1/k)");
    options.word("--norm", norm, nn::words_of<nn::Norm>,
                 "LayerNorm before each sublayer, or after each sum");
    options.flag("--tie-embeddings", tie_embeddings, "the head's weight is the token embedding");
    options.number("--dropout", dropout, probability(), "probability that an entry is dropped");
}

void ModelOptions::declare_window(Options& options) {
    options.count("--window", window, 0, 1'000'000,
                  "linformer: the last positions are seen exactly, too");
}

void ModelOptions::declare_rescale(Options& options) {
    options.flag("--rescale", rescale, "lengthen the rows of E and F where a sequence is short");
}

std::string ModelOptions::fit_default_k(const Options& options) {
    if (options.given("--k")) return "";
    const std::uint64_t usual = k[0];
    const std::uint64_t most = std::min(usual, length);
    const std::uint64_t window_length = ceil_quotient(length, most);
    const bool is_pooled = projection != "linear" && projection != "random";
    k = {is_pooled ? ceil_quotient(length, window_length) : most};
    if (k[0] == usual || attention == "full") return "";
    const std::string chosen = std::to_string(k[0]);
    const std::string n = std::to_string(length);
    std::string reason = "a window has " + n + " tokens";
    if (k[0] != length)
        reason =
            chosen + " windows of " + std::to_string(window_length) + " positions hold all " + n;
    return "k " + chosen + " instead of " + std::to_string(usual) + ", since " + reason;
}

nn::Config ModelOptions::model_config(std::size_t vocab_size, bool causal) const {
    std::vector<std::vector<std::size_t>> k_of_layers;
    for (const std::uint64_t number : k) k_of_layers.push_back({number});
    return {.vocab_size = vocab_size,
            .length = length,
            .width = width,
            .heads = heads,
            .layers = layers,
            .ffn_width = ffn_width ? ffn_width : 4 * width,
            .causal = causal,
            .attention = nn::enumerator<nn::AttentionKind>(attention),
            .k = k_of_layers,
            .sharing = nn::enumerator<nn::Sharing>(sharing),
            .projection = nn::enumerator<nn::ProjectionKind>(projection),
            .rescale = rescale,
            .window = window,
            .norm = nn::enumerator<nn::Norm>(norm),
            .tie_embeddings = tie_embeddings,
            .dropout = dropout,
            .projection_init = nn::enumerator<nn::ProjectionInit>(projection_init),
            .seed = seed};
}

std::string ModelOptions::idle_options(const Options& options) const {
    if (attention == "full")
        return options.without_effect({"--k", "--sharing", "--projection", "--projection-init"},
                                      "--attention full");
    std::vector<std::string> idle;
    const bool has_weights = projection != "mean" && projection != "max";
    if (!has_weights) idle = {"--sharing", "--projection-init"};
    if (projection == "random") idle = {"--projection-init"};
    return options.without_effect(idle, "--projection " + projection);
}

static std::string option_of(std::string field) {
    std::replace(field.begin(), field.end(), '_', '-');
    return "--" + field;
}

void check_options(const nn::Config& config, const Options& options) {
    try {
        config.check();
    } catch (const Error& error) {
        const std::string text = error.what();
        const std::size_t end = text.find(':');
        std::string name = option_of(text.substr(0, end));
        std::istringstream words(text.substr(end));
        std::string word;
        while (!options.given(name) && words >> word)
            if (options.given(option_of(word))) name = option_of(word);
        throw Error(name + text.substr(end));
    }
}

}  // namespace taper::examples
