// y = x W^T + b
#pragma once

#include "nn/module.hpp"

namespace taper::nn {

// x (..., in) -> y (..., out). NAME.weight (out, in) starts as N(0, 0.02^2), NAME.bias (out) as 0.
// That start is made for blocks with LayerNorm. A network without any learns sooner from weights
// scaled up to N(0, 1/in).
template <class T> struct Linear {
    Parameter<T> weight, bias;

    Linear(const std::string& name, std::size_t in, std::size_t out,
           std::optional<std::uint64_t> seed);
    Var<T> operator()(const Var<T>& x) const;
    // The weighted sums of outputs, from those of inputs: sums W^T + weights b^T.
    //     sums     (..., k, in)   sum_i w_i x_i
    //     weights  (..., k, 1)    sum_i w_i
    //     result   (..., k, out)  sum_i w_i y_i
    Var<T> weighted_sums(const Var<T>& sums, const Var<T>& weights) const;
    void list(Parameters<T>& parameters);
};

}  // namespace taper::nn
