#include "examples/language_model/sampling.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "examples/common/program.hpp"

namespace taper::examples {

static void require_finite(const Array<float>& logits) {
    for (std::size_t i = 0; i < logits.size(); ++i)
        if (const float logit = logits.data()[i]; !std::isfinite(logit))
            throw NotFinite("logits: every number must be finite: token " + std::to_string(i) +
                            ": " + shortest(logit));
}

std::int32_t draw_token(const Array<float>& logits, const Sampling& sampling, double uniform) {
    require_finite(logits);
    const std::size_t V = logits.size();
    const auto logit = [&](std::int32_t token) {
        return logits.data()[static_cast<std::size_t>(token)];
    };
    std::vector<std::int32_t> order(V);  // the likeliest first
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int32_t a, std::int32_t b) { return logit(a) > logit(b); });
    if (sampling.temperature == 0) return order[0];
    if (sampling.top_k > 0 && sampling.top_k < V) order.resize(sampling.top_k);

    const double largest = logit(order[0]);
    std::vector<double> p;  // not normalised
    for (const std::int32_t token : order) {
        const double difference = static_cast<double>(logit(token)) - largest;
        p.push_back(std::exp(difference / sampling.temperature));
    }

    // The first `kept` tokens are the fewest that have the probability top_p together, or more.
    const double total = std::accumulate(p.begin(), p.end(), 0.0);
    std::size_t kept = 0;
    double mass = 0;
    while (kept < p.size() && mass < sampling.top_p * total) {
        mass += p[kept];
        ++kept;
    }

    // The first token at which the sum of p passes uniform * mass.
    double left = uniform * mass;
    for (std::size_t i = 0; i < kept; ++i) {
        left -= p[i];
        if (left < 0) return order[i];
    }
    return order[kept - 1];
}

void Reader::drop_older_half() {
    const auto dropped = static_cast<std::ptrdiff_t>((window_.size() + 1) / 2);
    window_.erase(window_.begin(), window_.begin() + dropped);
    decoder_.reset();
    for (const std::int32_t token : window_) decoder_(token);
}

const Array<float>& Reader::read(std::int32_t token) {
    if (window_.size() == model_.config.length) drop_older_half();
    window_.push_back(token);
    logits_ = decoder_(token);
    return logits_;
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

}  // namespace taper::examples
