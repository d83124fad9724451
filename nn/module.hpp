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

// The same parameters in the same order, each once: a matrix may be shared by layers. The Error of
// `caller` if one is null.
template <class T> Parameters<T> distinct(const char* caller, const Parameters<T>& parameters) {
    require_parameters(caller, parameters);
    Parameters<T> once;
    std::unordered_set<const Leaf<T>*> seen;
    for (Parameter<T>* parameter : parameters)
        if (seen.insert(parameter->leaf.get()).second) once.push_back(parameter);
    return once;
}

// How one pass runs. By default as in evaluation, without dropout.
struct Pass {
    // Training: the random numbers of dropout, others for each step.
    std::optional<Random> dropout = std::nullopt;
    // (B, n'). False: padding, which no other position sees. None: all positions are real.
    std::optional<Mask> real = std::nullopt;
};

// How a weight matrix or table starts: N(0, deviation^2). Without a seed it is zeros, for a file to
// replace.
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

// Deviation of linear weights and embeddings at the start (as GPT-2 and BERT): small enough that
// with LayerNorm the first loss is ln V.
inline constexpr double weight_deviation = 0.02;

}  // namespace taper::nn
