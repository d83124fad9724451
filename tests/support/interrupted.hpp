// Runs that were stopped where a signal hardly ever falls.
#pragma once

#include <string>

#include "core/io/file.hpp"
#include "examples/language_model/checkpoint.hpp"
#include "nn/model_directory.hpp"

namespace taper::tests {

// Makes of a run that is done one that was stopped in the validation of its last step.
inline void interrupt_last_validation(const std::string& directory) {
    auto model = nn::load_model<float>(directory);
    nn::Adam<float> adam(model.parameters());
    const examples::Checkpoint checkpoint(directory);
    examples::Progress progress = checkpoint.restore(model.parameters(), adam);
    progress.pending = examples::recorded_steps(directory).back();
    progress.pending->val_loss.reset();
    progress.pending->val_bits_per_char.reset();
    progress.pending->val_bits_per_byte.reset();
    examples::save_checkpoint(directory, model.parameters(), adam, progress, checkpoint.identity());
    const std::string log = directory + "/metrics.jsonl";
    const std::string lines = read_file(log);
    write_file(log, lines.substr(0, lines.rfind('\n', lines.size() - 2) + 1));
}

}  // namespace taper::tests
