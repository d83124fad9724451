#include "nn/layers/embedding.hpp"

namespace taper::nn {

template <class T>
Embedding<T>::Embedding(const std::string& name, std::size_t V, std::size_t n, std::size_t d,
                        std::optional<std::uint64_t> seed)
    : token(normal_parameter<T>(name + ".token.weight", {V, d}, weight_deviation, seed)),
      position(normal_parameter<T>(name + ".position.weight", {n, d}, weight_deviation, seed)) {}

template <class T> Var<T> Embedding<T>::operator()(const Ids& tokens, std::size_t first) const {
    const std::size_t length = position.shape()[0];
    if (tokens.dimension() != 2 || tokens.shape(1) == 0 || first + tokens.shape(1) > length)
        shape_error("embedding", "tokens must be (B, n'), 1 <= n' <= the length n of the model",
                    {{"tokens", tokens.shape()}}, "n " + std::to_string(length));
    const Range positions{static_cast<std::ptrdiff_t>(first),
                          static_cast<std::ptrdiff_t>(first + tokens.shape(1))};
    return taper::embedding(token, tokens) + slice(position, 0, positions);
}

template <class T> void Embedding<T>::list(Parameters<T>& parameters) {
    parameters.insert(parameters.end(), {&token, &position});
}

template struct Embedding<float>;
template struct Embedding<double>;

}  // namespace taper::nn
