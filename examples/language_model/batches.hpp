// The batches of a run: which windows of the corpus a step learns from, and which validate.
#pragma once

#include <cstdint>
#include <vector>

#include "examples/language_model/corpus.hpp"
#include "examples/language_model/task.hpp"
#include "examples/language_model/training_options.hpp"

namespace taper::examples {

// What a step learns from: `options.batch` windows of n tokens (n + 1 for a causal model), drawn
// with the seed and the step.
Batch training_batch(const TrainingOptions& options, const Corpus& corpus, const Task& task,
                     std::uint64_t step);

// What validates: at most 200 windows, `options.batch` of them a batch. They and their targets are
// the same every time, whatever the seed and the batch.
std::vector<Batch> validation_batches(const TrainingOptions& options, const Corpus& corpus,
                                      const Task& task);

}  // namespace taper::examples
