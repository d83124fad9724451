// What a run learns from and what it is measured by: all that the training loop (training.hpp)
// asks of language models (language_objective.hpp) and classifiers (../classifier).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "examples/language_model/loss_curves.hpp"
#include "examples/language_model/step_metrics.hpp"
#include "nn/linformer.hpp"

namespace taper::examples {

// Rows of tokens, and what is to be predicted.
struct Batch {
    Ids tokens;   // (B, n)
    Ids targets;  // (B, n), at each position, or ignore_index; of a classifier (B), of each row
    std::optional<Mask> real = std::nullopt;  // (B, n), false: padding; none: all are real
};

class Objective {
  public:
    virtual ~Objective() = default;
    // What a step, from 1 on, learns from: the same every time, whatever steps came before.
    virtual Batch training_batch(std::uint64_t step) = 0;
    // What validates: the same every time, whatever the seed. None: nothing does.
    virtual std::vector<Batch> validation_batches() const = 0;
    // The logits of each target: the loss is their cross-entropy, the mean over the targets.
    virtual Var<float> logits(const nn::Linformer<float>& model, const Batch& batch,
                              const nn::Pass& pass) const = 0;
    // What else is known of a step that has validated.
    virtual void add_to(StepMetrics& metrics, const nn::Linformer<float>& model) const = 0;
    // A few lines that show what the model can do now. `random` is another stream for each step.
    virtual std::string sample(const nn::Linformer<float>& model, const Random& random) const = 0;

    // For people: lines that say what trains, what validates and how much the steps read.
    virtual std::vector<std::string> outline() const = 0;
    virtual std::string loss_unit() const = 0;
    // Losses of guessing without a look at what is to be guessed.
    virtual std::vector<Baseline> baselines() const = 0;
};

}  // namespace taper::examples
