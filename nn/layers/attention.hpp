// Multi-head attention, full (Eq. 2) or projected (Eq. 7 of arXiv 2006.04768), over all positions
// or the past alone.
#pragma once

#include "nn/layers/linear.hpp"
#include "nn/layers/projection.hpp"

namespace taper::nn {

// What a causal layer keeps of the positions so far, while it is given one position at a time.
// Linformer keeps K-bar and V-bar, 2 k d_h numbers a head however long the text, and the keys and
// values of its window. Full attention keeps all keys and values.
template <class T> struct AttentionState {
    std::size_t positions = 0;
    std::vector<Var<T>> K_bar, V_bar;  // of each group of heads: (B, k, its heads x d_h)
    Var<T> K, V;                       // (B, window, d); full: (B, positions, d)
};

// x (B, n', d) -> (B, n', d). NAME.query, NAME.key, NAME.value, NAME.output; E and F with
// linformer.
template <class T> struct MultiHeadAttention {
    std::size_t heads;
    std::size_t window;  // of a causal linformer: the positions that are seen exactly
    bool causal;
    Linear<T> query, key, value, output;
    std::optional<Projection<T>> projection;  // none: full attention

    // layerwise_E: the E of layerwise sharing, which the model owns.
    MultiHeadAttention(const std::string& name, const Config& config, std::size_t layer = 0,
                       const SharedParameter<T>& layerwise_E = nullptr);
    Var<T> operator()(const Var<T>& x, const Pass& pass = {}) const;
    // Causal: x (B, 1, d), the next position -> (B, 1, d), as the row of the whole pass. Not for
    // training. Error: the layer is not causal, or x is of another shape or number of rows.
    Var<T> step(const Var<T>& x, AttentionState<T>& state) const;
    void list(Parameters<T>& parameters);

  private:
    std::size_t groups() const { return projection ? projection->k.size() : 1; }
    // The columns of x that the heads of a group read.
    Var<T> columns_of(const Var<T>& x, std::size_t group) const;
    void check_input(const Var<T>& x, const Pass& pass) const;
    void check_step(const Var<T>& x, const AttentionState<T>& state) const;
    // The heads of a group, from all columns of Q, K and V: (B, n', its heads x d_h).
    Var<T> attend(std::size_t group, const Var<T>& Q, const Var<T>& K, const Var<T>& V,
                  const Pass& pass) const;
};

}  // namespace taper::nn
