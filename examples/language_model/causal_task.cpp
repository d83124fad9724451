#include "examples/language_model/causal_task.hpp"

#include "examples/language_model/sampling.hpp"

namespace taper::examples {

void CausalTask::fill_row(Batch& batch, std::size_t row, std::span<const std::int32_t> window,
                          const Random&) const {
    for (std::size_t t = 0; t + 1 < window.size(); ++t) {
        batch.tokens(row, t) = window[t];
        batch.targets(row, t) = window[t + 1];
    }
}

std::string CausalTask::sample(const nn::Linformer<float>& model, const Random& random) const {
    constexpr std::uint64_t length = 100;
    const auto vocabulary = static_cast<std::uint64_t>(tokenizer_.size());
    const auto first = static_cast<std::int32_t>(random.below(length, vocabulary));
    const TokenIds prompt{first};
    TokenIds text = prompt;
    generate(model, prompt, length, {.temperature = 0.8}, random,
             [&](std::int32_t token) { text.push_back(token); });
    return "  " + readable(tokenizer_.decode(text), "  ") + "\n";
}

}  // namespace taper::examples
