// The training loop that the language models share: steps, validation, progress, checkpoints, and an exact resume.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "examples/common/options.hpp"
#include "examples/language_model/corpus.hpp"
#include "examples/language_model/masking.hpp"
#include "nn/adam.hpp"
#include "nn/linformer.hpp"

namespace taper::examples {

// All options of a training program, with their defaults. Counts are std::uint64_t, as Options reads them.
struct TrainingOptions {
    std::vector<std::string> text;
    std::string out;
    bool resume = false;
    std::string tokenizer = "bpe";
    std::uint64_t vocab = 0;  // 0: the tokenizer's default
    std::uint64_t length = 128, k = 32, width = 128, heads = 4, layers = 4;
    std::uint64_t ffn_width = 0;  // 0: 4 width
    std::string attention = "linformer", projection_init = "window", norm = "pre";
    bool tie_embeddings = false;
    double dropout = 0;
    std::uint64_t batch = 32, steps = 1000, warmup = 100;
    double lr = 1e-3, weight_decay = 0.1, clip = 1;
    std::uint64_t eval_every = 100, save_every = 100;
    std::uint64_t seed = 0, threads = 0;  // threads 0: the machine's cores

    void declare(Options& options);
    nn::Config model_config(std::size_t vocab_size) const;
};

// What differs between a masked and a causal model.
class Task {
  public:
    virtual ~Task() = default;
    // Fills a row of a batch from a window of tokens; `random` is another stream for each row of each step.
    virtual void fill_row(Batch& batch, std::size_t row, std::span<const std::int32_t> window, const Random& random) const = 0;
    // A few lines that show what the model does now.
    virtual std::string sample(const nn::Linformer<float>& model) const = 0;
};

// The state of a run: what a checkpoint holds.
struct Progress {
    std::uint64_t step = 0;   // steps done
    double seconds = 0;       // spent in training, over all sittings
    std::string pending;      // metrics of `step`, not yet written since its validation was interrupted; or empty
};

class Training {
  public:
    // Everything that can be refused is refused here, before anything is written.
    Training(const TrainingOptions& options, const Tokenizer& tokenizer, const Corpus& corpus, const Task& task,
             nlohmann::json stored_options);

    void resume();  // from the checkpoint in options.out
    int run();      // to the last step; the exit status

  private:
    Batch batch_at(std::uint64_t step) const;
    std::string train_step(std::uint64_t step);          // its line of metrics.jsonl, without validation
    bool finish_step(const std::string& line);           // validates where due and records; false: interrupted
    std::optional<double> validation_loss() const;       // none: interrupted
    void save();
    void begin_directory();
    void keep_metrics_up_to(std::uint64_t step) const;
    void report(std::uint64_t step, double loss, std::optional<double> val_loss, double tokens_per_second);
    bool due(std::uint64_t every) const;
    std::string path(const std::string& file) const { return options_.out + "/" + file; }

    const TrainingOptions& options_;
    const Tokenizer& tokenizer_;
    const Corpus& corpus_;
    const Task& task_;
    std::string stored_options_;
    nn::Linformer<float> model_;
    nn::Parameters<float> parameters_;
    nn::Adam<float> adam_;
    std::vector<Batch> validation_;
    Progress progress_;
    std::string unwritten_metrics_, unwritten_samples_;
    double last_report_ = 0;
};

}  // namespace taper::examples
