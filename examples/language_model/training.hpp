// The training loop that the language models share: steps, validation, progress, checkpoints, and
// an exact resume.
#pragma once

#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "examples/language_model/checkpoint.hpp"
#include "examples/language_model/corpus.hpp"
#include "examples/language_model/reporting.hpp"
#include "examples/language_model/run_directory.hpp"
#include "examples/language_model/training_options.hpp"
#include "nn/linformer.hpp"
#include "nn/optim/adam.hpp"

namespace taper::examples {

// Rows of tokens, and what is to be predicted at each position, or ignore_index.
struct Batch {
    Ids tokens, targets;  // (B, n)
};

// What differs between a masked and a causal model.
class Task {
  public:
    virtual ~Task() = default;
    // Fills a row of a batch from a window of tokens, n, or n + 1 for a causal model; `random` is
    // another stream for each row of each step.
    virtual void fill_row(Batch& batch, std::size_t row, std::span<const std::int32_t> window,
                          const Random& random) const = 0;
    // A few lines that show what the model can do now; `random` is another stream for each step.
    virtual std::string sample(const nn::Linformer<float>& model, const Random& random) const = 0;
};

// What a step learns from: `batch` windows of n tokens (n + 1 for a causal model), drawn with the
// seed and the step.
Batch batch_at(const TrainingOptions& options, const Corpus& corpus, const Task& task,
               std::uint64_t step);

class Training {
  public:
    Training(const TrainingOptions& options, const nn::Config& config, const RunIdentity& identity,
             const Tokenizer& tokenizer, const Corpus& corpus, const Task& task);

    // Takes the state of the checkpoint of the run directory, which is reopened, of a run that was
    // for so many steps before.
    void resume(std::unique_ptr<RunDirectory> directory, const Checkpoint& checkpoint,
                std::uint64_t steps_before);
    // Trains to the last step. 0, or the stop status of the signal that ended it, after saving.
    // NotFinite: see finish_step.
    int run();
    const RunLog& log() const { return log_; }

  private:
    StepMetrics train_step(std::uint64_t step);
    bool finish_step(StepMetrics metrics);    // validates where due and records; false: interrupted
    std::optional<double> validation_loss();  // nats per target; none: interrupted
    void require_finite() const;              // weights and moments; else NotFinite
    void require_own_files() const;           // the directory and the log, where they were
    void save();
    void save_model();  // with what stands beside it for people
    bool due(std::uint64_t every) const;
    void show_sample(std::uint64_t step);
    void begin_report();

    const TrainingOptions& options_;
    std::unique_ptr<RunDirectory> directory_;
    const RunIdentity& identity_;
    bool options_changed_ = false;  // since the checkpoint was written
    const Tokenizer& tokenizer_;
    const Task& task_;
    const Corpus& corpus_;
    nn::Linformer<float> model_;
    nn::Parameters<float> parameters_;
    nn::Adam<float> adam_;
    std::vector<Batch> validation_;
    Progress progress_;
    RunLog log_;
    Reporter reporter_;
};

// The main function of a training program, without its task.
enum class Model { masked, causal };
using MakeTask = std::function<std::unique_ptr<Task>(const Tokenizer&, const Corpus&)>;
int train(int argc, char** argv, const std::string& program, const std::string& what_it_does,
          Model kind, const MakeTask& make_task);

}  // namespace taper::examples
