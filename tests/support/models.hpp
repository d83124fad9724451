// Small models for tests, away from special points.
#pragma once

#include <string>
#include <vector>

#include "examples/gradients/shake.hpp"
#include "nn/linformer.hpp"

namespace taper::tests {

inline const nn::Config tiny{
    .vocab_size = 7, .length = 6, .width = 8, .heads = 2, .layers = 2, .ffn_width = 12, .k = 3};

inline const std::vector<nn::Sharing> sharings{nn::Sharing::none, nn::Sharing::headwise,
                                               nn::Sharing::key_value, nn::Sharing::layerwise};
inline const std::vector<nn::ProjectionKind> projections{
    nn::ProjectionKind::linear, nn::ProjectionKind::random, nn::ProjectionKind::mean,
    nn::ProjectionKind::max, nn::ProjectionKind::conv};

// The parameters of a layer or of a model, shaken.
template <class Module> nn::Parameters<double> shaken(Module& module) {
    nn::Parameters<double> parameters;
    module.list(parameters);
    examples::shake(parameters, 7);
    return parameters;
}
template <class T> nn::Parameters<T> shaken(nn::Linformer<T>& model) {
    const nn::Parameters<T> parameters = model.parameters();
    examples::shake(parameters, 7);
    return parameters;
}

// E, F or a kernel of one.
inline bool is_projection(const std::string& name) {
    return name == "E" || name.find("attention.E") != std::string::npos ||
           name.find("attention.F") != std::string::npos;
}

inline Array<double> some(const Shape& shape, const char* name) {
    return normal<double>(Random(3, name), shape);
}

inline Ids some_ids(std::size_t rows, std::size_t n, std::size_t V) {
    Ids ids = empty<std::int64_t>({rows, n});
    for (std::size_t i = 0; i < ids.size(); ++i)
        ids.data()[i] = static_cast<std::int64_t>(Random(5, "ids").below(i, V));
    return ids;
}

}  // namespace taper::tests
