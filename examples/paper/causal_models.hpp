// Causal language models that programs about the paper compare: as masked_models.hpp, but a loss is
// the validation loss of the training run, as all models have the same n, and so the same windows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "examples/paper/masked_models.hpp"
#include "examples/paper/perplexity_verdicts.hpp"
#include "examples/paper/step_times.hpp"

namespace taper::examples {

// What differs. The rest is that of the options, and n.
struct CausalModel {
    std::uint64_t k = 0;                      // 0: full attention
    std::uint64_t window = 0;                 // so many last positions are seen exactly
    bool shuffled = false;                    // of text in random order
    std::optional<std::uint64_t> steps = {};  // where they are other ones

    std::string name() const;   // of its run directories
    std::string label() const;  // "full", "k 8, window 4"
};

// As train_models.
int train_models(const MaskedOptions& o, std::uint64_t n, const std::vector<CausalModel>& models,
                 Runs& runs);

// The last validation loss of each seed, nats.
std::vector<double> losses_of(const MaskedOptions& o, const CausalModel& model, const Runs& runs);
Spread perplexities(const MaskedOptions& o, const CausalModel& model, const Runs& runs);

// Of the same targets, where a token is guessed by the one before it alone, from how often it has
// followed that one in the training text. directory: of any of the runs, for its tokenizer.
double bigram_perplexity(const MaskedOptions& o, std::uint64_t n, const std::string& directory);

// The least time of a training step of each, in seconds, by turns.
StepTimes step_times_of(const MaskedOptions& o, std::uint64_t n,
                        const std::vector<CausalModel>& models);

}  // namespace taper::examples
