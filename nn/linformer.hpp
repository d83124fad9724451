// The whole model: embedding, encoder blocks, a head that gives logits over the vocabulary.
#pragma once

#include "nn/embedding.hpp"
#include "nn/encoder.hpp"

namespace taper::nn {

// tokens (B, n'), 1 <= n' <= n -> logits (B, n', V).
template <class T> struct Linformer {
    Config config;
    Embedding<T> embedding;
    std::vector<EncoderBlock<T>> layers;
    std::optional<LayerNorm<T>> norm;         // pre-norm only: the last sum has no norm behind it
    std::optional<Parameter<T>> head_weight;  // none with tied embeddings
    Parameter<T> head_bias;
    Dropout dropout;

    explicit Linformer(const Config& config);
    Var<T> operator()(const Ids& tokens, const Pass& pass = {}) const;

    // All parameters, in the order of the file. They live in the model: it must stay where it is while they are used.
    Parameters<T> parameters();
};

}  // namespace taper::nn
