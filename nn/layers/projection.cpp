#include "nn/layers/projection.hpp"

#include <cmath>
#include <limits>

namespace taper::nn {

// Adds to row j of E (k, n) the mean over the positions [j n / k, (j + 1) n / k).
template <class T> static void add_window_means(Array<T>& E) {
    const std::size_t k = E.shape(0), n = E.shape(1);
    for (std::size_t j = 0; j < k; ++j) {
        const std::size_t begin = j * n / k, end = (j + 1) * n / k;
        for (std::size_t i = begin; i < end; ++i) E(j, i) += T(1) / static_cast<T>(end - begin);
    }
}

// From window means, plus N(0, 0.02^2), a model of toy size learns at once. One that starts from
// random numbers hardly leaves the bigram level.
template <class T>
SharedParameter<T> Projection<T>::make(const std::string& name, const Config& c, std::size_t k) {
    const std::size_t n = c.length;
    const std::size_t r = ceil_quotient(n, k);
    const bool conv = c.projection == ProjectionKind::conv;
    const bool random = c.projection == ProjectionKind::random;
    const Shape shape = conv ? Shape{c.width / c.heads, r} : Shape{k, n};
    if (random || c.projection_init == ProjectionInit::normal) {
        const double deviation = 1 / std::sqrt(static_cast<double>(conv ? r : k));
        const bool trainable = !random;
        return std::make_shared<Parameter<T>>(
            name, normal_entries<T>(name, shape, deviation, c.seed), trainable);
    }
    auto matrix = std::make_shared<Parameter<T>>(normal_parameter<T>(name, shape, 0.02, c.seed));
    Array<T>& entries = matrix->mutable_value();
    if (conv) xt::noalias(entries) += T(1) / static_cast<T>(r);
    else add_window_means(entries);
    return matrix;
}

template <class T>
Projection<T>::Projection(const std::string& name, const Config& c, std::size_t layer,
                          const SharedParameter<T>& layerwise_E)
    : kind(checked(c).projection),
      n(c.length),
      head_width(c.width / c.heads),
      rescale(c.rescale),
      layerwise_(layerwise_E != nullptr) {
    for (std::size_t group = 0; group < c.groups(); ++group) k.push_back(c.k(layer, group));
    if (kind == ProjectionKind::mean || kind == ProjectionKind::max) return;
    const bool E_is_F = c.sharing == Sharing::key_value || c.sharing == Sharing::layerwise;
    for (std::size_t group = 0; group < c.groups(); ++group) {
        const std::string head = c.sharing == Sharing::none ? "." + std::to_string(group) : "";
        E.push_back(layerwise_E ? layerwise_E : make(name + ".E" + head, c, k[group]));
        F.push_back(E_is_F ? E.back() : make(name + ".F" + head, c, k[group]));
    }
}

template <class T> Var<T> first_columns(const Parameter<T>& E, std::size_t n) {
    if (n == E.shape()[1]) return E;
    return slice(Var<T>(E), 1, {.end = static_cast<std::ptrdiff_t>(n)});
}

// ||E_j|| / ||E_j, positions in use|| for each row j: (B, k, 1). 1 where no position is in use.
//     columns  (k, n')     the first n' columns of E
//     in_use   (B, n', 1)  1 or 0
template <class T>
static Var<T> norm_ratio(const Parameter<T>& E, const Var<T>& columns, const Var<T>& in_use) {
    const Var<T> squares_in_use = matmul(columns * columns, in_use);
    Mask any_in_use = empty<bool>(squares_in_use.shape());
    for (std::size_t i = 0; i < any_in_use.size(); ++i)
        any_in_use.data()[i] = squares_in_use.value().data()[i] > 0;
    const Var<T> squares = sum(E * E, {1}, KeepDims::yes);
    const Var<T> ratio = squares / select(any_in_use, squares_in_use, T(1));
    return sqrt(select(any_in_use, ratio, T(1)));  // never of 0, where sqrt has no slope
}

// E x, or E linear(x) where there is a linear layer.
template <class T>
Var<T> Projection<T>::project(const SharedParameter<T>& matrix, const Var<T>& x,
                              const std::optional<Mask>& real, const Linear<T>* linear) const {
    const std::size_t m = x.shape()[1];
    const Var<T> ones = full<T>({real ? real->shape(0) : 1, m, 1}, 1);
    const Var<T> in_use = real ? select(reshaped(*real, {real->shape(0), m, 1}), ones, T(0)) : ones;
    const Var<T> columns = first_columns(*matrix, m);
    Var<T> y = matmul(columns, x);                                      // E x
    if (linear) y = linear->weighted_sums(y, matmul(columns, in_use));  // (E x) W^T + (E 1) b^T
    const bool all_in_use = m == n && !real;
    if (!rescale || all_in_use) return y;
    return y * norm_ratio(*matrix, columns, in_use);
}

// The slots with a real position in their window of r positions: (B, slots), real (B, n').
static Mask live_slots(const Mask& real, std::size_t r) {
    const std::size_t B = real.shape(0), m = real.shape(1);
    Mask live({B, ceil_quotient(m, r)}, false);
    for (std::size_t b = 0; b < B; ++b)
        for (std::size_t i = 0; i < m; ++i)
            if (real(b, i)) live(b, i / r) = true;
    return live;
}

// (B, n', w) -> (B, slots, w), real (B, n').
template <class T>
Var<T> Projection<T>::pool(std::size_t group, const SharedParameter<T>& kernel, const Var<T>& x,
                           const Mask& real) const {
    const std::size_t B = x.shape()[0], m = x.shape()[1], w = x.shape()[2];
    const std::size_t r = ceil_quotient(n, k[group]);
    const std::size_t slots = ceil_quotient(m, r);
    // The last window is filled up with zeros.
    const Var<T> padding = zeros<T>({B, slots * r - m, w});
    const Var<T> windows = reshape(concat({x, padding}, 1), {B, slots, r, w});
    if (kind == ProjectionKind::conv) {
        // Each head has the same kernels, one for each of its channels.
        const Var<T> weight = reshape(transpose(*kernel), {r, 1, head_width});
        const Var<T> heads = reshape(windows, {B, slots, r, w / head_width, head_width});
        return reshape(sum(heads * weight, {2}), {B, slots, w});
    }
    Mask in_use({B, slots, r, 1}, false);
    Array<T> count = full<T>({B, slots, 1}, 0);
    for (std::size_t b = 0; b < B; ++b)
        for (std::size_t i = 0; i < m; ++i) {
            if (!real(b, i)) continue;
            const std::size_t slot = i / r;
            in_use(b, slot, i % r, 0) = true;
            count(b, slot, 0) += 1;
        }
    // x is 0 where a position is not real, so a window's sum is that of its real positions.
    if (kind == ProjectionKind::mean)
        return sum(windows, {2}) / Var<T>(Array<T>(xt::maximum(count, T(1))));
    const Mask live = reshaped(live_slots(real, r), {B, slots, 1});
    const Var<T> candidates = select(in_use, windows, std::numeric_limits<T>::lowest());
    return select(live, max(candidates, {2}), T(0));
}

template <class T>
Slots<T> Projection<T>::operator()(std::size_t group, const Var<T>& K, const Var<T>& V,
                                   const std::optional<Mask>& real) const {
    if (is_matrix()) return {project(E[group], K, real), project(F[group], V, real), std::nullopt};
    const std::size_t B = K.shape()[0], m = K.shape()[1];
    const Mask mask = real ? *real : Mask({B, m}, true);
    const bool conv = kind == ProjectionKind::conv;
    const SharedParameter<T> kernel_K = conv ? E[group] : nullptr;
    const SharedParameter<T> kernel_V = conv ? F[group] : nullptr;
    return {pool(group, kernel_K, K, mask), pool(group, kernel_V, V, mask),
            live_slots(mask, ceil_quotient(n, k[group]))};
}

template <class T>
Slots<T> Projection<T>::operator()(const Var<T>& x, const Linear<T>& key, const Linear<T>& value,
                                   const std::optional<Mask>& real) const {
    return {project(E[0], x, real, &key), project(F[0], x, real, &value), std::nullopt};
}

template <class T> void Projection<T>::list(Parameters<T>& parameters) {
    if (layerwise_) return;
    for (std::size_t group = 0; group < E.size(); ++group) {
        parameters.push_back(E[group].get());
        if (F[group] != E[group]) parameters.push_back(F[group].get());
    }
}

#define TAPER_INSTANTIATE(T)       \
    template struct Projection<T>; \
    template Var<T> first_columns(const Parameter<T>&, std::size_t);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper::nn
