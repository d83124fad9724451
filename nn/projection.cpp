#include "nn/projection.hpp"

#include <cmath>

namespace taper::nn {

// window: row j is the mean over positions [j n / k, (j + 1) n / k), plus N(0, 0.02^2). A model of toy size that starts from
// random numbers hardly leaves the bigram level; from window means it learns at once.
template <class T> static Parameter<T> start(const std::string& name, const Config& config) {
    const std::size_t k = config.k, n = config.length;
    if (config.projection_init == ProjectionInit::normal)
        return normal_parameter<T>(name, {k, n}, 1 / std::sqrt(static_cast<double>(k)), config.seed);
    Parameter<T> matrix = normal_parameter<T>(name, {k, n}, 0.02, config.seed);
    for (std::size_t j = 0; j < k; ++j) {
        const std::size_t begin = j * n / k, end = (j + 1) * n / k;
        for (std::size_t i = begin; i < end; ++i) matrix.mutable_value()(j, i) += T(1) / static_cast<T>(end - begin);
    }
    return matrix;
}

template <class T>
Projection<T>::Projection(const std::string& name, const Config& config)
    : E(start<T>(name + ".E", config)), F(start<T>(name + ".F", config)) {}

template <class T> static Var<T> project(const Parameter<T>& matrix, const Var<T>& x) {
    const std::size_t n = x.shape()[1];
    if (n == matrix.shape()[1]) return matmul(matrix, x);
    return matmul(slice(matrix, 1, {.end = static_cast<std::ptrdiff_t>(n)}), x);
}

template <class T> Var<T> Projection<T>::keys(const Var<T>& K) const { return project(E, K); }
template <class T> Var<T> Projection<T>::values(const Var<T>& V) const { return project(F, V); }

template <class T> void Projection<T>::list(Parameters<T>& all) { all.insert(all.end(), {&E, &F}); }

template struct Projection<float>;
template struct Projection<double>;

}  // namespace taper::nn
