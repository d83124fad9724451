// The checkpoint of a run, which is the truth where a kill fell between two files of its directory.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/io/safetensors.hpp"
#include "examples/common/text.hpp"
#include "examples/language_model/run_log.hpp"
#include "nn/linformer.hpp"
#include "nn/optim/adam.hpp"

namespace taper::examples {

// What a run is a run of: a resumed run must find the same.
struct RunIdentity {
    std::string options;      // JSON, the options it was started with
    std::string text_hashes;  // hashes_of the texts
    std::string tokenizer;    // the contents of tokenizer.json
    // A classifier's config.json: not all of it is in its options. "": a language model's run.
    std::string config = "";
};

struct Progress {
    std::uint64_t step = 0;  // steps done
    double seconds = 0;      // spent in training, over all sittings
    // Of this step where it is not recorded yet: its validation was interrupted.
    std::optional<StepMetrics> pending;
};

std::string checkpoint_path(const std::string& directory);
// checkpoint.safetensors: weights, Adam's moments, progress and identity. Its directory must be
// there. Whenever the process is killed, the file is the old one or the new one, whole: write_file
// (core/io/file.hpp).
void save_checkpoint(const std::string& directory, const nn::Parameters<float>& parameters,
                     const nn::Adam<float>& adam, const Progress& progress,
                     const RunIdentity& identity);

// A checkpoint that was read, whole, with the hash that was written into it.
class Checkpoint {
  public:
    // Error: no checkpoint, or not as it was written. std::system_error where reading fails.
    explicit Checkpoint(const std::string& directory);

    // All of these: Error where the file is no checkpoint of such a run.
    std::uint64_t steps() const;
    RunIdentity identity() const;
    // Whether the weights are those of the configuration: asked before the model takes its memory.
    void check_model(const nn::Config& config) const;
    // Fills parameters and adam; every number must be finite.
    Progress restore(const nn::Parameters<float>& parameters, nn::Adam<float>& adam) const;

  private:
    TensorFile file_;
};

// 16 digits and a space for each text, in their order.
std::string hashes_of(std::span<const Text> texts);
// Reads the texts of a run anew. Error, which names the text and what to do: it is missing, or
// another than it was.
std::vector<Text> texts_of_run(std::span<const std::string> paths, Encoding encoding,
                               const RunIdentity& stored, const std::string& directory);

}  // namespace taper::examples
