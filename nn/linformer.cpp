#include "nn/linformer.hpp"

namespace taper::nn {

static const Config& checked(const Config& config) {
    config.check();
    return config;
}

template <class T>
Linformer<T>::Linformer(const Config& c)
    : config(checked(c)),
      embedding("embedding", c.vocab_size, c.length, c.width, c.seed),
      head_bias("head.bias", zeros<T>({c.vocab_size})),
      dropout{c.dropout, 0} {
    if (c.sharing == Sharing::layerwise && c.projections() > 0)
        E = Projection<T>::make("E", c, c.k(0, 0));
    layers.reserve(c.layers);
    for (std::size_t i = 0; i < c.layers; ++i) layers.emplace_back(i, c, E);
    if (c.norm == Norm::pre) norm.emplace("norm", c.width);
    if (!c.tie_embeddings)
        head_weight =
            normal_parameter<T>("head.weight", {c.vocab_size, c.width}, weight_deviation, c.seed);
}

template <class T> Var<T> Linformer<T>::head(const Var<T>& x) const {
    return linear(norm ? (*norm)(x) : x,
                  head_weight ? Var<T>(*head_weight) : Var<T>(embedding.token), head_bias);
}

template <class T> Var<T> Linformer<T>::operator()(const Ids& tokens, const Pass& pass) const {
    Var<T> x = dropout(embedding(tokens), pass);
    for (const auto& layer : layers) x = layer(x, pass);
    return head(x);
}

template <class T>
Decoder<T>::Decoder(const Linformer<T>& model) : model_(model), states_(model.layers.size()) {
    if (!model.config.causal) throw Error("decoder: the model must be causal: causal false");
}

template <class T> Array<T> Decoder<T>::operator()(std::int64_t token) {
    if (const std::size_t n = model_.config.length; positions_ == n)
        throw Error("decoder: at most n tokens can be read before reset(): n " + std::to_string(n));
    const NoGrad<T> values;  // what it gives back and keeps is not of a tape
    Var<T> x = model_.embedding(Ids({1, 1}, token), positions_);
    ++positions_;
    for (std::size_t i = 0; i < states_.size(); ++i) x = model_.layers[i].step(x, states_[i]);
    const Array<T> logits = model_.head(x).value();
    return reshaped(logits, {logits.size()});
}

template <class T> void Decoder<T>::reset() {
    states_.assign(states_.size(), {});
    positions_ = 0;
}

template <class T> Parameters<T> Linformer<T>::parameters() {
    Parameters<T> all;
    embedding.list(all);
    if (E) all.push_back(E.get());
    for (auto& layer : layers) layer.list(all);
    if (norm) norm->list(all);
    if (head_weight) all.push_back(&*head_weight);
    all.push_back(&head_bias);
    return all;
}

template struct Linformer<float>;
template struct Linformer<double>;
template class Decoder<float>;
template class Decoder<double>;

}  // namespace taper::nn
