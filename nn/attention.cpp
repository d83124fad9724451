#include "nn/attention.hpp"

#include <cmath>

namespace taper::nn {

template <class T> Var<T> attend(const Var<T>& Q, const Var<T>& K, const Var<T>& V) {
    const T scale = 1 / std::sqrt(static_cast<T>(Q.shape().back()));
    return matmul(softmax(matmul(Q, K, {.transpose_b = true}) * scale), V);
}

// (B, m, d) -> (B, h, m, d_h): head i reads columns [i d_h, (i + 1) d_h).
template <class T> static Var<T> split(const Var<T>& x, std::size_t heads) {
    const auto at = [&](std::size_t axis) { return static_cast<int>(x.shape()[axis]); };
    const int h = static_cast<int>(heads);
    return transpose(reshape(x, {at(0), at(1), h, at(2) / h}), {0, 2, 1, 3});
}

// (B, h, n, d_h) -> (B, n, d): the heads side by side again.
template <class T> static Var<T> merge(const Var<T>& x) {
    const auto at = [&](std::size_t axis) { return static_cast<int>(x.shape()[axis]); };
    return reshape(transpose(x, {0, 2, 1, 3}), {at(0), at(2), at(1) * at(3)});
}

template <class T>
MultiHeadAttention<T>::MultiHeadAttention(const std::string& name, const Config& config)
    : heads(config.heads),
      query(name + ".query", config.width, config.width, config.seed),
      key(name + ".key", config.width, config.width, config.seed),
      value(name + ".value", config.width, config.width, config.seed),
      output(name + ".output", config.width, config.width, config.seed) {
    config.check();
    if (config.attention == Attention::linformer) projection.emplace(name, config);
}

// Eq. 7: head_i = softmax(Q W_i^Q (E K W_i^K)^T / sqrt(d_h)) . F V W_i^V. E and F are the same for every head of the layer,
// so they act once, on all heads side by side.
template <class T> Var<T> MultiHeadAttention<T>::operator()(const Var<T>& x) const {
    if (x.shape().size() != 3 || x.shape()[2] != query.bias.shape()[0])
        shape_error("attention", "x must be (B, n', d), d the width", {{"x", x.shape()}},
                    "d " + std::to_string(query.bias.shape()[0]));
    const Var<T> Q = query(x);
    Var<T> K = key(x), V = value(x);
    if (projection) K = projection->keys(K), V = projection->values(V);
    return output(merge(attend(split(Q, heads), split(K, heads), split(V, heads))));
}

template <class T> void MultiHeadAttention<T>::list(Parameters<T>& all) {
    for (Linear<T>* linear : {&query, &key, &value, &output}) linear->list(all);
    if (projection) projection->list(all);
}

#define TAPER_INSTANTIATE(T)                                             \
    template Var<T> attend(const Var<T>&, const Var<T>&, const Var<T>&); \
    template struct MultiHeadAttention<T>;
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper::nn
