#include "examples/language_model/training_options.hpp"

#include "core/parallel.hpp"

namespace taper::examples {

TrainingOptions::TrainingOptions() : threads(static_cast<std::uint64_t>(taper::threads())) {}

void TrainingOptions::declare(Options& options, bool causal) {
    constexpr std::uint64_t many = 1'000'000'000;
    options.files("--text", text, "file to learn from, UTF-8 (byte: any); repeatable. A BOM is dropped, CRLF is kept");
    options.text("--out", out, "run directory to write; must be new or empty");
    options.flag("--resume", resume, "go on exactly where the run in --out stands, with its options");
    options.word("--tokenizer", tokenizer, {"char", "byte", "bpe"}, "what a token is");
    options.count("--vocab", vocab, 0, 1'000'000, "bpe: tokens in the vocabulary, 0: 1024");
    options.count("--length", length, 1, 1'000'000, "n, tokens in a window");
    options.counts("--k", k, 1, 1'000'000, "projected length, at most n: one number, or K,K,... one a layer");
    options.count("--width", width, 1, 65536, "d, a multiple of --heads");
    options.count("--heads", heads, 1, 65536, "attention heads");
    options.count("--layers", layers, 1, 1000, "encoder blocks");
    options.count("--ffn-width", ffn_width, 0, 1'000'000, "hidden units of the feed-forward network, 0: 4 d");
    options.word("--attention", attention, nn::words_of<nn::Attention>, "n x k scores through E and F, or all n x n");
    options.word("--sharing", sharing, nn::words_of<nn::Sharing>, "which E and F are one matrix");
    options.word("--projection", projection, nn::words_of<nn::ProjectionKind>,
                 "how n become k: learned or fixed random E and F, or pooled windows");
    options.word("--projection-init", projection_init, nn::words_of<nn::ProjectionInit>,
                 "start of E and F: window means, or N(0, 1/k)");
    if (causal) options.count("--window", window, 0, 1'000'000, "linformer: the last positions are seen exactly, too");
    else options.flag("--rescale", rescale, "lengthen the rows of E and F where a sequence is short");
    options.word("--norm", norm, nn::words_of<nn::Norm>, "LayerNorm before each sublayer, or after each sum");
    options.flag("--tie-embeddings", tie_embeddings, "the head's weight is the token embedding");
    options.number("--dropout", dropout, probability(), "probability that an entry is dropped");
    options.count("--batch", batch, 1, 1'000'000, "windows in a step");
    options.count("--steps", steps, 1, many, "steps of the whole run");
    options.number("--lr", lr, above(0), "largest learning rate");
    options.count("--warmup", warmup, 0, many, "steps until it is reached; then a cosine down to a tenth");
    options.number("--weight-decay", weight_decay, not_negative(), "decoupled decay of matrices");
    options.number("--clip", clip, not_negative(), "largest global norm of the gradient, 0: no limit");
    options.count("--eval-every", eval_every, 0, many,
                  "steps between validations (of at most 200 windows), 0: at the end only");
    options.count("--save-every", save_every, 0, many, "steps between checkpoints, 0: at the end only");
    options.count("--seed", seed, 0, UINT64_MAX, "of all random numbers");
    options.count("--threads", threads, 1, max_threads, "threads; the numbers do not depend on them");
}

nn::Config TrainingOptions::model_config(std::size_t vocab_size, bool causal) const {
    std::vector<std::vector<std::size_t>> k_by_layer;
    for (const std::uint64_t number : k) k_by_layer.push_back({number});
    return {.vocab_size = vocab_size,
            .length = length,
            .width = width,
            .heads = heads,
            .layers = layers,
            .ffn_width = ffn_width ? ffn_width : 4 * width,
            .causal = causal,
            .attention = nn::of_word<nn::Attention>(attention),
            .k = k_by_layer,
            .sharing = nn::of_word<nn::Sharing>(sharing),
            .projection = nn::of_word<nn::ProjectionKind>(projection),
            .rescale = rescale,
            .window = window,
            .norm = nn::of_word<nn::Norm>(norm),
            .tie_embeddings = tie_embeddings,
            .dropout = dropout,
            .projection_init = nn::of_word<nn::ProjectionInit>(projection_init),
            .seed = seed};
}

std::vector<std::string> TrainingOptions::stored(bool causal) {
    return {"--text",
            "--tokenizer",
            "--vocab",
            "--length",
            "--k",
            "--width",
            "--heads",
            "--layers",
            "--ffn-width",
            "--attention",
            "--sharing",
            "--projection",
            "--projection-init",
            causal ? "--window" : "--rescale",
            "--norm",
            "--tie-embeddings",
            "--dropout",
            "--batch",
            "--steps",
            "--lr",
            "--warmup",
            "--weight-decay",
            "--clip",
            "--eval-every",
            "--save-every",
            "--seed",
            "--threads"};
}

const std::vector<std::string>& TrainingOptions::may_change() {
    static const std::vector<std::string> names{"--text",  // known by their hash
                                                "--steps", "--eval-every", "--save-every", "--threads"};
    return names;
}

}  // namespace taper::examples
