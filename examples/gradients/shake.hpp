// A new model away from special points, where gradients would vanish or agree by chance.
#pragma once

#include "core/array/random.hpp"
#include "nn/module.hpp"

namespace taper::examples {

// Adds N(0, 0.3^2) to every entry: no bias is 0, no gain is 1, and each path through the model
// matters.
template <class T> void shake(const nn::Parameters<T>& parameters, std::uint64_t seed) {
    for (Parameter<T>* p : parameters)
        xt::noalias(p->mutable_value()) += normal<T>(Random(seed, p->name()), p->shape(), 0.3);
}

}  // namespace taper::examples
