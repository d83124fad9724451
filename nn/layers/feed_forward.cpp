#include "nn/layers/feed_forward.hpp"

namespace taper::nn {

template <class T>
FeedForward<T>::FeedForward(const std::string& name, std::size_t d, std::size_t width,
                            std::optional<std::uint64_t> seed)
    : up(name + ".up", d, width, seed), down(name + ".down", width, d, seed) {}

template <class T> Var<T> FeedForward<T>::operator()(const Var<T>& x) const {
    return taper::feed_forward(x, up.weight, up.bias, down.weight, down.bias);
}

template <class T> void FeedForward<T>::list(Parameters<T>& parameters) {
    up.list(parameters);
    down.list(parameters);
}

template struct FeedForward<float>;
template struct FeedForward<double>;

}  // namespace taper::nn
