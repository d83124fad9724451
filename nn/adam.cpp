#include "nn/adam.hpp"

#include <cmath>

#include "core/parallel.hpp"

namespace taper::nn {

template <class T> Adam<T>::Adam(const Parameters<T>& parameters, AdamOptions options) : options_(options) {
    for (Parameter<T>* parameter : parameters) {
        if (!parameter->trainable()) continue;
        parameters_.push_back(parameter);
        moments.push_back({zeros<T>(parameter->shape()), zeros<T>(parameter->shape())});
    }
}

template <class T> void Adam<T>::step(double lr) {
    const double t = static_cast<double>(++steps);
    const T beta1 = static_cast<T>(options_.beta1), beta2 = static_cast<T>(options_.beta2),
            eps = static_cast<T>(options_.eps);
    const T rate = static_cast<T>(lr / (1 - std::pow(options_.beta1, t)));
    const T correction = static_cast<T>(1 / (1 - std::pow(options_.beta2, t)));
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        Parameter<T>& parameter = *parameters_[i];
        if (!parameter.has_gradient()) continue;
        const T keep = parameter.shape().size() >= 2 ? static_cast<T>(1 - lr * options_.weight_decay) : T(1);
        const T* g = parameter.gradient().data();
        T *w = parameter.mutable_value().data(), *m = moments[i].m.data(), *v = moments[i].v.data();
        parallel_for(parameter.value().size(), 1 << 14, [&](std::size_t begin, std::size_t end) {
            for (std::size_t j = begin; j < end; ++j) {
                m[j] = beta1 * m[j] + (1 - beta1) * g[j];
                v[j] = beta2 * v[j] + (1 - beta2) * g[j] * g[j];
                w[j] = keep * w[j] - rate * m[j] / (std::sqrt(correction * v[j]) + eps);
            }
        });
        parameter.clear_gradient();
    }
}

template class Adam<float>;
template class Adam<double>;

}  // namespace taper::nn
