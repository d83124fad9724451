// y = x W^T + b
#pragma once

#include "nn/module.hpp"

namespace taper::nn {

// x (..., in) -> y (..., out). NAME.weight (out, in) starts as N(0, 0.02^2), NAME.bias (out) as 0:
// made for blocks with LayerNorm. A network without any learns sooner from weights scaled up to
// N(0, 1/in).
template <class T> struct Linear {
    Parameter<T> weight, bias;

    Linear(const std::string& name, std::size_t in, std::size_t out,
           std::optional<std::uint64_t> seed);
    Var<T> operator()(const Var<T>& x) const;
    // Of weighted sums of rows, sum_i w_i x_i (..., k, in), the same sums of the outputs: x W^T +
    // weights b^T. weights (..., k, 1): sum_i w_i
    Var<T> of_sums(const Var<T>& x, const Var<T>& weights) const;
    void list(Parameters<T>& all);
};

}  // namespace taper::nn
