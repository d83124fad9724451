#include "nn/optim/adam.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/kernels/map.hpp"

namespace taper::nn {

template <class T>
Adam<T>::Adam(const Parameters<T>& parameters, AdamOptions options) : options_(options) {
    const AdamOptions& o = options_;
    const auto is_beta = [](double beta) { return beta >= 0 && beta < 1; };
    const bool eps_allowed = o.eps > 0 && std::isfinite(o.eps);
    const bool decay_allowed = o.weight_decay >= 0 && std::isfinite(o.weight_decay);
    if (!is_beta(o.beta1) || !is_beta(o.beta2) || !eps_allowed || !decay_allowed)
        throw Error(
            "adam: beta1 and beta2 must be in [0, 1), eps above 0, weight_decay 0 or more, all "
            "finite: " +
            shortest(o.beta1) + ", " + shortest(o.beta2) + ", " + shortest(o.eps) + ", " +
            shortest(o.weight_decay));
    if (!(static_cast<T>(o.eps) > 0))
        throw Error("adam: eps must be above 0 as a number of the parameters' type, too: " +
                    shortest(o.eps));
    frozen_ = distinct("adam", parameters);
    take_in_trainable();
}

template <class T> void Adam<T>::take_in_trainable() {
    for (Parameter<T>* parameter : frozen_) {
        if (!parameter->trainable()) continue;
        moments.push_back({zeros<T>(parameter->shape()), zeros<T>(parameter->shape())});
        parameters_.push_back(parameter);
    }
    std::erase_if(frozen_, [](const Parameter<T>* parameter) { return parameter->trainable(); });
}

template <class T>
static void check(const Parameter<T>& parameter, const typename Adam<T>::Moments& moments) {
    const Array<T>& g = parameter.gradient();
    for (const Array<T>* array : {&g, &parameter.value(), &moments.m, &moments.v})
        if (array->shape() != parameter.shape())
            shape_error(
                "adam",
                parameter.name() + " must keep its shape, and so must its gradient and moments",
                {{"parameter", parameter.shape()}, {"found", array->shape()}});
    const auto overflows = [](auto v) {
        using V = decltype(v);
        return xsimd::select(v * v <= V(std::numeric_limits<T>::max()), V(T(0)), V(T(1)));
    };
    if (sum_row(g.size(), overflows, g.data()) == 0) return;
    for (const T entry : g)
        if (!std::isfinite(entry * entry))
            throw Error("adam: " + parameter.name() +
                        ": the square of a gradient must be finite: " + shortest(entry));
}

template <class T> void Adam<T>::check_gradients() const {
    if (moments.size() != parameters_.size())
        throw Error(
            "adam: every parameter must have its moments: " + std::to_string(parameters_.size()) +
            " parameters, " + std::to_string(moments.size()) + " moments");
    for (std::size_t i = 0; i < parameters_.size(); ++i)
        if (moves(*parameters_[i])) check(*parameters_[i], moments[i]);
}

// What a thread updates at once: entries of one parameter, and the factors of its step.
template <class T> struct Adam<T>::Part {
    const T* g;
    T *w, *m, *v;
    T keep;        // 1 - lr weight_decay
    T rate;        // lr / (1 - beta1^t)
    T correction;  // 1 / (1 - beta2^t)
    std::size_t size;
};

// The parts of all parameters. If one parameter were updated after the other, small ones would
// leave threads idle.
template <class T> std::vector<typename Adam<T>::Part> Adam<T>::begin_step(double lr) {
    // Most parameters are at the same step t, so the two factors of one step serve many.
    std::uint64_t t = 0;
    T rate = 0;
    T correction = 0;
    std::vector<Part> parts;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        Parameter<T>& parameter = *parameters_[i];
        if (!moves(parameter)) continue;
        ++moments[i].t;
        if (moments[i].t != t) {
            t = moments[i].t;
            rate = static_cast<T>(lr / (1 - std::pow(options_.beta1, static_cast<double>(t))));
            correction = static_cast<T>(1 / (1 - std::pow(options_.beta2, static_cast<double>(t))));
        }
        const bool decays = parameter.shape().size() >= 2;  // not biases and gains
        const T keep = decays ? static_cast<T>(1 - lr * options_.weight_decay) : T(1);
        const T* g = parameter.gradient().data();
        T* w = parameter.mutable_value().data();
        T* m = moments[i].m.data();
        T* v = moments[i].v.data();
        const std::size_t size = parameter.value().size();
        for (std::size_t first = 0; first < size; first += elementwise_chunk)
            parts.push_back({.g = g + first,
                             .w = w + first,
                             .m = m + first,
                             .v = v + first,
                             .keep = keep,
                             .rate = rate,
                             .correction = correction,
                             .size = std::min(elementwise_chunk, size - first)});
    }
    return parts;
}

template <class T> void Adam<T>::step(double lr) {
    if (!(lr >= 0 && lr <= std::numeric_limits<T>::max()))
        throw Error("adam: the learning rate must be finite in the parameters' type, 0 or more: " +
                    shortest(lr));
    take_in_trainable();
    check_gradients();
    const std::vector<Part> parts = begin_step(lr);
    // 1 - beta is formed in double: with a beta in float, such as 0.9999, the difference would lose
    // digits.
    const T beta1 = static_cast<T>(options_.beta1);
    const T beta2 = static_cast<T>(options_.beta2);
    const T rest1 = static_cast<T>(1 - options_.beta1);
    const T rest2 = static_cast<T>(1 - options_.beta2);
    const T eps = static_cast<T>(options_.eps);
    parallel_for(parts.size(), 1, [&](std::size_t number, std::size_t) {
        const Part part = parts[number];
        const auto next_m = [=](auto m, auto g) { return beta1 * m + rest1 * g; };
        const auto next_v = [=](auto v, auto g) { return beta2 * v + rest2 * g * g; };
        const auto next_w = [=](auto w, auto m, auto v) {
            return part.keep * w - part.rate * m / (sqrt(part.correction * v) + eps);
        };
        map_row(part.m, part.size, next_m, part.m, part.g);
        map_row(part.v, part.size, next_v, part.v, part.g);
        map_row(part.w, part.size, next_w, part.w, part.m, part.v);
    });
    clear_gradients(parameters_);
}

template class Adam<float>;
template class Adam<double>;

}  // namespace taper::nn
