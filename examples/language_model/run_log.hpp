// What a run writes for people: metrics.jsonl, samples.txt and loss.svg.
// Each step and each picture costs the same, however many steps came before.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/io/file.hpp"
#include "examples/language_model/loss_curves.hpp"
#include "examples/language_model/run_directory.hpp"
#include "examples/language_model/step_metrics.hpp"

namespace taper::examples {

// What metrics.jsonl of a run has, step by step; nothing where there is no such file. Error: as of
// RunLog::open.
std::vector<StepMetrics> recorded_steps(const std::string& directory);

class RunLog {
  public:
    // loss_unit: of the axis of loss.svg; baselines: lines across it.
    explicit RunLog(std::string directory, std::string loss_unit = "nats per predicted token",
                    std::vector<Baseline> baselines = {})
        : directory_(std::move(directory)),
          loss_unit_(std::move(loss_unit)),
          curves_(std::move(baselines)) {}
    // Continues the files of a run that stands at this step: cut before what is of later steps.
    // Error, and the files are as they were: a line of metrics.jsonl is no step, or none after the
    // one before.
    void open(std::uint64_t step);
    void record(const StepMetrics& metrics);
    void sample(std::uint64_t step, const std::string& text);
    // Once open. std::runtime_error if a path is no longer that of the file which is written.
    void require_there() const;
    void sync();  // what was recorded outlives a power cut
    void draw();  // loss.svg; says once why it cannot

    // Whether loss.svg is what draw() drew last.
    bool drawn() const { return drawn_; }
    // The step with the least val_loss.
    const std::optional<StepMetrics>& best() const { return best_; }

  private:
    std::string path(const std::string& file) const { return directory_ + "/" + file; }
    void add(const StepMetrics& metrics);
    std::string directory_, loss_unit_;
    LossCurves curves_;
    std::optional<StepMetrics> best_;
    std::optional<AppendedFile> metrics_;
    std::optional<AppendedFile> samples_;
    std::vector<FileIdentity> identities_;  // of the two
    bool drawn_ = false;
    bool said_undrawn_ = false;
};

}  // namespace taper::examples
