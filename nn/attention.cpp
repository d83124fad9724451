#include "nn/attention.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace taper::nn {

static std::ptrdiff_t signed_(std::size_t number) { return static_cast<std::ptrdiff_t>(number); }

template <class T> Var<T> attend(const Var<T>& Q, const Var<T>& K, const Var<T>& V, const std::optional<Mask>& live) {
    const T scale = 1 / std::sqrt(static_cast<T>(Q.shape().back()));
    const Var<T> scores = matmul(Q, K, {.transpose_b = true}) * scale;
    if (!live) return matmul(softmax(scores), V);
    Shape rows = live->shape();
    const std::size_t m = rows.back();
    rows.back() = 1;
    Mask any(rows, false), seen = *live;  // a row with no live key is computed as if all were, and not used
    for (std::size_t row = 0; row < any.size(); ++row) {
        bool* keys = seen.data() + row * m;
        any.data()[row] = std::any_of(keys, keys + m, [](bool alive) { return alive; });
        if (!any.data()[row]) std::fill(keys, keys + m, true);
    }
    const Var<T> P = softmax(select(seen, scores, -std::numeric_limits<T>::infinity()));
    return matmul(select(any, P, T(0)), V);
}

// Which of the n' keys each query of a full layer sees: (B or 1, 1, n' or 1, n'). None: all.
static std::optional<Mask> visible(std::size_t n, bool causal, const std::optional<Mask>& real) {
    if (!causal && !real) return std::nullopt;
    const std::size_t B = real ? real->shape(0) : 1, queries = causal ? n : 1;
    auto mask = empty<bool>({B, 1, queries, n});
    for (std::size_t b = 0; b < B; ++b)
        for (std::size_t t = 0; t < queries; ++t)
            for (std::size_t s = 0; s < n; ++s) mask(b, 0, t, s) = (!causal || s <= t) && (!real || (*real)(b, s));
    return mask;
}

template <class T>
MultiHeadAttention<T>::MultiHeadAttention(const std::string& name, const Config& config, std::size_t layer,
                                          const typename Projection<T>::Matrix& everywhere)
    : heads(config.heads),
      window(config.window),
      causal(config.causal),
      query(name + ".query", config.width, config.width, config.seed),
      key(name + ".key", config.width, config.width, config.seed),
      value(name + ".value", config.width, config.width, config.seed),
      output(name + ".output", config.width, config.width, config.seed) {
    config.check();
    if (config.attention == Attention::linformer) projection.emplace(name, config, layer, everywhere);
}

template <class T> Var<T> MultiHeadAttention<T>::part(const Var<T>& x, std::size_t group) const {
    if (groups() == 1) return x;
    const std::size_t width = x.shape().back() / groups();
    return slice(x, -1, {.begin = signed_(group * width), .end = signed_((group + 1) * width)});
}

// Some heads side by side, (B, m, g d_h) -> (B, g, m, d_h): head i reads columns [i d_h, (i + 1) d_h).
template <class T> Var<T> MultiHeadAttention<T>::split(const Var<T>& x) const {
    const auto at = [&](std::size_t axis) { return static_cast<int>(x.shape()[axis]); };
    const int d_h = static_cast<int>(query.bias.shape()[0] / heads);
    return transpose(reshape(x, {at(0), at(1), at(2) / d_h, d_h}), {0, 2, 1, 3});
}

// (B, g, n, d_h) -> (B, n, g d_h): the heads side by side again.
template <class T> static Var<T> merge(const Var<T>& x) {
    const auto at = [&](std::size_t axis) { return static_cast<int>(x.shape()[axis]); };
    return reshape(transpose(x, {0, 2, 1, 3}), {at(0), at(2), at(1) * at(3)});
}

// Eq. 7: head_i = softmax(Q W_i^Q (E_i K W_i^K)^T / sqrt(d_h)) . F_i V W_i^V. Heads with the same E and F are projected at once.
// Padding is taken out before E and F: afterwards every slot holds it. By selection, since 0 NaN is NaN.
template <class T> Var<T> MultiHeadAttention<T>::operator()(const Var<T>& x, const Pass& pass) const {
    const std::size_t d = query.bias.shape()[0];
    if (x.shape().size() != 3 || x.shape()[2] != d)
        shape_error("attention", "x must be (B, n', d), d the width", {{"x", x.shape()}}, "d " + std::to_string(d));
    const std::size_t B = x.shape()[0], n = x.shape()[1];
    if (pass.real && pass.real->shape() != Shape{B, n})
        shape_error("attention", "the mask of real positions must be (B, n')",
                    {{"x", x.shape()}, {"real", pass.real->shape()}});
    const Var<T> Q = query(x);
    Var<T> K = key(x), V = value(x);
    if (pass.real) {
        const Mask rows = reshaped(*pass.real, {B, n, 1});
        K = select(rows, K, T(0)), V = select(rows, V, T(0));
    }
    if (!projection) return output(merge(attend(split(Q), split(K), split(V), visible(n, causal, pass.real))));
    std::vector<Var<T>> parts;
    for (std::size_t g = 0; g < groups(); ++g) {
        const Var<T> Q_g = split(part(Q, g)), K_g = part(K, g), V_g = part(V, g);
        if (causal) {
            const Var<T> E = first_columns(*projection->E[g], n), F = first_columns(*projection->F[g], n);
            parts.push_back(
                merge(causal_attention(Q_g, split(K_g), split(V_g), E, F, {.window = window, .real = pass.real})));
        } else {
            const Slots<T> slots = (*projection)(g, K_g, V_g, pass.real);
            std::optional<Mask> live;
            if (slots.live) live = reshaped(*slots.live, {B, 1, 1, slots.live->shape(1)});
            parts.push_back(merge(attend(Q_g, split(slots.K), split(slots.V), live)));
        }
    }
    return output(parts.size() == 1 ? parts[0] : concat(parts, -1));
}

// The last `count` rows of what was there and of what comes.
template <class T> static void append(Var<T>& rows, const Var<T>& next, std::size_t count) {
    rows = rows.shape().empty() ? next : concat(std::vector<Var<T>>{rows, next}, 2);
    if (const std::size_t all = rows.shape()[2]; all > count) rows = slice(rows, 2, {.begin = signed_(all - count)});
}

template <class T> Var<T> MultiHeadAttention<T>::step(const Var<T>& x, AttentionState<T>& state) const {
    const Var<T> Q = query(x), K = key(x), V = value(x);
    const std::size_t t = state.positions++;
    if (!projection || window > 0) {
        append(state.K, split(K), projection ? window : t + 1);
        append(state.V, split(V), projection ? window : t + 1);
    }
    if (!projection) return output(merge(attend(split(Q), state.K, state.V)));
    state.K_bar.resize(groups()), state.V_bar.resize(groups());
    std::vector<Var<T>> parts;
    const std::size_t heads_g = heads / groups();
    for (std::size_t g = 0; g < groups(); ++g) {
        const Range now{signed_(t), signed_(t + 1)};
        // K-bar += e_t k_t^T, V-bar += f_t v_t^T
        const Var<T> K_t = matmul(slice(Var<T>(*projection->E[g]), 1, now), split(part(K, g)));
        const Var<T> V_t = matmul(slice(Var<T>(*projection->F[g]), 1, now), split(part(V, g)));
        Var<T>&K_bar = state.K_bar[g], &V_bar = state.V_bar[g];
        K_bar = t == 0 ? K_t : K_bar + K_t, V_bar = t == 0 ? V_t : V_bar + V_t;
        Var<T> keys = K_bar, values = V_bar;
        if (window > 0) {
            const Range mine{signed_(g * heads_g), signed_((g + 1) * heads_g)};
            keys = concat(std::vector<Var<T>>{keys, slice(state.K, 1, mine)}, 2);
            values = concat(std::vector<Var<T>>{values, slice(state.V, 1, mine)}, 2);
        }
        parts.push_back(merge(attend(split(part(Q, g)), keys, values)));
    }
    return output(parts.size() == 1 ? parts[0] : concat(parts, -1));
}

template <class T> void MultiHeadAttention<T>::list(Parameters<T>& all) {
    for (Linear<T>* linear : {&query, &key, &value, &output}) linear->list(all);
    if (projection) projection->list(all);
}

#define TAPER_INSTANTIATE(T)                                                                         \
    template Var<T> attend(const Var<T>&, const Var<T>&, const Var<T>&, const std::optional<Mask>&); \
    template struct MultiHeadAttention<T>;
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper::nn
