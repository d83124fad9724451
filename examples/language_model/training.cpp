#include "examples/language_model/training.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <numbers>
#include <optional>

#include "core/kernels/parallel.hpp"
#include "examples/common/model_memory.hpp"
#include "examples/common/program.hpp"
#include "nn/model_directory.hpp"
#include "nn/optim/clip.hpp"
#include "nn/optim/schedule.hpp"

namespace taper::examples {

constexpr std::size_t validation_windows = 200;

static Batch empty_batch(std::size_t rows, std::size_t length) {
    return {empty<std::int64_t>({rows, length}), empty<std::int64_t>({rows, length})};
}

Training::Training(const TrainingOptions& options, const nn::Config& config,
                   const RunIdentity& identity, const Tokenizer& tokenizer, const Corpus& corpus,
                   const Task& task)
    : options_(options),
      identity_(identity),
      tokenizer_(tokenizer),
      task_(task),
      corpus_(corpus),
      model_(config),
      parameters_(model_.parameters()),
      adam_(parameters_, {.weight_decay = options.weight_decay}),
      log_(options.out),
      reporter_(options) {
    // The same windows and masks every time, whatever the seed and the batch.
    const auto windows = corpus.validation_windows(validation_windows);
    const Random random(0, "validation");
    for (std::size_t first = 0; first < windows.size(); first += options.batch) {
        const std::size_t rows = std::min<std::size_t>(options.batch, windows.size() - first);
        Batch& batch = validation_.emplace_back(empty_batch(rows, options.length));
        for (std::size_t row = 0; row < rows; ++row)
            task.fill_row(batch, row, windows[first + row],
                          random.at(static_cast<std::uint32_t>(first + row)));
    }
}

Batch batch_at(const TrainingOptions& options, const Corpus& corpus, const Task& task,
               std::uint64_t step) {
    const Random windows = Random(options.seed, "windows").at(static_cast<std::uint32_t>(step));
    const Random rows = Random(options.seed, "rows").at(static_cast<std::uint32_t>(step));
    Batch batch = empty_batch(options.batch, options.length);
    for (std::size_t row = 0; row < options.batch; ++row)
        task.fill_row(batch, row, corpus.training_window(windows, row),
                      rows.at(static_cast<std::uint32_t>(row)));
    return batch;
}

// The passes of `loss` once more, on a tape that stops at the first op which makes a number that is
// not finite: what it says.
static std::string first_not_finite(const std::vector<Parameter<float>*>& parameters,
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

StepMetrics Training::train_step(std::uint64_t step) {
    const double start = now();
    const nn::Schedule schedule{
        .lr = options_.lr, .warmup = options_.warmup, .steps = options_.steps};
    const nn::Pass pass{.dropout =
                            Random(options_.seed, "dropout").at(static_cast<std::uint32_t>(step))};
    const Batch batch = batch_at(options_, corpus_, task_, step);
    StepMetrics metrics{.step = step,
                        .loss = 0,
                        .lr = schedule(step),
                        .grad_norm = 0,
                        .tokens_per_second = 0,
                        .seconds = 0,
                        .val_loss = {},
                        .val_bits_per_char = {},
                        .val_bits_per_byte = {}};

    const auto loss_of_batch = [&] {
        return cross_entropy(model_(batch.tokens, pass), batch.targets);
    };
    {
        Tape<float> tape;
        const Var<float> loss = loss_of_batch();
        metrics.loss = static_cast<double>(loss.item());
        if (!std::isfinite(metrics.loss)) {
            require_finite();
            throw NotFinite("step " + std::to_string(step) + ": the loss must be finite: loss " +
                            shortest(metrics.loss) + first_not_finite(parameters_, loss_of_batch));
        }
        tape.backward(loss);
    }
    try {
        metrics.grad_norm = options_.clip > 0 ? nn::clip_gradients(parameters_, options_.clip)
                                              : nn::gradient_norm(parameters_);
        adam_.step(metrics.lr);
    } catch (const Error& error) {
        throw NotFinite("step " + std::to_string(step) + ": " + error.what() +
                        first_not_finite(parameters_, loss_of_batch));
    }

    const double seconds = now() - start;
    progress_.step = step;
    progress_.seconds += seconds;
    metrics.tokens_per_second = static_cast<double>(batch.tokens.size()) / seconds;
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
            return cross_entropy(model_(batch.tokens), batch.targets);
        };
        const double loss = static_cast<double>(loss_of_batch().item());
        if (!std::isfinite(loss)) {
            require_finite();
            throw NotFinite("step " + std::to_string(progress_.step) +
                            ": the validation loss must be finite: " + shortest(loss) +
                            first_not_finite(parameters_, loss_of_batch));
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
        if (model_.config.causal)
            (tokenizer_.kind() == TokenizerKind::byte ? metrics.val_bits_per_byte
                                                      : metrics.val_bits_per_char) =
                *metrics.val_loss * static_cast<double>(corpus_.validation_tokens()) /
                (static_cast<double>(corpus_.validation_symbols()) * std::numbers::ln2);
    }
    require_own_files();
    progress_.pending.reset();
    log_.record(metrics);
    if (validate) {
        reporter_.report();
        show_sample(metrics.step);
        reporter_.validated(now() - start);
    }
    reporter_.refresh();
    return true;
}

void Training::show_sample(std::uint64_t step) {
    try {
        const std::string sample =
            task_.sample(model_, Random(0, "sample").at(static_cast<std::uint32_t>(step)));
        say(sample);
        log_.sample(step, sample);
    } catch (const NotFinite& error) {
        throw NotFinite("step " + std::to_string(step) + ": " + error.what());
    }
}

// At the last step whatever the interval.
bool Training::due(std::uint64_t every) const {
    return progress_.step >= options_.steps || (every > 0 && progress_.step % every == 0);
}

void Training::require_finite() const {
    const auto check = [&](const char* what, const Parameter<float>& parameter,
                           const Array<float>& array) {
        for (std::size_t i = 0; i < array.size(); ++i)
            if (!std::isfinite(array.data()[i]))
                throw NotFinite("step " + std::to_string(progress_.step) + ": a " + what +
                                " must be finite: " + parameter.name() + " " +
                                index_text(parameter.shape(), i) + " is " +
                                shortest(array.data()[i]));
    };
    for (const Parameter<float>* parameter : parameters_)
        check("weight", *parameter, parameter->value());
    for (std::size_t i = 0; i < adam_.moments.size(); ++i) {
        check("first moment", *adam_.parameters()[i], adam_.moments[i].m);
        check("second moment", *adam_.parameters()[i], adam_.moments[i].v);
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

void Training::save() {
    const double start = now();
    require_finite();
    require_own_files();
    log_.sync();  // before the checkpoint, which counts these steps as done
    save_checkpoint(options_.out, parameters_, adam_, progress_, identity_);
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
    std::size_t parameters = 0, windows = 0;
    for (const Parameter<float>* parameter : parameters_) parameters += parameter->value().size();
    for (const Batch& batch : validation_) windows += batch.tokens.shape(0);
    reporter_.begin(progress_.step, parameters, corpus_, windows);
}

int Training::run() {
    if (progress_.step >= options_.steps && !progress_.pending) {
        log_.open(progress_.step);
        save_model();
        say_line("nothing to do: the run in " + options_.out + " has done " +
                 std::to_string(progress_.step) + " steps, of " + std::to_string(options_.steps) +
                 " asked for");
        return 0;
    }
    if (!options_.resume) {
        catch_stop_signals();
        directory_ = std::make_unique<RunDirectory>(options_.out);
        directory_->begin();
        save_checkpoint(options_.out, parameters_, adam_, progress_, identity_);
    }
    tokenizer_.save(options_.out + "/tokenizer.json");
    log_.open(progress_.step - (progress_.pending ? 1 : 0));
    if (options_changed_) save_checkpoint(options_.out, parameters_, adam_, progress_, identity_);
    // a run that goes on has nothing to save before: a long log is not waited for
    catch_stop_signals();
    begin_report();
    std::optional<StepMetrics> metrics = progress_.pending;
    for (;;) {
        if (metrics && finish_step(*metrics) && due(options_.save_every)) save();
        if (!stop_status() && progress_.step >= options_.steps) return 0;
        if (stop_status()) break;
        metrics = train_step(progress_.step + 1);
    }
    leave_line();
    save();
    say_line("stopped after step " + grouped(progress_.step));
    return stop_status();
}

int train(int argc, char** argv, const std::string& program, const std::string& what_it_does,
          Model kind_of_model, const MakeTask& make_task) {
    return run_program(program, [&]() -> int {
        TrainingOptions chosen;
        Options options(program, what_it_does);
        const bool causal = kind_of_model == Model::causal;
        chosen.declare(options, causal);
        if (!options.parse(argc, argv)) return 0;

        auto directory = std::make_unique<RunDirectory>(chosen.out);
        std::optional<Checkpoint> checkpoint;
        RunIdentity stored;
        BuiltTokenizer built;
        std::uint64_t steps_before = 0;
        std::string chosen_k;
        if (chosen.resume) {
            directory->reopen();
            checkpoint.emplace(chosen.out);
            stored = checkpoint->identity();
            built.tokenizer = Tokenizer::from_json(stored.tokenizer, "the run in " + chosen.out);
            if (built.tokenizer->mask_id().has_value() == causal)
                throw Error("--out: the run in " + chosen.out +
                            " must be one of this program: it is of a " +
                            (causal ? "masked" : "causal") + " model");
            const auto before = nlohmann::json::parse(stored.options);
            options.restore(before, TrainingOptions::stored(causal), TrainingOptions::may_change(),
                            "the run in " + chosen.out);
            if (!before.at("--steps").is_number_unsigned())
                throw Error("the run in " + chosen.out +
                            ": the stored --steps must be a whole number: " +
                            shortened(before.at("--steps").dump()));
            steps_before = before.at("--steps");
        } else {
            chosen_k = chosen.fit_default_k(options);
            directory->require_new();
        }
        if (chosen.text.empty()) throw Error("--text: at least one file must be given");
        set_threads(static_cast<int>(chosen.threads));
        check_options(chosen.model_config(1, causal), options);  // before any long work

        const TokenizerKind kind = tokenizer_kind_from(chosen.tokenizer);
        for (const std::string& line :
             {chosen_k, chosen.idle_options(options), chosen.late_warmup()})
            if (!line.empty()) say_line(line);
        std::vector<Text> texts;
        for (const std::string& path : chosen.text) say_line("reading " + path);
        if (chosen.resume) {
            texts = texts_of_run(chosen.text, encoding_of(kind), stored, chosen.out);
        } else {
            for (const std::string& path : chosen.text)
                texts.push_back(read_text(path, encoding_of(kind)));
        }
        RunIdentity identity{.options = options.stored(TrainingOptions::stored(causal)).dump(),
                             .text_hashes = hashes_of(texts),
                             .tokenizer = ""};
        if (!chosen.resume && kind == TokenizerKind::bpe) say_line("learning what a token is");
        if (!chosen.resume)
            built = build_tokenizer(kind, texts,
                                    chosen.vocab
                                        ? std::optional(static_cast<std::int64_t>(chosen.vocab))
                                        : std::nullopt,
                                    !causal);
        if (!built.notice.empty()) say(built.notice + "\n");
        const Tokenizer& tokenizer = *built.tokenizer;
        identity.tokenizer = tokenizer.to_json();
        nn::Config config =
            chosen.model_config(static_cast<std::size_t>(tokenizer.vocab_size()), causal);
        config.tokenizer_hash = tokenizer.hash();
        if (chosen.resume) {
            checkpoint->check_model(config);
            config.seed.reset();  // the weights are those of the checkpoint
        }
        check_memory(config, chosen.batch, 4, options);

        say_line("cutting the text into tokens, of " +
                 grouped(static_cast<std::uint64_t>(tokenizer.size())) + " kinds");
        const Corpus corpus(tokenizer, std::move(texts), chosen.length + (causal ? 1 : 0));
        for (const std::string& notice : corpus.notices()) say_line(notice);
        const auto task = make_task(tokenizer, corpus);
        Training training(chosen, config, identity, tokenizer, corpus, *task);
        if (chosen.resume) {
            training.resume(std::move(directory), *checkpoint, steps_before);
            checkpoint.reset();  // its memory is as much as the model's and Adam's
        }
        const int status = training.run();
        if (status == 0)
            say_how_to_use(argv[0], chosen, causal, beginning_of(corpus, tokenizer, chosen.length),
                           training.log());
        else say_how_to_resume(argv[0], chosen);
        return status;
    });
}

}  // namespace taper::examples
