// The training loop that language models and classifiers share: steps, validation, progress,
// checkpoints, and an exact resume. What differs between them is their Objective.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "examples/language_model/checkpoint.hpp"
#include "examples/language_model/objective.hpp"
#include "examples/language_model/reporting.hpp"
#include "examples/language_model/run_directory.hpp"
#include "examples/language_model/training_options.hpp"
#include "nn/optim/adam.hpp"

namespace taper::examples {

using AfterStep = std::function<void(std::uint64_t step, const nn::Linformer<float>& model)>;
using AfterEvaluation =
    std::function<void(const StepMetrics& metrics, const nn::Linformer<float>& model)>;

class Training {
  public:
    // model: as it is before the first step. All others must outlive the run.
    Training(const TrainingOptions& options, nn::Linformer<float> model,
             const RunIdentity& identity, const Tokenizer& tokenizer, Objective& objective);

    // Takes the state of the checkpoint of the run directory, which is reopened, of a run that was
    // for so many steps before.
    void resume(std::unique_ptr<RunDirectory> directory, const Checkpoint& checkpoint,
                std::uint64_t steps_before);
    // Trains to the last step. Returns 0, or the stop status of the signal that ended it, after
    // saving. after_step: is called after each step that is trained, before it is recorded.
    // after_evaluation: before the first step, with step 0 and no losses, and after each step that
    // is validated, or would be if there were anything to validate on.
    // NotFinite: a loss, a gradient, a weight or a moment that is not finite.
    int run(const AfterStep& after_step = {}, const AfterEvaluation& after_evaluation = {});
    const RunLog& log() const { return log_; }
    const nn::Linformer<float>& model() const { return model_; }
    std::uint64_t steps() const { return progress_.step; }  // done
    // Once run: writes a file of the run's directory.
    void save_file(const std::string& name, const std::string& bytes) const;

  private:
    void save_done_run();
    void begin();  // the directory, its files, the report
    // One step: a batch, forward, backward, Adam.
    StepMetrics train_step(std::uint64_t step);
    // Validates where it is due and records the step. False: interrupted.
    bool finish_step(StepMetrics metrics);
    std::optional<double> validation_loss();  // nats per target; none: interrupted
    void require_finite() const;              // weights and moments; else NotFinite
    void require_own_files() const;           // the directory and the log, where they were
    void save();
    void save_state();  // the checkpoint alone
    void save_model();  // with what stands beside it for people
    bool due(std::uint64_t every) const;
    void show_sample(std::uint64_t step);
    void begin_report();

    const TrainingOptions& options_;
    std::unique_ptr<RunDirectory> directory_;
    const RunIdentity& identity_;
    bool options_changed_ = false;  // since the checkpoint was written
    const Tokenizer& tokenizer_;
    Objective& objective_;
    nn::Linformer<float> model_;
    nn::Parameters<float> parameters_;
    nn::Adam<float> adam_;
    std::vector<Batch> validation_;
    Progress progress_;
    AfterEvaluation after_evaluation_;
    RunLog log_;
    Reporter reporter_;
};

}  // namespace taper::examples
