// The position-wise network of an encoder block: down(gelu(up(x))).
#pragma once

#include "nn/layers/linear.hpp"

namespace taper::nn {

// x (..., d) -> (..., d), through `width` hidden units. NAME.up, NAME.down.
template <class T> struct FeedForward {
    Linear<T> up, down;

    FeedForward(const std::string& name, std::size_t d, std::size_t width,
                std::optional<std::uint64_t> seed);
    Var<T> operator()(const Var<T>& x) const;
    void list(Parameters<T>& parameters);
};

}  // namespace taper::nn
