#include "examples/language_model/language_objective.hpp"

#include <cmath>
#include <numbers>

#include "examples/common/progress.hpp"

namespace taper::examples {

Batch LanguageObjective::training_batch(std::uint64_t step) {
    return examples::training_batch(options_, corpus_, task_, step);
}

std::vector<Batch> LanguageObjective::validation_batches() const {
    return examples::validation_batches(options_, corpus_, task_);
}

Var<float> LanguageObjective::logits(const nn::Linformer<float>& model, const Batch& batch,
                                     const nn::Pass& pass) const {
    return model(batch.tokens, pass);
}

// A symbol is a byte, or a character where the tokenizer knows characters.
void LanguageObjective::add_to(StepMetrics& metrics, const nn::Linformer<float>& model) const {
    if (!model.config.causal) return;
    const auto tokens = static_cast<double>(corpus_.validation_tokens());
    const auto symbols = static_cast<double>(corpus_.validation_symbols());
    const double bits = *metrics.val_loss * tokens / (symbols * std::numbers::ln2);
    if (tokenizer_.kind() == TokenizerKind::byte) metrics.val_bits_per_byte = bits;
    else metrics.val_bits_per_char = bits;
}

std::string LanguageObjective::sample(const nn::Linformer<float>& model,
                                      const Random& random) const {
    return task_.sample(model, random);
}

std::vector<std::string> LanguageObjective::outline() const {
    const std::size_t windows = corpus_.validation_windows(most_validation_windows).size();
    const std::uint64_t tokens_of_a_step = options_.batch * options_.length;
    return {grouped(corpus_.training_tokens()) + " tokens train, " +
                grouped(corpus_.validation_tokens()) + " validate (" + grouped(windows) +
                " windows of " + grouped(options_.length) + ")",
            grouped(options_.steps) + " steps of " + grouped(options_.batch) +
                " windows: " + grouped(options_.steps * tokens_of_a_step) + " tokens"};
}

std::vector<Baseline> LanguageObjective::baselines() const {
    const auto V = static_cast<std::uint64_t>(tokenizer_.vocab_size());
    std::vector<Baseline> baselines{{"uniform, ln " + std::to_string(V), std::log(V)},
                                    {"frequencies, training", corpus_.training_entropy()}};
    if (corpus_.validation_tokens() > 0)
        baselines.push_back({"frequencies, validation", corpus_.validation_cross_entropy()});
    return baselines;
}

}  // namespace taper::examples
