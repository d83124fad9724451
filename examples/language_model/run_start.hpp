// What every training program does before it trains: the run that is to go on, or a new tokenizer.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "examples/common/tokenizer.hpp"
#include "examples/language_model/checkpoint.hpp"
#include "examples/language_model/model_kind.hpp"
#include "examples/language_model/training_options.hpp"

namespace taper::examples {

// A run that is to go on, as its checkpoint has it.
struct StoredRun {
    Checkpoint checkpoint;
    RunIdentity identity;
    std::unique_ptr<Tokenizer> tokenizer;
    std::uint64_t steps;  // that it was for
};

// Also gives the options that are stored by these names their values. Error: the run in the
// directory is of another kind; an option was given that disagrees, unless it may change.
StoredRun load_run(const std::string& directory, ModelKind kind, Options& options,
                   const std::vector<std::string>& stored,
                   const std::vector<std::string>& may_change);

// As build_tokenizer, with what it says of itself.
std::unique_ptr<Tokenizer> new_tokenizer(const TrainingOptions& chosen, TokenizerKind kind,
                                         std::span<const Text> texts, bool with_mask);

// A line for each that is not "".
void say_notices(std::span<const std::string> notices);

}  // namespace taper::examples
