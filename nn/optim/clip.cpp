#include "nn/optim/clip.hpp"

#include <cmath>
#include <unordered_set>

#include "core/kernels/map.hpp"
#include "nn/module.hpp"

namespace taper::nn {

// The parameters that are trainable and have a gradient, each once.
template <class T>
static std::vector<Parameter<T>*> with_gradient(const std::vector<Parameter<T>*>& parameters) {
    std::vector<Parameter<T>*> once;
    std::unordered_set<const Leaf<T>*> seen;
    for (Parameter<T>* parameter : parameters) {
        if (!moves(*parameter)) continue;
        const bool is_new = seen.insert(parameter->leaf.get()).second;
        if (is_new) once.push_back(parameter);
    }
    return once;
}

template <class T> static void require_finite(const Parameter<T>& parameter) {
    const Array<T>& g = parameter.gradient();
    for (std::size_t i = 0; i < g.size(); ++i)
        if (!std::isfinite(g.data()[i]))
            throw Error(parameter.name() + ": a gradient must be finite: " + shortest(g.data()[i]) +
                        " at " + index_text(g.shape(), i));
}

template <class T> double gradient_norm(const std::vector<Parameter<T>*>& parameters) {
    require_parameters("gradient_norm", parameters);
    double total = 0;
    for (const Parameter<T>* parameter : with_gradient(parameters)) {
        const Array<double> wide = converted<double>(parameter->gradient());
        const auto square = [](auto v) { return v * v; };
        const double squares = sum_row(wide.size(), square, wide.data());
        if (!std::isfinite(squares)) require_finite(*parameter);
        total += squares;
        if (!std::isfinite(total))
            throw Error(
                parameter->name() +
                ": the sum of the squares of the gradients must be finite: " + shortest(total));
    }
    return std::sqrt(total);
}

template <class T>
double clip_gradients(const std::vector<Parameter<T>*>& parameters, double limit) {
    if (!(limit > 0)) throw Error("clip_gradients: the limit must be above 0: " + shortest(limit));
    require_parameters("clip_gradients", parameters);
    const double norm = gradient_norm(parameters);
    if (norm <= limit) return norm;
    // In double: the scale may be below the smallest float where its products are not.
    const double scale = limit / norm;
    for (Parameter<T>* parameter : with_gradient(parameters))
        for (T& g : parameter->mutable_gradient())
            g = static_cast<T>(static_cast<double>(g) * scale);
    return norm;
}

template double gradient_norm(const std::vector<Parameter<float>*>&);
template double gradient_norm(const std::vector<Parameter<double>*>&);
template double clip_gradients(const std::vector<Parameter<float>*>&, double);
template double clip_gradients(const std::vector<Parameter<double>*>&, double);

}  // namespace taper::nn
