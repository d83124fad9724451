// Small models for tests, away from special points.
#pragma once

#include "nn/linformer.hpp"

namespace taper::tests {

inline const nn::Config tiny{
    .vocab_size = 7, .length = 6, .width = 8, .heads = 2, .layers = 2, .ffn_width = 12, .k = 3};

// Every parameter away from special points (zero biases, gains of one), large enough that each path
// matters.
template <class Module> nn::Parameters<double> shaken(Module& module) {
    nn::Parameters<double> all;
    module.list(all);
    for (Parameter<double>* p : all)
        xt::noalias(p->mutable_value()) += normal<double>(Random(7, p->name()), p->shape(), 0.3);
    return all;
}
inline nn::Parameters<double> shaken(nn::Linformer<double>& model) {
    auto all = model.parameters();
    for (Parameter<double>* p : all)
        xt::noalias(p->mutable_value()) += normal<double>(Random(7, p->name()), p->shape(), 0.3);
    return all;
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
