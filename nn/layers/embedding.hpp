// Token and position embeddings: x_bt = token[tokens_bt] + position[first + t].
#pragma once

#include "nn/module.hpp"

namespace taper::nn {

// tokens (B, n'), first + n' <= n -> (B, n', d). NAME.token.weight (V, d) and NAME.position.weight
// (n, d) start as N(0, 0.02^2).
template <class T> struct Embedding {
    Parameter<T> token, position;

    Embedding(const std::string& name, std::size_t V, std::size_t n, std::size_t d,
              std::optional<std::uint64_t> seed);
    Var<T> operator()(const Ids& tokens, std::size_t first = 0) const;
    void list(Parameters<T>& parameters);
};

}  // namespace taper::nn
