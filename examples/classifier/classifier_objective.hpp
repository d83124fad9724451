// The objective of a classifier: the class of each document, all of them once an epoch.
#pragma once

#include "examples/classifier/encoded_documents.hpp"
#include "examples/language_model/training_options.hpp"

namespace taper::examples {

// The documents that train, and those held out of them.
struct TrainingDocuments {
    std::vector<EncodedDocument> training, validation;
};

class ClassifierObjective final : public Objective {
  public:
    // All of these must outlive it.
    ClassifierObjective(const TrainingOptions& options, const Tokenizer& tokenizer,
                        const TrainingDocuments& documents)
        : options_(options),
          tokenizer_(tokenizer),
          documents_(documents),
          order_(documents.training.size(), options.seed) {}

    // The next documents of the epoch, and where it ends those of the next one.
    Batch training_batch(std::uint64_t step) override;
    std::vector<Batch> validation_batches() const override;
    Var<float> logits(const nn::Linformer<float>& model, const Batch& batch,
                      const nn::Pass& pass) const override;
    void add_to(StepMetrics&, const nn::Linformer<float>&) const override {}
    // Three held-out documents, each with the class that the model takes it for and its
    // probability. Training documents where nothing is held out.
    std::string sample(const nn::Linformer<float>& model, const Random& random) const override;
    std::vector<std::string> outline() const override;
    std::string loss_unit() const override { return "nats per document"; }
    // Uniform over the classes; and their frequencies in what trains, on it and on what validates.
    std::vector<Baseline> baselines() const override;

  private:
    const TrainingOptions& options_;
    const Tokenizer& tokenizer_;
    const TrainingDocuments& documents_;
    EpochOrder order_;
};

// Of the rows of a batch, without dropout: (B, classes). NotFinite: one is not finite.
Array<float> logits_of(const nn::Linformer<float>& model, const Batch& batch);

// The likeliest class, the first of equally likely ones.
struct Prediction {
    std::size_t label;
    double probability;
};
// Of each row of logits (B, classes).
std::vector<Prediction> predict(const Array<float>& logits);

}  // namespace taper::examples
