// The many models that a program about the paper trains: a point is what is trained, by words of
// the command line of train_mlm or train_lm; a run is a point and a seed, and has a run directory
// of its own. The same command goes on where it was stopped. What is measured of a model stands in
// the programs, and for held-out text in held_out.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "examples/common/text.hpp"
#include "examples/language_model/model_kind.hpp"
#include "examples/language_model/step_metrics.hpp"
#include "examples/paper/report.hpp"
#include "nn/linformer.hpp"

namespace taper::examples {

struct TrainingPoint {
    std::string name;  // of its directories, another one for each point
    // --text, --out, --seed, --threads and --resume are not among them.
    std::vector<std::string> words;
    std::vector<std::string> text;  // absolute paths
};

// A run that is done.
struct TrainedRun {
    std::string directory;
    double seconds;                        // in training steps, over all sittings
    std::vector<StepMetrics> validations;  // the steps that validated
};

class Runs {
  public:
    // In OUT/runs, with --quick in OUT/quick_runs.
    Runs(const PaperOptions& options, ModelKind kind) : options_(options), kind_(kind) {}

    // Trains each point with each seed of the options, or what is left of it, seed by seed. A run
    // that is done is not trained again. Returns the exit status: not 0 where a signal stopped it,
    // after saving. Error, before any training: a run there is of other options or of another text.
    // after_step: is called after each step of a run in that directory.
    using AfterStep = std::function<void(const std::string& directory, std::uint64_t step,
                                         const nn::Linformer<float>& model)>;
    int train(const std::vector<TrainingPoint>& points, const AfterStep& after_step = {});

    std::string directory(const std::string& point, std::uint64_t seed) const;
    // Of a run that was trained.
    TrainedRun result(const std::string& point, std::uint64_t seed) const;

  private:
    // Of one point with one seed.
    struct Run {
        const TrainingPoint& point;
        std::uint64_t seed;
        std::string directory;
    };

    std::vector<std::string> words_of(const Run& run) const;
    std::uint64_t steps_left(const Run& run);
    int train_one(const Run& run, WorkProgress& progress, const AfterStep& after_step) const;
    const std::string& text_hashes(const std::vector<std::string>& paths, Encoding encoding);

    const PaperOptions& options_;
    ModelKind kind_;
    std::map<std::vector<std::string>, std::string> text_hashes_;  // by the paths
};

}  // namespace taper::examples
