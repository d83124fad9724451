// The objective of a language model: windows of a corpus, as its task makes rows of them.
#pragma once

#include "examples/language_model/batches.hpp"
#include "examples/language_model/objective.hpp"

namespace taper::examples {

class LanguageObjective final : public Objective {
  public:
    // All of these must outlive it.
    LanguageObjective(const TrainingOptions& options, const Tokenizer& tokenizer,
                      const Corpus& corpus, const Task& task)
        : options_(options), tokenizer_(tokenizer), corpus_(corpus), task_(task) {}

    Batch training_batch(std::uint64_t step) override;
    std::vector<Batch> validation_batches() const override;
    Var<float> logits(const nn::Linformer<float>& model, const Batch& batch,
                      const nn::Pass& pass) const override;
    // Causal: val_bits_per_char or val_bits_per_byte.
    void add_to(StepMetrics& metrics, const nn::Linformer<float>& model) const override;
    std::string sample(const nn::Linformer<float>& model, const Random& random) const override;
    std::vector<std::string> outline() const override;
    std::string loss_unit() const override { return "nats per predicted token"; }
    // Uniform over the vocabulary; and the tokens' frequencies in the training text, on it and on
    // the validation text.
    std::vector<Baseline> baselines() const override;

  private:
    const TrainingOptions& options_;
    const Tokenizer& tokenizer_;
    const Corpus& corpus_;
    const Task& task_;
};

}  // namespace taper::examples
