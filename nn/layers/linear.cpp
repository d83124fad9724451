#include "nn/layers/linear.hpp"

namespace taper::nn {

template <class T>
Linear<T>::Linear(const std::string& name, std::size_t in, std::size_t out,
                  std::optional<std::uint64_t> seed)
    : weight(normal_parameter<T>(name + ".weight", {out, in}, weight_deviation, seed)),
      bias(name + ".bias", zeros<T>({out})) {}

template <class T> Var<T> Linear<T>::operator()(const Var<T>& x) const {
    return taper::linear(x, weight, bias);
}

template <class T>
Var<T> Linear<T>::weighted_sums(const Var<T>& sums, const Var<T>& weights) const {
    return matmul(sums, weight, {.transpose_b = true}) + weights * bias;
}

template <class T> void Linear<T>::list(Parameters<T>& parameters) {
    parameters.insert(parameters.end(), {&weight, &bias});
}

template struct Linear<float>;
template struct Linear<double>;

}  // namespace taper::nn
