#include "examples/language_model/train_program.hpp"

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <vector>

#include "core/kernels/parallel.hpp"
#include "examples/common/model_memory.hpp"
#include "examples/common/program.hpp"
#include "examples/language_model/checkpoint.hpp"
#include "examples/language_model/training.hpp"
#include "examples/language_model/training_options.hpp"

namespace taper::examples {

namespace {

// A run that is to go on, as its checkpoint has it.
struct StoredRun {
    Checkpoint checkpoint;
    RunIdentity identity;
    std::unique_ptr<Tokenizer> tokenizer;
    std::uint64_t steps;  // that it was for
};

// Also gives the options the values that are stored.
StoredRun load_run(const std::string& directory, bool causal, Options& options) {
    const std::string run = "the run in " + directory;
    Checkpoint checkpoint(directory);
    RunIdentity identity = checkpoint.identity();
    std::unique_ptr<Tokenizer> tokenizer = Tokenizer::from_json(identity.tokenizer, run);
    if (tokenizer->mask_id().has_value() == causal)
        throw Error("--out: " + run + " must be one of this program: it is of a " +
                    (causal ? "masked" : "causal") + " model");
    const auto stored = nlohmann::json::parse(identity.options);
    options.restore(stored, TrainingOptions::stored(causal), TrainingOptions::may_change(), run);
    const auto& steps = stored.at("--steps");
    if (!steps.is_number_unsigned())
        throw Error(run +
                    ": the stored --steps must be a whole number: " + shortened(steps.dump()));
    return {std::move(checkpoint), std::move(identity), std::move(tokenizer),
            steps.get<std::uint64_t>()};
}

std::vector<Text> read_texts(const TrainingOptions& chosen, Encoding encoding,
                             const std::optional<StoredRun>& stored) {
    for (const std::string& path : chosen.text) say_line("reading " + path);
    if (stored) return texts_of_run(chosen.text, encoding, stored->identity, chosen.out);
    std::vector<Text> texts;
    for (const std::string& path : chosen.text) texts.push_back(read_text(path, encoding));
    return texts;
}

std::unique_ptr<Tokenizer> new_tokenizer(const TrainingOptions& chosen, TokenizerKind kind,
                                         std::span<const Text> texts, bool causal) {
    if (kind == TokenizerKind::bpe) say_line("learning what a token is");
    std::optional<std::int64_t> vocab;
    if (chosen.vocab != 0) vocab = static_cast<std::int64_t>(chosen.vocab);
    BuiltTokenizer built = build_tokenizer(kind, texts, vocab, !causal);
    if (!built.notice.empty()) say(built.notice + "\n");
    return std::move(built.tokenizer);
}

nn::Config new_config(const TrainingOptions& chosen, const Tokenizer& tokenizer, bool causal) {
    const auto vocab_size = static_cast<std::size_t>(tokenizer.vocab_size());
    nn::Config config = chosen.model_config(vocab_size, causal);
    config.tokenizer_hash = tokenizer.hash();
    return config;
}

void say_notices(std::span<const std::string> notices) {
    for (const std::string& notice : notices)
        if (!notice.empty()) say_line(notice);
}

int train_with(const std::string& program, TrainingOptions& chosen, Options& options, bool causal,
               const MakeTask& make_task) {
    auto directory = std::make_unique<RunDirectory>(chosen.out);
    std::optional<StoredRun> stored;
    std::string chosen_k;
    if (chosen.resume) {
        directory->reopen();
        stored = load_run(chosen.out, causal, options);
    } else {
        chosen_k = chosen.fit_default_k(options);
        directory->require_new();
    }
    if (chosen.text.empty()) throw Error("--text: at least one file must be given");
    set_threads(static_cast<int>(chosen.threads));
    check_options(chosen.model_config(1, causal), options);  // before any long work
    const TokenizerKind kind = tokenizer_kind_from(chosen.tokenizer);
    say_notices(std::vector{chosen_k, chosen.idle_options(options), chosen.late_warmup()});

    std::vector<Text> texts = read_texts(chosen, encoding_of(kind), stored);
    const std::string text_hashes = hashes_of(texts);
    const std::unique_ptr<Tokenizer> tokenizer =
        stored ? std::move(stored->tokenizer) : new_tokenizer(chosen, kind, texts, causal);
    const RunIdentity identity{.options = options.stored(TrainingOptions::stored(causal)).dump(),
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

    Training training(chosen, config, identity, *tokenizer, corpus, *task);
    if (stored) {
        training.resume(std::move(directory), stored->checkpoint, stored->steps);
        stored.reset();  // its memory is as much as the model's and Adam's
    }
    const int status = training.run();
    if (status == 0)
        say_how_to_use(program, chosen, causal, beginning_of(corpus, *tokenizer, chosen.length),
                       training.log());
    else say_how_to_resume(program, chosen);
    return status;
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
               const std::string& what_it_does, ModelKind kind, const MakeTask& make_task) {
    const bool causal = kind == ModelKind::causal;
    std::vector<std::string> words = command_line;
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    TrainingOptions chosen;
    Options options(program, what_it_does);
    chosen.declare(options, causal);
    if (!options.parse(static_cast<int>(argv.size()), argv.data())) return 0;
    return train_with(words.at(0), chosen, options, causal, make_task);
}

}  // namespace taper::examples
