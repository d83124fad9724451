#include "nn/layers/encoder.hpp"

namespace taper::nn {

template <class T>
EncoderBlock<T>::EncoderBlock(std::size_t layer, const Config& config,
                              const typename Projection<T>::Matrix& everywhere)
    : norm(config.norm),
      norm1("layers." + std::to_string(layer) + ".norm1", config.width),
      norm2("layers." + std::to_string(layer) + ".norm2", config.width),
      attention("layers." + std::to_string(layer) + ".attention", config, layer, everywhere),
      feed_forward("layers." + std::to_string(layer) + ".feed_forward", config.width,
                   config.ffn_width, config.seed),
      dropout1{config.dropout, static_cast<std::uint32_t>(2 * layer + 1)},
      dropout2{config.dropout, static_cast<std::uint32_t>(2 * layer + 2)} {}

template <class T>
template <class Attend>
Var<T> EncoderBlock<T>::around(const Var<T>& x, Attend attend, const Pass& pass) const {
    if (norm == Norm::pre) {
        const Var<T> y = x + dropout1(attend(norm1(x)), pass);
        return y + dropout2(feed_forward(norm2(y)), pass);
    }
    const Var<T> y = norm1(x + dropout1(attend(x), pass));
    return norm2(y + dropout2(feed_forward(y), pass));
}
template <class T> Var<T> EncoderBlock<T>::operator()(const Var<T>& x, const Pass& pass) const {
    return around(
        x, [&](const Var<T>& z) { return attention(z, pass); }, pass);
}
template <class T> Var<T> EncoderBlock<T>::step(const Var<T>& x, AttentionState<T>& state) const {
    return around(x, [&](const Var<T>& z) { return attention.step(z, state); }, {});
}

template <class T> void EncoderBlock<T>::list(Parameters<T>& all) {
    norm1.list(all);
    attention.list(all);
    norm2.list(all);
    feed_forward.list(all);
}

template struct EncoderBlock<float>;
template struct EncoderBlock<double>;

}  // namespace taper::nn
