#include "examples/language_model/training_options.hpp"

#include "core/kernels/parallel.hpp"

namespace taper::examples {

TrainingOptions::TrainingOptions() : threads(static_cast<std::uint64_t>(taper::threads())) {}

constexpr std::uint64_t many = 1'000'000'000;

void TrainingOptions::declare_directory(Options& options) {
    options.required_path("--out", out, "run directory to write; must be new or empty");
    options.flag("--resume", resume,
                 "go on exactly where the run in --out stands, with its options");
}

void TrainingOptions::declare_tokenizer(Options& options) {
    options.word("--tokenizer", tokenizer, {"char", "byte", "bpe"}, "what a token is");
    options.count("--vocab", vocab, 0, 1'000'000, "bpe: tokens in the vocabulary, 0: 1024");
}

void TrainingOptions::declare_steps(Options& options, const std::string& rows,
                                    const std::string& validating) {
    options.count("--batch", batch, 1, 1'000'000, rows + " in a step");
    options.count("--steps", steps, 1, many, "steps of the whole run");
    options.number("--lr", lr, positive_float(), "largest learning rate");
    options.count("--warmup", warmup, 0, many,
                  "steps until it is reached; then a cosine down to a tenth");
    options.number("--weight-decay", weight_decay, not_negative(), "decoupled decay of matrices");
    options.number("--clip", clip, not_negative(),
                   "largest global norm of the gradient, 0: no limit");
    options.count("--eval-every", eval_every, 0, many,
                  "steps between validations (of " + validating + "), 0: at the end only");
    options.count("--save-every", save_every, 0, many,
                  "steps between checkpoints, 0: at the end only");
    options.count("--seed", seed, 0, UINT64_MAX, "of all random numbers");
    options.count("--threads", threads, 1, max_threads,
                  "threads; the numbers do not depend on them");
    options.default_is_of_machine("--threads");
}

void TrainingOptions::declare_film(Options& options, const std::string& example) {
    options.path("--plot", plot,
                 "directory for a film of what each head attends to: a picture at each validation, "
                 "frame_STEP.svg, and index.html, which shows them one after another. It may be "
                 "another one, or none, with --resume");
    options.text(
        "--plot-text", plot_text,
        "text whose attention the film shows, at most its first 32 tokens; default: " + example);
}

std::string TrainingOptions::idle_plot_text() const {
    return plot.empty() && !plot_text.empty() ? "--plot-text: no effect without --plot" : "";
}

std::string TrainingOptions::late_warmup() const {
    if (warmup <= steps) return "";
    return "--warmup " + std::to_string(warmup) +
           ": the learning rate does not reach --lr with --steps " + std::to_string(steps);
}

std::vector<std::string> TrainingOptions::stored() {
    // clang-format off
    return {"--tokenizer", "--vocab",
            "--length", "--k", "--width", "--heads", "--layers", "--ffn-width",
            "--attention", "--sharing", "--projection", "--projection-init",
            "--norm", "--tie-embeddings", "--dropout",
            "--batch", "--steps", "--lr", "--warmup", "--weight-decay", "--clip",
            "--eval-every", "--save-every", "--seed", "--threads"};
    // clang-format on
}

std::vector<std::string> TrainingOptions::may_change() {
    return {"--steps", "--eval-every", "--save-every", "--threads"};
}

std::vector<std::string> without(std::vector<std::string> names,
                                 const std::vector<std::string>& others) {
    for (const std::string& name : others) std::erase(names, name);
    return names;
}

void LanguageModelOptions::declare(Options& options, bool causal) {
    options.files("--text", text,
                  "file to learn from, UTF-8 (byte: any); repeatable. A BOM is dropped, CRLF is "
                  "kept [required, except with --resume]");
    declare_directory(options);
    declare_tokenizer(options);
    declare_model(options);
    if (causal) declare_window(options);
    else declare_rescale(options);
    declare_steps(options, "windows", "at most 200 windows");
    declare_film(options, causal ? "the first window that validates"
                                 : "the first window that validates, with a mask in its middle");
}

std::vector<std::string> LanguageModelOptions::stored(bool causal) {
    std::vector<std::string> names = TrainingOptions::stored();
    names.insert(names.end(), {"--text", causal ? "--window" : "--rescale"});
    return names;
}

std::vector<std::string> LanguageModelOptions::may_change() {
    std::vector<std::string> names = TrainingOptions::may_change();
    names.push_back("--text");  // known by its hash
    return names;
}

}  // namespace taper::examples
