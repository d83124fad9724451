// What a person sees of a run: what it is made of, where it stands, what the model can do, and in
// the end what to do next. On a terminal the line that says where it stands is rewritten in place;
// elsewhere it comes every ten seconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "examples/common/progress.hpp"
#include "examples/language_model/corpus.hpp"
#include "examples/language_model/model_kind.hpp"
#include "examples/language_model/run_log.hpp"
#include "examples/language_model/training_options.hpp"

namespace taper::examples {

// Seconds on a clock that only goes forward.
double now();

class Reporter {
  public:
    explicit Reporter(const TrainingOptions& options) : options_(options) {}

    // Before the first step. outline: as of an Objective; validation: rows that validate.
    void begin(std::uint64_t steps_done, std::size_t parameters,
               const std::vector<std::string>& outline, std::size_t validation);

    void trained(const StepMetrics& metrics, double seconds);  // a step
    void validating();                                         // once a batch
    void validation_loss(double loss) { standing_.validation = loss; }
    void validated(double seconds);  // with the sample
    void saved(double seconds);

    // Where the run stands: now, in a line that is kept; or where it is time to.
    void report();
    void refresh();

  private:
    std::optional<double> seconds_left() const;
    Standing standing() const;
    void say_report(const Standing& standing);

    const TrainingOptions& options_;
    Standing standing_{};
    Recent recent_;
    Average step_, validation_, save_;  // seconds
    double validation_steps_ = 0;  // how long a validation takes in steps, before one was measured
    double began_at_ = now();
    double reported_at_ = now();
    double refreshed_at_ = 0;
};

// Where the run is, its best step, and its picture where it was drawn. log: of all its steps.
void say_done(const TrainingOptions& options, const RunLog& log);
// A command to type. program: as it was called; beginning: some text of the run's.
void say_how_to_use(const std::string& program, const TrainingOptions& options, ModelKind kind,
                    const std::string& beginning);
void say_how_to_resume(const std::string& program, const TrainingOptions& options);

// A few tokens of the corpus, as text on one line: what a vocabulary that was made from it can
// spell.
std::string beginning_of(const Corpus& corpus, const Tokenizer& tokenizer, std::size_t length);
// The first words of a document of at least one token, in the same way.
std::string beginning_of(const TokenIds& document, const Tokenizer& tokenizer);

}  // namespace taper::examples
