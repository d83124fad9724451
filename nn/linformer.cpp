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
    layers.reserve(c.layers);
    for (std::size_t i = 0; i < c.layers; ++i) layers.emplace_back(i, c);
    if (c.norm == Norm::pre) norm.emplace("norm", c.width);
    if (!c.tie_embeddings)
        head_weight = normal_parameter<T>("head.weight", {c.vocab_size, c.width}, weight_deviation, c.seed);
}

template <class T> Var<T> Linformer<T>::operator()(const Ids& tokens, const Pass& pass) const {
    Var<T> x = dropout(embedding(tokens), pass);
    for (const auto& layer : layers) x = layer(x, pass);
    if (norm) x = (*norm)(x);
    return matmul(x, head_weight ? *head_weight : embedding.token, {.transpose_b = true}) + head_bias;
}

template <class T> Parameters<T> Linformer<T>::parameters() {
    Parameters<T> all;
    embedding.list(all);
    for (auto& layer : layers) layer.list(all);
    if (norm) norm->list(all);
    if (head_weight) all.push_back(&*head_weight);
    all.push_back(&head_bias);
    return all;
}

template struct Linformer<float>;
template struct Linformer<double>;

}  // namespace taper::nn
