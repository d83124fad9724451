#include "nn/linformer.hpp"

namespace taper::nn {

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
    if (c.classes() > 0) classifier.emplace("classifier", c.width, c.classes(), c.seed);
}

template <class T> Var<T> Linformer<T>::normed(const Var<T>& x) const {
    return norm ? (*norm)(x) : x;
}

template <class T> Var<T> Linformer<T>::head(const Var<T>& features) const {
    const Var<T> weight = head_weight ? *head_weight : embedding.token;
    return taper::linear(features, weight, head_bias);
}

template <class T> Var<T> Linformer<T>::features(const Ids& tokens, const Pass& pass) const {
    Var<T> x = dropout(embedding(tokens), pass);
    for (const auto& layer : layers) x = layer(x, pass);
    return normed(x);
}

template <class T> Var<T> Linformer<T>::operator()(const Ids& tokens, const Pass& pass) const {
    return head(features(tokens, pass));
}

// The real positions of each row, (B, 1).
template <class T> static Array<T> counts_of(const Mask& real) {
    const std::size_t B = real.shape(0), n = real.shape(1);
    Array<T> counts = zeros<T>({B, 1});
    for (std::size_t b = 0; b < B; ++b) {
        for (std::size_t i = 0; i < n; ++i) counts(b, 0) += static_cast<T>(real(b, i));
        if (counts(b, 0) == 0)
            throw Error("classify: a row must have a real position: row " + std::to_string(b) +
                        " is all padding");
    }
    return counts;
}

template <class T> Var<T> Linformer<T>::classify(const Ids& tokens, const Pass& pass) const {
    if (!classifier) throw Error("classify: the model must have a classifier: classes 0");
    const Var<T> x = features(tokens, pass);
    if (!pass.real) return (*classifier)(mean(x, 1));
    const Array<T> counts = counts_of<T>(*pass.real);
    // Padding is left out by select: what stands there may be NaN.
    const Mask real = reshaped(*pass.real, {x.shape()[0], x.shape()[1], 1});
    return (*classifier)(sum(select(real, x, T(0)), 1) / Var<T>(counts));
}

template <class T>
Decoder<T>::Decoder(const Linformer<T>& model) : model_(model), states_(model.layers.size()) {
    if (!model.config.causal) throw Error("decoder: the model must be causal: causal false");
}

template <class T> Array<T> Decoder<T>::operator()(std::int64_t token) {
    const std::size_t n = model_.config.length;
    if (positions_ == n)
        throw Error("decoder: at most n tokens can be read before reset(): n " + std::to_string(n));
    const NoGrad<T> no_grad;  // neither the logits nor the state belong to a tape
    Var<T> x = model_.embedding(Ids({1, 1}, token), positions_);
    ++positions_;
    for (std::size_t i = 0; i < states_.size(); ++i) x = model_.layers[i].step(x, states_[i]);
    const Array<T> logits = model_.head(model_.normed(x)).value();
    return reshaped(logits, {logits.size()});
}

template <class T> void Decoder<T>::reset() {
    states_.assign(states_.size(), {});
    positions_ = 0;
}

template <class T> Parameters<T> Linformer<T>::parameters() {
    Parameters<T> parameters;
    embedding.list(parameters);
    if (E) parameters.push_back(E.get());
    for (auto& layer : layers) layer.list(parameters);
    if (norm) norm->list(parameters);
    if (head_weight) parameters.push_back(&*head_weight);
    parameters.push_back(&head_bias);
    if (classifier) classifier->list(parameters);
    return parameters;
}

template struct Linformer<float>;
template struct Linformer<double>;
template class Decoder<float>;
template class Decoder<double>;

}  // namespace taper::nn
