#include "core/clip.hpp"

#include <cmath>

#include "core/map.hpp"

namespace taper {

template <class T> double gradient_norm(const std::vector<Parameter<T>*>& parameters) {
    double total = 0;
    for (const Parameter<T>* parameter : parameters) {
        if (!parameter->has_gradient()) continue;
        const Array<T>& g = parameter->gradient();
        const Array<double> wide = converted<double>(g);
        const auto square = [](auto v) { return v * v; };
        const double squares = sum_row(wide.size(), square, wide.data());
        if (!std::isfinite(squares))
            for (std::size_t i = 0; i < g.size(); ++i)
                if (!std::isfinite(g.data()[i]))
                    throw Error(parameter->name() + ": a gradient must be finite: " + std::to_string(g.data()[i]) +
                                " at " + index_text(g.shape(), i));
        total += squares;
    }
    return std::sqrt(total);
}

template <class T> double clip_gradients(const std::vector<Parameter<T>*>& parameters, double limit) {
    if (!(limit > 0)) throw Error("clip_gradients: the limit must be above 0: " + std::to_string(limit));
    const double norm = gradient_norm(parameters);
    if (norm <= limit) return norm;
    const T scale = static_cast<T>(limit / norm);
    for (Parameter<T>* parameter : parameters)
        if (parameter->has_gradient()) parameter->mutable_gradient() *= scale;
    return norm;
}

template double gradient_norm(const std::vector<Parameter<float>*>&);
template double gradient_norm(const std::vector<Parameter<double>*>&);
template double clip_gradients(const std::vector<Parameter<float>*>&, double);
template double clip_gradients(const std::vector<Parameter<double>*>&, double);

}  // namespace taper
