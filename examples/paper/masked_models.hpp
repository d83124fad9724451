// Masked language models that programs about the paper compare: what is the same for all of them,
// what differs, their training (runs.hpp), and the loss of each over held-out text (held_out.hpp).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "examples/common/options.hpp"
#include "examples/paper/report.hpp"
#include "examples/paper/runs.hpp"

namespace taper::examples {

// What all models of a program have.
struct MaskedOptions : PaperOptions {
    std::vector<std::string> text;
    std::string tokenizer = "char";
    std::uint64_t width = 32;
    std::uint64_t heads = 4;
    std::uint64_t layers = 2;
    std::uint64_t tokens = 1024;  // in a step, whatever n
    std::uint64_t steps = 2000;
    double lr = 5e-3;
    std::uint64_t held_out = 65536;  // tokens, of which 15 % are hidden

    explicit MaskedOptions(const std::string& program) : PaperOptions(program) {}
    void declare_training(Options& options, const std::string& minutes);
    // The settings of --quick, where others were not given. Error: no --text.
    void fit_training(const Options& options);
    // Error: the tokens of a step are no multiple of the longest n, or the width none of the heads.
    void check_training(const Options& options, std::uint64_t longest) const;
};

// What differs.
struct MaskedModel {
    std::uint64_t n;
    std::vector<std::uint64_t> k = {};  // one, or one a layer; none: full attention
    std::string sharing = "headwise";
    std::string projection = "linear";
    std::string projection_init = "window";
    bool shuffled = false;                    // of text in random order
    std::optional<std::uint64_t> steps = {};  // where they are other ones

    std::string name() const;  // of its run directories
};

// Without those that have the name of one before.
std::vector<MaskedModel> distinct(const std::vector<MaskedModel>& models);
// The same of text in random order, where nothing depends on what attention does.
std::vector<MaskedModel> as_shuffled(std::vector<MaskedModel> models);

// The files that a model learns from: those of the options, or one of their tokens in random order,
// where nothing can be learned but how frequent they are. That one must have been written.
std::vector<std::string> text_of(const MaskedOptions& o, bool shuffled);
void write_shuffled_text(const MaskedOptions& o);
// The options of a training that are the same for every model of n, by their names; and as words.
std::map<std::string, std::string> training_values(const MaskedOptions& o, std::uint64_t n,
                                                   std::uint64_t steps);
std::vector<std::string> words_of(const std::map<std::string, std::string>& values);
// Trains all that are not there. Returns the exit status, not 0 where a signal stopped it.
int train_models(const MaskedOptions& o, const std::vector<MaskedModel>& models, Runs& runs,
                 const Runs::AfterStep& after_step = {});

// Of held-out text, in nats a hidden token.
struct MaskedLosses {
    std::map<std::string, std::vector<double>> of;  // by the name of a model, one a seed
    double entropy = 0;                             // of the hidden tokens
    std::uint64_t targets = 0;

    Spread perplexities(const MaskedModel& model) const;
    double perplexity(const MaskedModel& model) const;  // their mean
    bool learned(const MaskedModel& model) const;
};

// Over sequences that fit into blocks of the longest n. None: stopped by a signal.
std::optional<MaskedLosses> held_out_losses(const MaskedOptions& o,
                                            const std::vector<MaskedModel>& models,
                                            const Runs& runs, std::uint64_t longest);

// All of it, for the JSON file; with the validation losses of training: [step, nats].
nlohmann::ordered_json json_of(const MaskedOptions& o, const std::vector<MaskedModel>& models,
                               const MaskedLosses& losses, const Runs& runs);

}  // namespace taper::examples
