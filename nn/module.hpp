// What layers have in common. A layer is a struct that owns its Parameters or other layers, is
// called like a function, and lists its Parameters. Names are given once, by the constructor, and
// are dotted as in PyTorch: layers.0.attention.query.weight.
//
// A parameter's first value is a function of (seed, its name) alone, so it does not depend on what
// else a model has.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/ops.hpp"

namespace taper::nn {

template <class T> using Parameters = std::vector<Parameter<T>*>;

// A Parameter that several layers may hold; null where there is none.
template <class T> using SharedParameter = std::shared_ptr<Parameter<T>>;

// The same parameters in the same order, each once: layers may share a matrix. Error, with `caller`
// as its subject: one is null.
template <class T> Parameters<T> distinct(const char* caller, const Parameters<T>& parameters) {
    require_parameters(caller, parameters);
    Parameters<T> once;
    std::unordered_set<const Leaf<T>*> seen;
    for (Parameter<T>* parameter : parameters) {
        const bool is_new = seen.insert(parameter->leaf.get()).second;
        if (is_new) once.push_back(parameter);
    }
    return once;
}

// Does a step of an optimiser move it?
template <class T> bool moves(const Parameter<T>& parameter) {
    return parameter.trainable() && parameter.has_gradient();
}

// How one pass runs. The default is evaluation, without dropout.
struct Pass {
    // In training the random numbers of dropout, which differ from step to step. None: no dropout.
    std::optional<Random> dropout = std::nullopt;
    // (B, n'). False: padding, which no other position sees. None: all positions are real.
    std::optional<Mask> real = std::nullopt;
};

// The initial entries of a weight matrix or table: N(0, deviation^2). Without a seed they are 0,
// for a file to replace.
template <class T>
Array<T> normal_entries(const std::string& name, const Shape& shape, double deviation,
                        std::optional<std::uint64_t> seed) {
    return seed ? normal<T>(Random(*seed, name), shape, deviation) : zeros<T>(shape);
}

template <class T>
Parameter<T> normal_parameter(const std::string& name, const Shape& shape, double deviation,
                              std::optional<std::uint64_t> seed) {
    return Parameter<T>(name, normal_entries<T>(name, shape, deviation, seed));
}

// The initial standard deviation of linear weights and embeddings, as in GPT-2 and BERT. It is so
// small that with LayerNorm the first loss is about ln V.
inline constexpr double weight_deviation = 0.02;

}  // namespace taper::nn
