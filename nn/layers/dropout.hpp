// Dropout as a layer: active in a training pass, the identity otherwise.
#pragma once

#include "nn/module.hpp"

namespace taper::nn {

struct Dropout {
    double p;            // probability of 0, in [0, 1)
    std::uint32_t site;  // number of this layer in its model: two layers never drop alike

    template <class T> Var<T> operator()(const Var<T>& x, const Pass& pass) const {
        return pass.dropout && p != 0 ? taper::dropout(x, p, pass.dropout->substream(site)) : x;
    }
};

}  // namespace taper::nn
