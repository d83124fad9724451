#include "examples/language_model/run_start.hpp"

#include <nlohmann/json.hpp>
#include <optional>

#include "examples/common/program.hpp"

namespace taper::examples {

static ModelKind kind_of(const RunIdentity& identity, const Tokenizer& tokenizer) {
    if (!identity.config.empty()) return ModelKind::classifier;
    return tokenizer.mask_id() ? ModelKind::masked : ModelKind::causal;
}

static std::string name_of(ModelKind kind) {
    if (kind == ModelKind::classifier) return "a classifier";
    return kind == ModelKind::masked ? "a masked model" : "a causal model";
}

StoredRun load_run(const std::string& directory, ModelKind kind, Options& options,
                   const std::vector<std::string>& stored_names,
                   const std::vector<std::string>& may_change) {
    const std::string run = "the run in " + directory;
    Checkpoint checkpoint(directory);
    RunIdentity identity = checkpoint.identity();
    std::unique_ptr<Tokenizer> tokenizer = Tokenizer::from_json(identity.tokenizer, run);
    const ModelKind found = kind_of(identity, *tokenizer);
    if (found != kind)
        throw Error("--out: " + run + " must be one of this program: it is of " + name_of(found));
    const auto stored = nlohmann::json::parse(identity.options);
    options.restore(stored, stored_names, may_change, run);
    const auto& steps = stored.at("--steps");
    if (!steps.is_number_unsigned())
        throw Error(run +
                    ": the stored --steps must be a whole number: " + shortened(steps.dump()));
    return {std::move(checkpoint), std::move(identity), std::move(tokenizer),
            steps.get<std::uint64_t>()};
}

std::unique_ptr<Tokenizer> new_tokenizer(const TrainingOptions& chosen, TokenizerKind kind,
                                         std::span<const Text> texts, bool with_mask) {
    if (kind == TokenizerKind::bpe) say_line("learning what a token is");
    std::optional<std::int64_t> vocab;
    if (chosen.vocab != 0) vocab = static_cast<std::int64_t>(chosen.vocab);
    BuiltTokenizer built = build_tokenizer(kind, texts, vocab, with_mask);
    if (!built.notice.empty()) say(built.notice + "\n");
    return std::move(built.tokenizer);
}

void say_notices(std::span<const std::string> notices) {
    for (const std::string& notice : notices)
        if (!notice.empty()) say_line(notice);
}

}  // namespace taper::examples
