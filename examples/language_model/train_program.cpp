#include "examples/language_model/train_program.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <vector>

#include "core/kernels/parallel.hpp"
#include "examples/common/model_memory.hpp"
#include "examples/common/program.hpp"
#include "examples/language_model/attention_film.hpp"
#include "examples/language_model/language_objective.hpp"
#include "examples/language_model/run_start.hpp"
#include "examples/language_model/training_options.hpp"

namespace taper::examples {

namespace {

std::vector<Text> read_texts(const LanguageModelOptions& chosen, Encoding encoding,
                             const std::optional<StoredRun>& stored) {
    for (const std::string& path : chosen.text) say_line("reading " + path);
    if (stored) return texts_of_run(chosen.text, encoding, stored->identity, chosen.out);
    std::vector<Text> texts;
    for (const std::string& path : chosen.text) texts.push_back(read_text(path, encoding));
    return texts;
}

nn::Config new_config(const LanguageModelOptions& chosen, const Tokenizer& tokenizer, bool causal) {
    const auto vocab_size = static_cast<std::size_t>(tokenizer.vocab_size());
    nn::Config config = chosen.model_config(vocab_size, causal);
    config.tokenizer_hash = tokenizer.hash();
    return config;
}

// The first window that validates, or one that trains, of a masked model with a mask in its middle.
TokenIds filmed_window(const Tokenizer& tokenizer, const Corpus& corpus) {
    const auto windows = corpus.validation_windows(most_validation_windows);
    const auto window =
        windows.empty() ? corpus.training_window(Random(0, "example"), 0) : windows[0];
    const std::size_t n = std::min(window.size(), most_filmed_tokens);
    TokenIds ids(window.begin(), window.begin() + static_cast<std::ptrdiff_t>(n));
    if (tokenizer.mask_id()) ids[n / 2] = static_cast<std::int32_t>(*tokenizer.mask_id());
    return ids;
}

int train_with(const std::string& program, LanguageModelOptions& chosen, Options& options,
               ModelKind model_kind, const MakeTask& make_task, const AfterStep& after_step) {
    const bool causal = model_kind == ModelKind::causal;
    auto directory = std::make_unique<RunDirectory>(chosen.out);
    std::optional<StoredRun> stored;
    std::string chosen_k;
    if (chosen.resume) {
        directory->reopen();
        stored = load_run(chosen.out, model_kind, options, LanguageModelOptions::stored(causal),
                          LanguageModelOptions::may_change());
    } else {
        chosen_k = chosen.fit_default_k(options);
        directory->require_new();
    }
    check_film(chosen);
    if (chosen.text.empty()) throw Error("--text: at least one file must be given");
    set_threads(static_cast<int>(chosen.threads));
    check_options(chosen.model_config(1, causal), options);  // before any long work
    const TokenizerKind kind = tokenizer_kind_from(chosen.tokenizer);
    say_notices(std::vector{chosen_k, chosen.idle_options(options), chosen.late_warmup(),
                            chosen.idle_plot_text()});

    std::vector<Text> texts = read_texts(chosen, encoding_of(kind), stored);
    const std::string text_hashes = hashes_of(texts);
    const std::unique_ptr<Tokenizer> tokenizer =
        stored ? std::move(stored->tokenizer) : new_tokenizer(chosen, kind, texts, !causal);
    const RunIdentity identity{
        .options = options.stored(LanguageModelOptions::stored(causal)).dump(),
        .text_hashes = text_hashes,
        .tokenizer = tokenizer->to_json()};
    nn::Config config = new_config(chosen, *tokenizer, causal);
    if (stored) {
        stored->checkpoint.check_model(config);
        config.seed.reset();  // the weights are those of the checkpoint
    }
    check_memory(config, chosen.batch, 4, options);

    say_line("cutting the text into tokens, of " +
             grouped(static_cast<std::uint64_t>(tokenizer->size())) + " kinds");
    const std::size_t window = chosen.length + (causal ? 1 : 0);
    const Corpus corpus(*tokenizer, std::move(texts), window);
    say_notices(corpus.notices());
    const std::unique_ptr<Task> task = make_task(*tokenizer, corpus);

    const auto kept =
        without(LanguageModelOptions::stored(causal), LanguageModelOptions::may_change());
    auto film =
        film_of(chosen, *tokenizer, filmed_window(*tokenizer, corpus), config.length,
                options.stored(kept).dump() + text_hashes, stored ? stored->checkpoint.steps() : 0);

    LanguageObjective objective(chosen, *tokenizer, corpus, *task);
    Training training(chosen, nn::Linformer<float>(config), identity, *tokenizer, objective);
    if (stored) {
        training.resume(std::move(directory), stored->checkpoint, stored->steps);
        stored.reset();  // its memory is as much as the model's and Adam's
    }
    const int status = training.run(after_step, frames_of(film));
    if (status != 0) {
        say_how_to_resume(program, chosen);
        return status;
    }
    say_done(chosen, training.log());
    say_film(film);
    say_how_to_use(program, chosen, model_kind, beginning_of(corpus, *tokenizer, chosen.length));
    return 0;
}

}  // namespace

int train(int argc, char** argv, const std::string& program, const std::string& what_it_does,
          ModelKind kind, const MakeTask& make_task) {
    return run_program(program, [&] {
        const std::vector<std::string> command_line(argv, argv + argc);
        return train_here(command_line, program, what_it_does, kind, make_task);
    });
}

int train_here(const std::vector<std::string>& command_line, const std::string& program,
               const std::string& what_it_does, ModelKind kind, const MakeTask& make_task,
               const AfterStep& after_step) {
    const bool causal = kind == ModelKind::causal;
    LanguageModelOptions chosen;
    Options options(program, what_it_does);
    chosen.declare(options, causal);
    if (!options.parse(command_line)) return 0;
    return train_with(command_line.at(0), chosen, options, kind, make_task, after_step);
}

}  // namespace taper::examples
