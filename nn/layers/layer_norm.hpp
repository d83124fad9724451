// Layer normalisation over the last axis, with a gain and a bias.
#pragma once

#include "nn/module.hpp"

namespace taper::nn {

// x (..., d) -> y (..., d), eps 1e-5. NAME.weight (d), the gain, starts as 1, NAME.bias (d) as 0.
template <class T> struct LayerNorm {
    Parameter<T> weight, bias;

    LayerNorm(const std::string& name, std::size_t d);
    Var<T> operator()(const Var<T>& x) const;
    void list(Parameters<T>& parameters);
};

}  // namespace taper::nn
