#include "nn/optim/adam.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/kernels/map.hpp"

namespace taper::nn {

template <class T>
Adam<T>::Adam(const Parameters<T>& parameters, AdamOptions options) : options_(options) {
    const auto in = [](double x, double low, double high) { return x >= low && x < high; };
    const AdamOptions& o = options_;
    if (!in(o.beta1, 0, 1) || !in(o.beta2, 0, 1) || !(o.eps > 0 && std::isfinite(o.eps)) ||
        !(o.weight_decay >= 0 && std::isfinite(o.weight_decay)))
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
    std::erase_if(frozen_, [&](Parameter<T>* parameter) {
        if (!parameter->trainable()) return false;
        moments.push_back({zeros<T>(parameter->shape()), zeros<T>(parameter->shape())});
        parameters_.push_back(parameter);
        return true;
    });
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

template <class T> void Adam<T>::step(double lr) {
    if (!(lr >= 0 && lr <= std::numeric_limits<T>::max()))
        throw Error("adam: the learning rate must be finite in the parameters' type, 0 or more: " +
                    shortest(lr));
    take_in_trainable();
    if (moments.size() != parameters_.size())
        throw Error(
            "adam: every parameter must have its moments: " + std::to_string(parameters_.size()) +
            " parameters, " + std::to_string(moments.size()) + " moments");
    const auto moves = [](const Parameter<T>& parameter) {
        return parameter.trainable() && parameter.has_gradient();
    };
    for (std::size_t i = 0; i < parameters_.size(); ++i)
        if (moves(*parameters_[i])) check(*parameters_[i], moments[i]);
    // 1 - beta is formed in double: of a beta of float, as of 0.9999, it would be another.
    const T beta1 = static_cast<T>(options_.beta1), rest1 = static_cast<T>(1 - options_.beta1);
    const T beta2 = static_cast<T>(options_.beta2), rest2 = static_cast<T>(1 - options_.beta2);
    const T eps = static_cast<T>(options_.eps);
    struct Part {
        const T* g;
        T *w, *m, *v, keep, rate, correction;
        std::size_t size;
    };
    // Of a step t: most parameters are at the same one.
    struct Bias {
        std::uint64_t t = 0;
        T rate = 0, correction = 0;
    } bias;
    std::vector<Part> parts;  // of all parameters: one by one, small ones would leave threads idle
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        Parameter<T>& parameter = *parameters_[i];
        if (!moves(parameter)) continue;
        const std::uint64_t step = ++moments[i].t;
        if (step != bias.t) {
            const double t = static_cast<double>(step);
            bias.t = step;
            bias.rate = static_cast<T>(lr / (1 - std::pow(options_.beta1, t)));
            bias.correction = static_cast<T>(1 / (1 - std::pow(options_.beta2, t)));
        }
        const T keep =
            parameter.shape().size() >= 2 ? static_cast<T>(1 - lr * options_.weight_decay) : T(1);
        const T* g = parameter.gradient().data();
        T *w = parameter.mutable_value().data(), *m = moments[i].m.data(), *v = moments[i].v.data();
        for (std::size_t at = 0; at < parameter.value().size(); at += elementwise_chunk)
            parts.push_back({g + at, w + at, m + at, v + at, keep, bias.rate, bias.correction,
                             std::min(elementwise_chunk, parameter.value().size() - at)});
    }
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
