#include "examples/classifier/classifier_objective.hpp"

#include <cmath>

#include "core/error.hpp"
#include "examples/common/program.hpp"
#include "examples/common/progress.hpp"
#include "examples/language_model/guessing.hpp"

namespace taper::examples {

Batch ClassifierObjective::training_batch(std::uint64_t step) {
    std::vector<const EncodedDocument*> documents;
    const std::uint64_t first = (step - 1) * options_.batch;
    for (std::uint64_t row = 0; row < options_.batch; ++row)
        documents.push_back(&documents_.training[order_(first + row)]);
    return batch_of(documents);
}

std::vector<Batch> ClassifierObjective::validation_batches() const {
    return batches_of(documents_.validation, options_.batch);
}

Var<float> ClassifierObjective::logits(const nn::Linformer<float>& model, const Batch& batch,
                                       const nn::Pass& pass) const {
    return model.classify(batch.tokens, pass);
}

std::string ClassifierObjective::sample(const nn::Linformer<float>& model,
                                        const Random& random) const {
    const auto& names = model.config.class_names;
    const bool held_out = !documents_.validation.empty();
    const auto& documents = held_out ? documents_.validation : documents_.training;
    constexpr std::size_t letters = 60;  // that fit on a line
    std::string text;
    for (std::uint64_t i = 0; i < 3; ++i) {
        const EncodedDocument& document = documents[random.below(i, documents.size())];
        const EncodedDocument* const row = &document;
        const Prediction found = predict(logits_of(model, batch_of(std::span(&row, 1))))[0];
        text += "  " + shown(tokenizer_.show(document.tokens), letters) + "\n    " +
                shortened(names[found.label]) + " (" + fixed(found.probability, 2) + "), " +
                (found.label == document.label ? "right"
                                               : "wrong: " + shortened(names[document.label])) +
                "\n";
    }
    return text;
}

std::vector<std::string> ClassifierObjective::outline() const {
    const std::size_t count = documents_.training.size();
    const double epochs =
        static_cast<double>(options_.steps * options_.batch) / static_cast<double>(count);
    const std::size_t validating = documents_.validation.size();
    const std::string reason =
        validating == 0
            ? ": no class has " + grouped(fewest_with_one_held_out(count)) + " documents"
            : "";
    return {grouped(count) + " documents train, " + grouped(validating) + " validate" + reason,
            counted(options_.steps, "step", "steps") + " of " +
                counted(options_.batch, "document", "documents") + ": each is read " +
                fixed(epochs, 1) + " times"};
}

Array<float> logits_of(const nn::Linformer<float>& model, const Batch& batch) {
    const Array<float> logits = model.classify(batch.tokens, {.real = batch.real}).value();
    for (const float logit : logits)
        if (!std::isfinite(logit))
            throw NotFinite("the logits of a class must be finite: " + shortest(logit));
    return logits;
}

std::vector<Prediction> predict(const Array<float>& logits) {
    const std::size_t classes = logits.shape(1);
    std::vector<Prediction> predictions;
    for (std::size_t row = 0; row < logits.shape(0); ++row) {
        const Guess best = likeliest(std::span(logits.data() + row * classes, classes), 1)[0];
        predictions.push_back({static_cast<std::size_t>(best.token), best.probability});
    }
    return predictions;
}

// What the frequencies of the classes, each of which has a document, cost on some documents.
static double cost_of_classes(const std::vector<double>& counts, double total,
                              const std::vector<EncodedDocument>& documents) {
    double sum = 0;
    for (const EncodedDocument& document : documents)
        sum -= std::log(counts[document.label] / total);
    return sum / static_cast<double>(documents.size());
}

std::vector<Baseline> ClassifierObjective::baselines() const {
    std::vector<double> counts;
    for (const EncodedDocument& document : documents_.training) {
        counts.resize(std::max(counts.size(), document.label + 1), 0);
        ++counts[document.label];
    }
    const auto total = static_cast<double>(documents_.training.size());
    std::vector<Baseline> baselines{
        {"uniform, ln " + std::to_string(counts.size()), std::log(counts.size())},
        {"frequencies, training", cost_of_classes(counts, total, documents_.training)}};
    if (!documents_.validation.empty())
        baselines.push_back(
            {"frequencies, validation", cost_of_classes(counts, total, documents_.validation)});
    return baselines;
}

}  // namespace taper::examples
