#include "examples/language_model/training.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>

#include "core/io/file.hpp"
#include "examples/common/program.hpp"
#include "nn/model_directory.hpp"
#include "nn/optim/clip.hpp"
#include "nn/optim/schedule.hpp"

namespace taper::examples {

Training::Training(const TrainingOptions& options, nn::Linformer<float> model,
                   const RunIdentity& identity, const Tokenizer& tokenizer, Objective& objective)
    : options_(options),
      identity_(identity),
      tokenizer_(tokenizer),
      objective_(objective),
      model_(std::move(model)),
      parameters_(model_.parameters()),
      adam_(parameters_, {.weight_decay = options.weight_decay}),
      validation_(objective.validation_batches()),
      log_(options.out, objective.loss_unit(), objective.baselines()),
      reporter_(options) {}

static std::string step_text(std::uint64_t step) { return "step " + std::to_string(step) + ": "; }

// Computes `loss` once more, forward and backward, on a tape that stops at the first op which makes
// a number that is not finite. Returns what it says.
static std::string first_not_finite(const nn::Parameters<float>& parameters,
                                    const std::function<Var<float>()>& loss) {
    for (Parameter<float>* parameter : parameters) parameter->clear_gradient();
    try {
        Tape<float> tape(Finite::checked);
        tape.backward(loss());
    } catch (const Error& error) {
        return std::string(": ") + error.what();
    }
    return "";
}

static std::size_t real_tokens(const Batch& batch) {
    if (!batch.real) return batch.tokens.size();
    return static_cast<std::size_t>(std::count(batch.real->begin(), batch.real->end(), true));
}

StepMetrics Training::train_step(std::uint64_t step) {
    const double start = now();
    const nn::Schedule schedule{
        .lr = options_.lr, .warmup = options_.warmup, .steps = options_.steps};
    const Random dropout =
        Random(options_.seed, "dropout").substream(static_cast<std::uint32_t>(step));
    const Batch batch = objective_.training_batch(step);
    const nn::Pass pass{.dropout = dropout, .real = batch.real};
    StepMetrics metrics{.step = step, .lr = schedule(step)};

    const auto loss_of_batch = [&] {
        return cross_entropy(objective_.logits(model_, batch, pass), batch.targets);
    };
    {
        Tape<float> tape;
        const Var<float> loss = loss_of_batch();
        metrics.loss = static_cast<double>(loss.item());
        if (!std::isfinite(metrics.loss)) {
            require_finite();
            throw NotFinite(step_text(step) + "the loss must be finite: loss " +
                            shortest(metrics.loss) + first_not_finite(parameters_, loss_of_batch));
        }
        tape.backward(loss);
    }
    try {
        metrics.grad_norm = options_.clip > 0 ? nn::clip_gradients(parameters_, options_.clip)
                                              : nn::gradient_norm(parameters_);
        adam_.step(metrics.lr);
    } catch (const Error& error) {
        throw NotFinite(step_text(step) + error.what() +
                        first_not_finite(parameters_, loss_of_batch));
    }

    const double seconds = now() - start;
    progress_.step = step;
    progress_.seconds += seconds;
    metrics.tokens_per_second = static_cast<double>(real_tokens(batch)) / seconds;
    metrics.seconds = progress_.seconds;
    reporter_.trained(metrics, seconds);
    return metrics;
}

std::optional<double> Training::validation_loss() {
    double total = 0;
    std::size_t targets = 0;
    for (const Batch& batch : validation_) {
        if (stop_status()) return std::nullopt;
        reporter_.validating();
        std::size_t counted = 0;
        for (std::int64_t target : batch.targets) counted += target != ignore_index;
        const auto loss_of_batch = [&] {
            return cross_entropy(objective_.logits(model_, batch, {.real = batch.real}),
                                 batch.targets);
        };
        const double loss = static_cast<double>(loss_of_batch().item());
        if (!std::isfinite(loss)) {
            require_finite();
            throw NotFinite(step_text(progress_.step) + "the validation loss must be finite: " +
                            shortest(loss) + first_not_finite(parameters_, loss_of_batch));
        }
        total += loss * static_cast<double>(counted);
        targets += counted;
    }
    return total / static_cast<double>(targets);
}

bool Training::finish_step(StepMetrics metrics) {
    const double start = now();
    const bool validate = due(options_.eval_every);
    if (validate && !validation_.empty()) {
        metrics.val_loss = validation_loss();
        if (!metrics.val_loss) {
            progress_.pending = metrics;
            return false;
        }
        reporter_.validation_loss(*metrics.val_loss);
        objective_.add_to(metrics, model_);
    }
    require_own_files();
    progress_.pending.reset();
    log_.record(metrics);
    if (validate) {
        reporter_.report();
        show_sample(metrics.step);
        if (after_evaluation_) after_evaluation_(metrics, model_);
        reporter_.validated(now() - start);
    }
    reporter_.refresh();
    return true;
}

void Training::show_sample(std::uint64_t step) {
    try {
        const Random random = Random(0, "sample").substream(static_cast<std::uint32_t>(step));
        const std::string sample = objective_.sample(model_, random);
        say(sample);
        log_.sample(step, sample);
    } catch (const NotFinite& error) {
        throw NotFinite(step_text(step) + error.what());
    }
}

// At the last step whatever the interval.
bool Training::due(std::uint64_t every) const {
    return progress_.step >= options_.steps || (every > 0 && progress_.step % every == 0);
}

void Training::require_finite() const {
    const auto check = [&](const std::string& what, const Parameter<float>& parameter,
                           const Array<float>& array) {
        for (std::size_t i = 0; i < array.size(); ++i) {
            const float number = array.data()[i];
            if (!std::isfinite(number))
                throw NotFinite(step_text(progress_.step) + "a " + what +
                                " must be finite: " + parameter.name() + " " +
                                index_text(parameter.shape(), i) + " is " + shortest(number));
        }
    };
    for (const Parameter<float>* parameter : parameters_)
        check("weight", *parameter, parameter->value());
    for (std::size_t i = 0; i < adam_.moments.size(); ++i) {
        const Parameter<float>& parameter = *adam_.parameters()[i];
        check("first moment", parameter, adam_.moments[i].m);
        check("second moment", parameter, adam_.moments[i].v);
    }
}

void Training::require_own_files() const {
    directory_->require_ours();
    log_.require_there();
}

// Each file may take seconds to be written, the picture too.
void Training::save_model() {
    require_own_files();
    tokenizer_.save(options_.out + "/tokenizer.json");
    nn::save_model(options_.out, model_);
    require_own_files();
    log_.draw();
    require_own_files();
}

void Training::save_file(const std::string& name, const std::string& bytes) const {
    require_own_files();
    write_file(options_.out + "/" + name, bytes);
}

void Training::save_state() {
    save_checkpoint(options_.out, parameters_, adam_, progress_, identity_);
}

void Training::save() {
    const double start = now();
    require_finite();
    require_own_files();
    log_.sync();  // before the checkpoint, which counts these steps as done
    save_state();
    save_model();
    reporter_.saved(now() - start);
}

void Training::resume(std::unique_ptr<RunDirectory> directory, const Checkpoint& checkpoint,
                      std::uint64_t steps_before) {
    directory_ = std::move(directory);
    progress_ = checkpoint.restore(parameters_, adam_);
    options_changed_ = checkpoint.identity().options != identity_.options;
    if (steps_before != options_.steps && progress_.step < options_.steps)
        say_line("the learning rate now follows " + std::to_string(options_.steps) +
                 " steps, before " + std::to_string(steps_before));
}

void Training::begin_report() {
    std::size_t parameters = 0;
    for (const Parameter<float>* parameter : parameters_) parameters += parameter->value().size();
    std::size_t rows = 0;
    for (const Batch& batch : validation_) rows += batch.tokens.shape(0);
    reporter_.begin(progress_.step, parameters, objective_.outline(), rows);
}

void Training::save_done_run() {
    log_.open(progress_.step);
    save_model();
    say_line("nothing to do: the run in " + options_.out + " has done " +
             std::to_string(progress_.step) + " steps, of " + std::to_string(options_.steps) +
             " asked for");
}

void Training::begin() {
    if (!options_.resume) {
        save_before_stopping();
        directory_ = std::make_unique<RunDirectory>(options_.out);
        directory_->begin();
        save_state();
    }
    tokenizer_.save(options_.out + "/tokenizer.json");
    const std::uint64_t recorded = progress_.step - (progress_.pending ? 1 : 0);
    log_.open(recorded);
    if (options_changed_) save_state();
    // A run that goes on has nothing to save before: a long log is not waited for.
    save_before_stopping();
    begin_report();
}

// Ctrl-C sets a flag (common/program.cpp), which this loop and validation see by stop_status().
// Then save() writes the checkpoint: checkpoint.cpp, core/io/safetensors.cpp, core/io/file.cpp.
int Training::run(const AfterStep& after_step, const AfterEvaluation& after_evaluation) {
    after_evaluation_ = after_evaluation;
    if (progress_.step >= options_.steps && !progress_.pending) {
        save_done_run();
        return 0;
    }
    begin();
    if (after_evaluation && progress_.step == 0) after_evaluation({.step = 0}, model_);
    std::optional<StepMetrics> metrics = progress_.pending;
    for (;;) {
        if (metrics && finish_step(*metrics) && due(options_.save_every)) save();
        if (!stop_status() && progress_.step >= options_.steps) return 0;
        if (stop_status()) break;
        metrics = train_step(progress_.step + 1);
        if (after_step) after_step(progress_.step, model_);
    }
    leave_line();
    save();
    say_line("stopped after step " + grouped(progress_.step));
    return stop_status();
}

}  // namespace taper::examples
