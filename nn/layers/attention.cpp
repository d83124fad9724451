#include "nn/layers/attention.hpp"

namespace taper::nn {

static Range range(std::size_t begin, std::size_t end) {
    return {.begin = static_cast<std::ptrdiff_t>(begin), .end = static_cast<std::ptrdiff_t>(end)};
}

template <class T>
MultiHeadAttention<T>::MultiHeadAttention(const std::string& name, const Config& config,
                                          std::size_t layer, const SharedParameter<T>& layerwise_E)
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
    if (config.attention == AttentionKind::linformer)
        projection.emplace(name, config, layer, layerwise_E);
}

template <class T>
Var<T> MultiHeadAttention<T>::columns_of(const Var<T>& x, std::size_t group) const {
    if (groups() == 1) return x;
    const std::size_t width = x.shape().back() / groups();
    return slice(x, -1, range(group * width, (group + 1) * width));
}

template <class T>
void MultiHeadAttention<T>::check_input(const Var<T>& x, const Pass& pass) const {
    const std::size_t d = query.bias.shape()[0];
    if (x.shape().size() != 3 || x.shape()[2] != d)
        shape_error("attention", "x must be (B, n', d), d the width", {{"x", x.shape()}},
                    "d " + std::to_string(d));
    if (pass.real && pass.real->shape() != Shape{x.shape()[0], x.shape()[1]})
        shape_error("attention", "the mask of real positions must be (B, n')",
                    {{"x", x.shape()}, {"real", pass.real->shape()}});
}

// The rows, with zeros where a position is padding. They are selected, not multiplied, since 0 NaN
// is NaN.
template <class T> static Var<T> without_padding(const Var<T>& rows, const Pass& pass) {
    const std::size_t B = rows.shape()[0], n = rows.shape()[1];
    return pass.real ? select(reshaped(*pass.real, {B, n, 1}), rows, T(0)) : rows;
}

template <class T> static Var<T> side_by_side(const std::vector<Var<T>>& heads) {
    return heads.size() == 1 ? heads[0] : concat(heads, -1);
}

// Where E meets K. If all heads share E, it meets the inputs, before W^K: Projection::operator() of
// x, in projection.cpp. Otherwise it meets the keys of its heads: Projection::operator() of K and
// V, in attend below. Left to right it meets them chunk by chunk in core/ops/causal_attention.cpp,
// and token by token in step below.
//
// Eq. 7: head_i = softmax(Q W_i^Q (E_i K W_i^K)^T / sqrt(d_h)) . F_i V W_i^V. Heads with the same E
// and F are projected at once. Padding is set to 0 before E and F: afterwards every slot would hold
// a part of it.
template <class T>
Var<T> MultiHeadAttention<T>::operator()(const Var<T>& x, const Pass& pass) const {
    check_input(x, pass);
    const Var<T> Q = query(x);
    if (projection && !causal && projection->acts_on_inputs()) {
        const Slots<T> slots = (*projection)(without_padding(x, pass), key, value, pass.real);
        return output(taper::attention(Q, slots.K, slots.V, {.heads = heads, .live = slots.live}));
    }
    const Var<T> K = without_padding(key(x), pass);
    const Var<T> V = without_padding(value(x), pass);
    if (!projection)
        return output(
            taper::attention(Q, K, V, {.heads = heads, .causal = causal, .live = pass.real}));
    std::vector<Var<T>> parts;
    for (std::size_t g = 0; g < groups(); ++g) parts.push_back(attend(g, Q, K, V, pass));
    return output(side_by_side(parts));
}

template <class T>
Var<T> MultiHeadAttention<T>::attend(std::size_t group, const Var<T>& Q, const Var<T>& K,
                                     const Var<T>& V, const Pass& pass) const {
    const std::size_t heads_g = heads / groups();
    const Var<T> Q_g = columns_of(Q, group);
    const Var<T> K_g = columns_of(K, group);
    const Var<T> V_g = columns_of(V, group);
    if (causal) {
        const std::size_t n = Q.shape()[1];
        const Var<T> E = first_columns(*projection->E[group], n);
        const Var<T> F = first_columns(*projection->F[group], n);
        return causal_attention(Q_g, K_g, V_g, E, F,
                                {.heads = heads_g, .window = window, .real = pass.real});
    }
    const Slots<T> slots = (*projection)(group, K_g, V_g, pass.real);
    return taper::attention(Q_g, slots.K, slots.V, {.heads = heads_g, .live = slots.live});
}

// Appends the next row of each sequence. The last `count` rows stay.
template <class T> static void append(Var<T>& rows, const Var<T>& next, std::size_t count) {
    rows = rows.shape().empty() ? next : concat(std::vector<Var<T>>{rows, next}, 1);
    const std::size_t length = rows.shape()[1];
    if (length > count) rows = slice(rows, 1, range(length - count, length));
}

// B, the number of sequences of a state; 0 before the first position.
template <class T> static std::size_t batch_of(const AttentionState<T>& state) {
    if (state.positions == 0) return 0;
    return state.K_bar.empty() ? state.K.shape()[0] : state.K_bar[0].shape()[0];
}

template <class T>
void MultiHeadAttention<T>::check_step(const Var<T>& x, const AttentionState<T>& state) const {
    const std::size_t d = query.bias.shape()[0];
    const std::size_t B = batch_of(state);
    if (!causal)
        shape_error("attention", "a layer that goes step by step must be causal",
                    {{"x", x.shape()}});
    const bool is_step = x.shape().size() == 3 && x.shape()[1] == 1 && x.shape()[2] == d;
    if (!is_step || (B > 0 && x.shape()[0] != B))
        shape_error("attention", "of a step x must be (B, 1, d), B that of the steps before",
                    {{"x", x.shape()}},
                    "d " + std::to_string(d) + (B > 0 ? ", B " + std::to_string(B) : ""));
}

template <class T>
Var<T> MultiHeadAttention<T>::step(const Var<T>& x, AttentionState<T>& state) const {
    check_step(x, state);
    const Var<T> Q = query(x);
    const Var<T> K = key(x);
    const Var<T> V = value(x);
    const std::size_t t = state.positions;
    ++state.positions;
    if (!projection || window > 0) {
        const std::size_t kept = projection ? window : t + 1;
        append(state.K, K, kept);
        append(state.V, V, kept);
    }
    if (!projection) return output(taper::attention(Q, state.K, state.V, {.heads = heads}));
    state.K_bar.resize(groups());
    state.V_bar.resize(groups());
    std::vector<Var<T>> parts;
    for (std::size_t g = 0; g < groups(); ++g) {
        // K-bar += e_t k_t^T, V-bar += f_t v_t^T
        const Range column = range(t, t + 1);
        const Var<T> e_t = slice(Var<T>(*projection->E[g]), 1, column);
        const Var<T> f_t = slice(Var<T>(*projection->F[g]), 1, column);
        const Var<T> K_t = matmul(e_t, columns_of(K, g));
        const Var<T> V_t = matmul(f_t, columns_of(V, g));
        Var<T>& K_bar = state.K_bar[g];
        Var<T>& V_bar = state.V_bar[g];
        K_bar = t == 0 ? K_t : K_bar + K_t;
        V_bar = t == 0 ? V_t : V_bar + V_t;

        Var<T> keys = K_bar;
        Var<T> values = V_bar;
        if (window > 0) {
            keys = concat(std::vector<Var<T>>{keys, columns_of(state.K, g)}, 1);
            values = concat(std::vector<Var<T>>{values, columns_of(state.V, g)}, 1);
        }
        parts.push_back(
            taper::attention(columns_of(Q, g), keys, values, {.heads = heads / groups()}));
    }
    return output(side_by_side(parts));
}

template <class T> void MultiHeadAttention<T>::list(Parameters<T>& parameters) {
    for (Linear<T>* linear : {&query, &key, &value, &output}) linear->list(parameters);
    if (projection) projection->list(parameters);
}

template struct MultiHeadAttention<float>;
template struct MultiHeadAttention<double>;

}  // namespace taper::nn
