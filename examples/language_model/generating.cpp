#include "examples/language_model/generating.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "examples/common/program.hpp"

namespace taper::examples {

std::int32_t draw_token(const Array<float>& logits, const Sampling& sampling, double uniform) {
    const std::size_t V = logits.size();
    for (std::size_t i = 0; i < V; ++i)
        if (!std::isfinite(logits.data()[i]))
            throw NotFinite("logits: every number must be finite: token " + std::to_string(i) +
                            ": " + shortest(logits.data()[i]));
    std::vector<std::int32_t> order(V);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) {
        return logits.data()[static_cast<std::size_t>(a)] >
               logits.data()[static_cast<std::size_t>(b)];
    });
    if (sampling.temperature == 0) return order[0];
    if (sampling.top_k > 0 && sampling.top_k < V) order.resize(sampling.top_k);
    const auto logit = [&](std::int32_t token) {
        return static_cast<double>(logits.data()[static_cast<std::size_t>(token)]);
    };
    std::vector<double> p;
    for (const std::int32_t token : order)
        p.push_back(std::exp((logit(token) - logit(order[0])) / sampling.temperature));
    const double total = std::accumulate(p.begin(), p.end(), 0.0);
    std::size_t kept = 0;
    double mass = 0;
    while (kept < p.size() && mass < sampling.top_p * total) mass += p[kept++];
    double left = uniform * mass;
    for (std::size_t i = 0; i < kept; ++i)
        if ((left -= p[i]) < 0) return order[i];
    return order[kept - 1];
}

const Array<float>& Reader::read(std::int32_t token) {
    if (window_.size() == model_.config.length) {
        window_.erase(window_.begin(),
                      window_.begin() + static_cast<std::ptrdiff_t>((window_.size() + 1) / 2));
        decoder_.reset();
        for (const std::int32_t again : window_) decoder_(again);
    }
    window_.push_back(token);
    return logits_ = decoder_(token);
}

TokenIds generate(const nn::Linformer<float>& model, std::span<const std::int32_t> prompt,
                  std::uint64_t count, const Sampling& sampling, const Random& random,
                  const std::function<void(std::int32_t)>& tell) {
    Reader reader(model);
    const Array<float>* logits = nullptr;
    for (const std::int32_t token : prompt) logits = &reader.read(token);
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::int32_t token = draw_token(*logits, sampling, random.uniform(i));
        tell(token);
        if (i + 1 < count) logits = &reader.read(token);
    }
    return reader.window();
}

void CausalTask::fill_row(Batch& batch, std::size_t row, std::span<const std::int32_t> window,
                          const Random&) const {
    for (std::size_t t = 0; t + 1 < window.size(); ++t)
        batch.tokens(row, t) = window[t], batch.targets(row, t) = window[t + 1];
}

std::string CausalTask::sample(const nn::Linformer<float>& model, const Random& random) const {
    constexpr std::uint64_t tokens = 100;
    TokenIds start{static_cast<std::int32_t>(
        random.below(tokens, static_cast<std::uint64_t>(tokenizer_.size())))};
    TokenIds text = start;
    generate(model, start, tokens, {.temperature = 0.8}, random,
             [&](std::int32_t token) { text.push_back(token); });
    return "  " + readable(tokenizer_.decode(text), "  ") + "\n";
}

}  // namespace taper::examples
