// The encoder block: attention and a feed-forward network, each with a residual connection and a
// LayerNorm.
#pragma once

#include "nn/layers/attention.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/feed_forward.hpp"
#include "nn/layers/layer_norm.hpp"

namespace taper::nn {

// pre-norm:   x += attention(norm1(x));  x += feed_forward(norm2(x))
// post-norm:  x = norm1(x + attention(x));  x = norm2(x + feed_forward(x))
// x (B, n, d) -> (B, n, d). Dropout acts on what is added to x.
template <class T> struct EncoderBlock {
    Norm norm;
    LayerNorm<T> norm1, norm2;
    MultiHeadAttention<T> attention;
    FeedForward<T> feed_forward;
    Dropout dropout1, dropout2;

    // Names start with layers.LAYER. layerwise_E: the E of layerwise sharing, which the model owns.
    EncoderBlock(std::size_t layer, const Config& config,
                 const SharedParameter<T>& layerwise_E = nullptr);
    Var<T> operator()(const Var<T>& x, const Pass& pass = {}) const;
    // Causal: x (B, 1, d), the next position, as MultiHeadAttention::step.
    Var<T> step(const Var<T>& x, AttentionState<T>& state) const;
    void list(Parameters<T>& parameters);

  private:
    // The block with attend(z) for its attention.
    template <class Attend> Var<T> forward(const Var<T>& x, Attend attend, const Pass& pass) const;
};

}  // namespace taper::nn
