#include "nn/layers/layer_norm.hpp"

namespace taper::nn {

template <class T>
LayerNorm<T>::LayerNorm(const std::string& name, std::size_t d)
    : weight(name + ".weight", full<T>({d}, T(1))), bias(name + ".bias", zeros<T>({d})) {}

template <class T> Var<T> LayerNorm<T>::operator()(const Var<T>& x) const {
    return taper::layer_norm(x, weight, bias);
}

template <class T> void LayerNorm<T>::list(Parameters<T>& parameters) {
    parameters.insert(parameters.end(), {&weight, &bias});
}

template struct LayerNorm<float>;
template struct LayerNorm<double>;

}  // namespace taper::nn
