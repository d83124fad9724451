// Multi-head attention, full (Eq. 2) or projected (Eq. 7 of arXiv 2006.04768), over all positions
// or the past alone.
#pragma once

#include "nn/layers/linear.hpp"
#include "nn/layers/projection.hpp"

namespace taper::nn {

// What a causal layer remembers of the positions so far, to be given one position more at a time.
// Linformer: K-bar and V-bar, 2 k d_h numbers a head however long the text, and the keys and values
// of its window. Full: all keys and values.
template <class T> struct AttentionState {
    std::size_t positions = 0;
    std::vector<Var<T>> K_bar, V_bar;  // of each group of heads: (B, k, its heads x d_h)
    Var<T> K, V;                       // (B, window, d); full: (B, positions, d)
};

// x (B, n', d) -> (B, n', d). NAME.query, NAME.key, NAME.value, NAME.output; E and F with
// linformer.
template <class T> struct MultiHeadAttention {
    std::size_t heads, window;
    bool causal;
    Linear<T> query, key, value, output;
    std::optional<Projection<T>> projection;  // none: full attention

    MultiHeadAttention(const std::string& name, const Config& config, std::size_t layer = 0,
                       const typename Projection<T>::Matrix& everywhere = nullptr);
    Var<T> operator()(const Var<T>& x, const Pass& pass = {}) const;
    // Causal: x (B, 1, d), the next position -> (B, 1, d), as the row of the whole pass. Not for
    // training. Error: the layer is not causal, or x is of another shape or number of rows.
    Var<T> step(const Var<T>& x, AttentionState<T>& state) const;
    void list(Parameters<T>& all);

  private:
    std::size_t groups() const { return projection ? projection->k.size() : 1; }
    // the columns of x that the heads of a group read
    Var<T> part(const Var<T>& x, std::size_t group) const;
};

}  // namespace taper::nn
