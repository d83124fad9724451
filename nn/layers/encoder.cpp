#include "nn/layers/encoder.hpp"

namespace taper::nn {

template <class T>
EncoderBlock<T>::EncoderBlock(std::size_t layer, const Config& config,
                              const SharedParameter<T>& layerwise_E)
    : norm(config.norm),
      norm1("layers." + std::to_string(layer) + ".norm1", config.width),
      norm2("layers." + std::to_string(layer) + ".norm2", config.width),
      attention("layers." + std::to_string(layer) + ".attention", config, layer, layerwise_E),
      feed_forward("layers." + std::to_string(layer) + ".feed_forward", config.width,
                   config.ffn_width, config.seed),
      dropout1{config.dropout, static_cast<std::uint32_t>(2 * layer + 1)},
      dropout2{config.dropout, static_cast<std::uint32_t>(2 * layer + 2)} {}

template <class T>
template <class Attend>
Var<T> EncoderBlock<T>::forward(const Var<T>& x, Attend attend, const Pass& pass) const {
    if (norm == Norm::pre) {
        const Var<T> y = x + dropout1(attend(norm1(x)), pass);
        return y + dropout2(feed_forward(norm2(y)), pass);
    }
    const Var<T> y = norm1(x + dropout1(attend(x), pass));
    return norm2(y + dropout2(feed_forward(y), pass));
}

template <class T> Var<T> EncoderBlock<T>::operator()(const Var<T>& x, const Pass& pass) const {
    const auto attend = [&](const Var<T>& z) { return attention(z, pass); };
    return forward(x, attend, pass);
}

template <class T> Var<T> EncoderBlock<T>::step(const Var<T>& x, AttentionState<T>& state) const {
    const auto attend = [&](const Var<T>& z) { return attention.step(z, state); };
    return forward(x, attend, {});
}

template <class T> void EncoderBlock<T>::list(Parameters<T>& parameters) {
    norm1.list(parameters);
    attention.list(parameters);
    norm2.list(parameters);
    feed_forward.list(parameters);
}

template struct EncoderBlock<float>;
template struct EncoderBlock<double>;

}  // namespace taper::nn
