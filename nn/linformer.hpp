// The whole model: embedding, encoder blocks, a head that gives logits over the vocabulary, and a
// classifier that gives logits over classes.
#pragma once

#include "nn/layers/embedding.hpp"
#include "nn/layers/encoder.hpp"

namespace taper::nn {

// tokens (B, n'), 1 <= n' <= n -> logits (B, n', V).
template <class T> struct Linformer {
    Config config;
    Embedding<T> embedding;
    SharedParameter<T> E;  // layerwise sharing: the one E = F of all layers; else null
    std::vector<EncoderBlock<T>> layers;
    std::optional<LayerNorm<T>> norm;         // pre-norm only: the last sum has no norm behind it
    std::optional<Parameter<T>> head_weight;  // none with tied embeddings
    Parameter<T> head_bias;
    std::optional<Linear<T>> classifier;  // none without classes
    Dropout dropout;

    explicit Linformer(const Config& config);
    Var<T> operator()(const Ids& tokens, const Pass& pass = {}) const;
    // What the head and the classifier read: (B, n', d).
    Var<T> features(const Ids& tokens, const Pass& pass = {}) const;
    // Logits over the classes, (B, classes): the classifier on the mean of the features over the
    // real positions. Error: there is no classifier; a row is all padding.
    Var<T> classify(const Ids& tokens, const Pass& pass = {}) const;

    // All parameters, in the order of the file. They live in the model: it must stay where it is
    // while they are used.
    Parameters<T> parameters();

  private:
    template <class U> friend class Decoder;
    Var<T> normed(const Var<T>& x) const;       // the last norm, where there is one
    Var<T> head(const Var<T>& features) const;  // (B, n', d) -> (B, n', V)
};

// Reads tokens one at a time with a causal model: the same logits as the whole pass, to rounding.
// With linformer the time of a token and the memory do not grow with the text; with full attention
// both do.
template <class T> class Decoder {
  public:
    // The model must outlive the decoder, and stay where it is. Error: a model that is not causal.
    explicit Decoder(const Linformer<T>& model);
    std::size_t positions() const { return positions_; }  // tokens read, at most n
    // The logits (V) after one token more. Error: n were read.
    Array<T> operator()(std::int64_t token);
    void reset();  // nothing read

  private:
    const Linformer<T>& model_;
    std::vector<AttentionState<T>> states_;  // of each layer
    std::size_t positions_ = 0;
};

}  // namespace taper::nn
