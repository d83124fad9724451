#include "nn/optim/sgd.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/kernels/map.hpp"

namespace taper::nn {

template <class T>
Sgd<T>::Sgd(const Parameters<T>& parameters, SgdOptions options)
    : parameters_(distinct("sgd", parameters)), options_(options) {
    const bool momentum_allowed = options.momentum >= 0 && options.momentum < 1;
    const bool decay_allowed = options.weight_decay >= 0 && std::isfinite(options.weight_decay);
    if (!momentum_allowed || !decay_allowed)
        throw Error("sgd: momentum must be in [0, 1), weight_decay 0 or more and finite: " +
                    shortest(options.momentum) + ", " + shortest(options.weight_decay));
    for (const Parameter<T>* parameter : parameters_)
        velocities.push_back(zeros<T>(parameter->shape()));
}

template <class T> static void check(const Parameter<T>& parameter, const Array<T>& velocity) {
    const Array<T>& g = parameter.gradient();
    for (const Array<T>* array : {&g, &parameter.value(), &velocity})
        if (array->shape() != parameter.shape())
            shape_error(
                "sgd",
                parameter.name() + " must keep its shape, and so must its gradient and velocity",
                {{"parameter", parameter.shape()}, {"found", array->shape()}});
    const auto bad =
        std::find_if(g.begin(), g.end(), [](T entry) { return !std::isfinite(entry); });
    if (bad != g.end())
        throw Error("sgd: " + parameter.name() + ": a gradient must be finite: " + shortest(*bad));
}

template <class T> void Sgd<T>::step(double lr) {
    if (!(lr >= 0 && lr <= std::numeric_limits<T>::max()))
        throw Error("sgd: the learning rate must be finite in the parameters' type, 0 or more: " +
                    shortest(lr));
    if (velocities.size() != parameters_.size())
        throw Error(
            "sgd: every parameter must have its velocity: " + std::to_string(parameters_.size()) +
            " parameters, " + std::to_string(velocities.size()) + " velocities");
    for (std::size_t i = 0; i < parameters_.size(); ++i)
        if (moves(*parameters_[i])) check(*parameters_[i], velocities[i]);
    const T momentum = static_cast<T>(options_.momentum);
    const T rate = static_cast<T>(lr);
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        Parameter<T>& parameter = *parameters_[i];
        if (!moves(parameter)) continue;
        const bool decays = parameter.shape().size() >= 2;  // not biases and gains
        const T keep = decays ? static_cast<T>(1 - lr * options_.weight_decay) : T(1);
        const T* const gradient = parameter.gradient().data();
        T* const weights = parameter.mutable_value().data();
        T* const velocity = velocities[i].data();
        const auto update = [&](std::size_t begin, std::size_t end) {
            const auto next_v = [=](auto v, auto g) { return momentum * v + g; };
            const auto next_w = [=](auto w, auto v) { return keep * w - rate * v; };
            T* const v_row = velocity + begin;
            T* const w_row = weights + begin;
            map_row(v_row, end - begin, next_v, v_row, gradient + begin);
            map_row(w_row, end - begin, next_w, w_row, v_row);
        };
        parallel_for(parameter.value().size(), elementwise_chunk, update);
    }
    clear_gradients(parameters_);
}

template class Sgd<float>;
template class Sgd<double>;

}  // namespace taper::nn
