#include "nn/layers/projection.hpp"

#include <cmath>
#include <limits>

namespace taper::nn {

static std::size_t windows(std::size_t n, std::size_t r) { return (n + r - 1) / r; }

// window: row j is the mean over positions [j n / k, (j + 1) n / k), plus N(0, 0.02^2). A model of
// toy size that starts from random numbers hardly leaves the bigram level; from window means it
// learns at once.
template <class T>
typename Projection<T>::Matrix Projection<T>::make(const std::string& name, const Config& c,
                                                   std::size_t k) {
    const std::size_t n = c.length, r = windows(n, k);
    const bool conv = c.projection == ProjectionKind::conv,
               random = c.projection == ProjectionKind::random;
    const Shape shape = conv ? Shape{c.width / c.heads, r} : Shape{k, n};
    if (random || c.projection_init == ProjectionInit::normal) {
        const double deviation = 1 / std::sqrt(static_cast<double>(conv ? r : k));
        return std::make_shared<Parameter<T>>(
            name, normal_entries<T>(name, shape, deviation, c.seed), !random);
    }
    auto matrix = std::make_shared<Parameter<T>>(normal_parameter<T>(name, shape, 0.02, c.seed));
    auto& entries = matrix->mutable_value();
    if (conv) xt::noalias(entries) += T(1) / static_cast<T>(r);
    for (std::size_t j = 0; j < k && !conv; ++j) {
        const std::size_t begin = j * n / k, end = (j + 1) * n / k;
        for (std::size_t i = begin; i < end; ++i)
            entries(j, i) += T(1) / static_cast<T>(end - begin);
    }
    return matrix;
}

template <class T>
Projection<T>::Projection(const std::string& name, const Config& c, std::size_t layer,
                          const Matrix& everywhere)
    : kind((c.check(), c.projection)),
      n(c.length),
      head_width(c.width / c.heads),
      rescale(c.rescale),
      everywhere_(everywhere != nullptr) {
    for (std::size_t group = 0; group < c.groups(); ++group) k.push_back(c.k(layer, group));
    if (kind == ProjectionKind::mean || kind == ProjectionKind::max) return;
    for (std::size_t group = 0; group < c.groups(); ++group) {
        const std::string head = c.sharing == Sharing::none ? "." + std::to_string(group) : "";
        E.push_back(everywhere ? everywhere : make(name + ".E" + head, c, k[group]));
        const bool one = c.sharing == Sharing::key_value || c.sharing == Sharing::layerwise;
        F.push_back(one ? E.back() : make(name + ".F" + head, c, k[group]));
    }
}

template <class T> Var<T> first_columns(const Parameter<T>& E, std::size_t n) {
    return n == E.shape()[1] ? Var<T>(E)
                             : slice(Var<T>(E), 1, {.end = static_cast<std::ptrdiff_t>(n)});
}

// E x, or E linear(x). Rescaled, row j of E is as long over the positions in use as over all.
template <class T>
Var<T> Projection<T>::project(const Matrix& matrix, const Var<T>& x,
                              const std::optional<Mask>& real, const Linear<T>* linear) const {
    const std::size_t m = x.shape()[1];
    const Var<T> used = full<T>({real ? real->shape(0) : 1, m, 1}, 1);
    const Var<T> in_use = real ? select(reshaped(*real, {real->shape(0), m, 1}), used, T(0)) : used;
    const Var<T> columns = first_columns(*matrix, m);
    Var<T> y = matmul(columns, x);                                // E x
    if (linear) y = linear->of_sums(y, matmul(columns, in_use));  // (E x) W^T + (E 1) b^T
    if (!rescale || (m == n && !real)) return y;
    const Var<T> part = matmul(columns * columns, in_use);  // (B, k, 1)
    auto some = empty<bool>(part.shape());
    for (std::size_t i = 0; i < some.size(); ++i) some.data()[i] = part.value().data()[i] > 0;
    const Var<T> all = sum(*matrix * *matrix, {1}, KeepDims::yes);
    return y * sqrt(select(some, all / select(some, part, T(1)), T(1)));  // sqrt has no slope at 0
}

// (B, n', w) -> (B, windows, w), real (B, n').
template <class T>
Var<T> Projection<T>::pool(std::size_t group, const Matrix& kernel, const Var<T>& x,
                           const Mask& real) const {
    const std::size_t B = x.shape()[0], m = x.shape()[1], w = x.shape()[2],
                      r = windows(n, k[group]);
    const std::size_t slots = windows(m, r);
    const Var<T> missing = zeros<T>({B, slots * r - m, w});
    const Var<T> cut = reshape(concat({x, missing}, 1), {B, slots, r, w});
    if (kind == ProjectionKind::conv) {
        const Var<T> weight = reshape(transpose(*kernel), {r, 1, head_width});
        const Var<T> by_head = reshape(cut, {B, slots, r, w / head_width, head_width});
        return reshape(sum(by_head * weight, {2}), {B, slots, w});
    }
    Mask in_use({B, slots, r, 1}, false), live({B, slots, 1}, false);
    auto number = full<T>({B, slots, 1}, 0);
    for (std::size_t b = 0; b < B; ++b)
        for (std::size_t i = 0; i < m; ++i)
            if (real(b, i))
                in_use(b, i / r, i % r, 0) = live(b, i / r, 0) = true, number(b, i / r, 0) += 1;
    if (kind == ProjectionKind::mean)
        return sum(cut, {2}) / Var<T>(Array<T>(xt::maximum(number, T(1))));
    return select(live, max(select(in_use, cut, std::numeric_limits<T>::lowest()), {2}), T(0));
}

template <class T>
Slots<T> Projection<T>::operator()(std::size_t group, const Var<T>& K, const Var<T>& V,
                                   const std::optional<Mask>& real) const {
    if (is_matrix()) return {project(E[group], K, real), project(F[group], V, real), std::nullopt};
    const std::size_t B = K.shape()[0], m = K.shape()[1], r = windows(n, k[group]);
    const Mask all = real ? *real : Mask({B, m}, true);
    Mask live({B, windows(m, r)}, false);
    for (std::size_t b = 0; b < B; ++b)
        for (std::size_t i = 0; i < m; ++i)
            if (all(b, i)) live(b, i / r) = true;
    const bool conv = kind == ProjectionKind::conv;
    return {pool(group, conv ? E[group] : nullptr, K, all),
            pool(group, conv ? F[group] : nullptr, V, all), live};
}

template <class T>
Slots<T> Projection<T>::operator()(const Var<T>& x, const Linear<T>& key, const Linear<T>& value,
                                   const std::optional<Mask>& real) const {
    return {project(E[0], x, real, &key), project(F[0], x, real, &value), std::nullopt};
}

template <class T> void Projection<T>::list(Parameters<T>& all) {
    if (everywhere_) return;
    for (std::size_t group = 0; group < E.size(); ++group) {
        all.push_back(E[group].get());
        if (F[group] != E[group]) all.push_back(F[group].get());
    }
}

#define TAPER_INSTANTIATE(T)       \
    template struct Projection<T>; \
    template Var<T> first_columns(const Parameter<T>&, std::size_t);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper::nn
