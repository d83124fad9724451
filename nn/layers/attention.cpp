#include "nn/layers/attention.hpp"

namespace taper::nn {

static std::ptrdiff_t signed_(std::size_t number) { return static_cast<std::ptrdiff_t>(number); }

template <class T>
MultiHeadAttention<T>::MultiHeadAttention(const std::string& name, const Config& config,
                                          std::size_t layer,
                                          const typename Projection<T>::Matrix& everywhere)
    : heads(config.heads),
      window(config.window),
      causal(config.causal),
      query(name + ".query", config.width, config.width, config.seed),
      key(name + ".key", config.width, config.width, config.seed),
      value(name + ".value", config.width, config.width, config.seed),
      output(name + ".output", config.width, config.width, config.seed) {
    config.check();
    if (config.k.numbers.size() > 1 && layer >= config.k.numbers.size())
        throw Error(name + ": the configuration must have numbers k for this layer: layer " +
                    std::to_string(layer) + ", layers " + std::to_string(config.layers));
    if (config.attention == Attention::linformer)
        projection.emplace(name, config, layer, everywhere);
}

template <class T> Var<T> MultiHeadAttention<T>::part(const Var<T>& x, std::size_t group) const {
    if (groups() == 1) return x;
    const std::size_t width = x.shape().back() / groups();
    return slice(x, -1, {.begin = signed_(group * width), .end = signed_((group + 1) * width)});
}

// Eq. 7: head_i = softmax(Q W_i^Q (E_i K W_i^K)^T / sqrt(d_h)) . F_i V W_i^V. Heads with the same E
// and F are projected at once. Padding is taken out before E and F: afterwards every slot holds it.
// By selection, since 0 NaN is NaN.
template <class T>
Var<T> MultiHeadAttention<T>::operator()(const Var<T>& x, const Pass& pass) const {
    const std::size_t d = query.bias.shape()[0];
    if (x.shape().size() != 3 || x.shape()[2] != d)
        shape_error("attention", "x must be (B, n', d), d the width", {{"x", x.shape()}},
                    "d " + std::to_string(d));
    const std::size_t B = x.shape()[0], n = x.shape()[1];
    if (pass.real && pass.real->shape() != Shape{B, n})
        shape_error("attention", "the mask of real positions must be (B, n')",
                    {{"x", x.shape()}, {"real", pass.real->shape()}});
    const auto real_rows = [&](const Var<T>& rows) {
        return pass.real ? select(reshaped(*pass.real, {B, n, 1}), rows, T(0)) : rows;
    };
    const Var<T> Q = query(x);
    if (projection && !causal && projection->comes_first()) {  // all sharing but "none"
        const Slots<T> slots = (*projection)(real_rows(x), key, value, pass.real);
        return output(attention(Q, slots.K, slots.V, {.heads = heads, .live = slots.live}));
    }
    const Var<T> K = real_rows(key(x)), V = real_rows(value(x));
    if (!projection)
        return output(attention(Q, K, V, {.heads = heads, .causal = causal, .live = pass.real}));
    const std::size_t heads_g = heads / groups();
    std::vector<Var<T>> parts;
    for (std::size_t g = 0; g < groups(); ++g) {
        const Var<T> Q_g = part(Q, g), K_g = part(K, g), V_g = part(V, g);
        if (causal) {
            const Var<T> E = first_columns(*projection->E[g], n),
                         F = first_columns(*projection->F[g], n);
            parts.push_back(causal_attention(
                Q_g, K_g, V_g, E, F, {.heads = heads_g, .window = window, .real = pass.real}));
        } else {
            const Slots<T> slots = (*projection)(g, K_g, V_g, pass.real);
            parts.push_back(
                attention(Q_g, slots.K, slots.V, {.heads = heads_g, .live = slots.live}));
        }
    }
    return output(parts.size() == 1 ? parts[0] : concat(parts, -1));
}

// The last `count` rows of what was there and of what comes.
template <class T> static void append(Var<T>& rows, const Var<T>& next, std::size_t count) {
    rows = rows.shape().empty() ? next : concat(std::vector<Var<T>>{rows, next}, 1);
    if (const std::size_t all = rows.shape()[1]; all > count)
        rows = slice(rows, 1, {.begin = signed_(all - count)});
}

// The rows that a state is of; 0 before the first position.
template <class T> static std::size_t rows_of(const AttentionState<T>& state) {
    if (state.positions == 0) return 0;
    return state.K_bar.empty() ? state.K.shape()[0] : state.K_bar[0].shape()[0];
}

template <class T>
Var<T> MultiHeadAttention<T>::step(const Var<T>& x, AttentionState<T>& state) const {
    const std::size_t d = query.bias.shape()[0], rows = rows_of(state);
    if (!causal)
        shape_error("attention", "a layer that goes step by step must be causal",
                    {{"x", x.shape()}});
    if (x.shape().size() != 3 || x.shape()[1] != 1 || x.shape()[2] != d ||
        (rows > 0 && x.shape()[0] != rows))
        shape_error("attention", "of a step x must be (B, 1, d), B that of the steps before",
                    {{"x", x.shape()}},
                    "d " + std::to_string(d) + (rows > 0 ? ", B " + std::to_string(rows) : ""));
    const Var<T> Q = query(x), K = key(x), V = value(x);
    const std::size_t t = state.positions++;
    if (!projection || window > 0) {
        append(state.K, K, projection ? window : t + 1);
        append(state.V, V, projection ? window : t + 1);
    }
    if (!projection) return output(attention(Q, state.K, state.V, {.heads = heads}));
    state.K_bar.resize(groups()), state.V_bar.resize(groups());
    std::vector<Var<T>> parts;
    for (std::size_t g = 0; g < groups(); ++g) {
        const Range now{signed_(t), signed_(t + 1)};
        // K-bar += e_t k_t^T, V-bar += f_t v_t^T
        const Var<T> K_t = matmul(slice(Var<T>(*projection->E[g]), 1, now), part(K, g));
        const Var<T> V_t = matmul(slice(Var<T>(*projection->F[g]), 1, now), part(V, g));
        Var<T>&K_bar = state.K_bar[g], &V_bar = state.V_bar[g];
        K_bar = t == 0 ? K_t : K_bar + K_t, V_bar = t == 0 ? V_t : V_bar + V_t;
        Var<T> keys = K_bar, values = V_bar;
        if (window > 0) {
            keys = concat(std::vector<Var<T>>{keys, part(state.K, g)}, 1);
            values = concat(std::vector<Var<T>>{values, part(state.V, g)}, 1);
        }
        parts.push_back(attention(part(Q, g), keys, values, {.heads = heads / groups()}));
    }
    return output(parts.size() == 1 ? parts[0] : concat(parts, -1));
}

template <class T> void MultiHeadAttention<T>::list(Parameters<T>& all) {
    for (Linear<T>* linear : {&query, &key, &value, &output}) linear->list(all);
    if (projection) projection->list(all);
}

template struct MultiHeadAttention<float>;
template struct MultiHeadAttention<double>;

}  // namespace taper::nn
