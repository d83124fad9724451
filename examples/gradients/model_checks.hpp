// Whether d loss / d parameter of a whole model agrees with numeric derivatives, parameter by
// parameter, as a table for people. Single ops are in op_checks.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "examples/common/tokenizer.hpp"
#include "examples/language_model/objective.hpp"
#include "nn/linformer.hpp"

namespace taper::examples {

// Random tokens and targets. padding: the last third of the last row, which has no targets.
Batch random_batch(const nn::Config& config, std::size_t rows, bool padding, std::uint64_t seed);

// One row: the first tokens of the text, at most n. Causal: the next token is the target of each.
// Masked: every fourth token becomes the mask, and is the target there. A classifier: class 0 is
// the target. Error: the text has too few tokens.
Batch batch_of_text(const Tokenizer& tokenizer, const nn::Config& config, const std::string& text);

// The cross-entropy that the model would be trained with. The seed is that of its dropout.
Var<double> loss_of(const nn::Linformer<double>& model, const Batch& batch, std::uint64_t seed);

struct ModelChecks {
    std::uint64_t seed = 1;
    std::uint64_t entries = 256;  // of a parameter that has more, so many are drawn
};

// Checks d loss / d parameter and prints a row for each parameter as soon as it is done, at last
// one for the derivatives along random directions through all entries of all of them. Below the
// rows: the first wrong entries of the last rows that are wrong, if any, and a line that sums up.
// Returns whether all agree.
bool check_model(const std::function<Var<double>()>& loss, const nn::Parameters<double>& parameters,
                 const ModelChecks& checks, const std::function<void(std::string_view)>& print);

}  // namespace taper::examples
