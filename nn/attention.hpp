// Multi-head attention, full (Eq. 2) or projected (Eq. 7 of arXiv 2006.04768).
#pragma once

#include "nn/linear.hpp"
#include "nn/projection.hpp"

namespace taper::nn {

// softmax(Q K^T / sqrt(d_h)) V. Q (B, h, n, d_h), K and V (B, h, m, d_h) -> (B, h, n, d_h): m = n for full attention,
// m = k where keys and values have been projected.
template <class T> Var<T> attend(const Var<T>& Q, const Var<T>& K, const Var<T>& V);

// x (B, n, d) -> (B, n, d). NAME.query, NAME.key, NAME.value, NAME.output; NAME.E and NAME.F with linformer.
template <class T> struct MultiHeadAttention {
    std::size_t heads;
    Linear<T> query, key, value, output;
    std::optional<Projection<T>> projection;  // none: full attention

    MultiHeadAttention(const std::string& name, const Config& config);
    Var<T> operator()(const Var<T>& x) const;
    void list(Parameters<T>& all);
};

}  // namespace taper::nn
