// E and F: keys and values projected along the sequence, from n to k (Linformer, arXiv 2006.04768, Eq. 7).
#pragma once

#include "nn/config.hpp"
#include "nn/module.hpp"

namespace taper::nn {

// K-bar = E K and V-bar = F V. One learned E and F of (k, n) for all heads of a layer ("headwise" sharing): NAME.E, NAME.F.
// They act on keys and values after the bias. A sequence of n' < n positions uses their first n' columns.
template <class T> struct Projection {
    Parameter<T> E, F;

    Projection(const std::string& name, const Config& config);
    Var<T> keys(const Var<T>& K) const;    // (B, n', d) -> (B, k, d)
    Var<T> values(const Var<T>& V) const;  // the same with F
    void list(Parameters<T>& all);
};

}  // namespace taper::nn
