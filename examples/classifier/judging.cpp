#include "examples/classifier/judging.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "examples/classifier/classifier_objective.hpp"
#include "examples/classifier/naive_bayes.hpp"
#include "examples/common/program.hpp"
#include "examples/common/progress.hpp"

namespace taper::examples {

using nlohmann::ordered_json;

Baselines baselines_of(std::span<const Document> train, const std::vector<bool>& held_out,
                       std::span<const Document> test, std::span<const std::string> class_names) {
    NaiveBayes naive_bayes(class_names.size());
    std::vector<std::size_t> counts(class_names.size());
    for (std::size_t i = 0; i < train.size(); ++i) {
        if (held_out[i]) continue;
        const std::size_t label = class_of(train[i], class_names);
        naive_bayes.add(train[i].text, label);
        ++counts[label];
    }
    const auto most = std::max_element(counts.begin(), counts.end());
    Baselines baselines{static_cast<std::size_t>(most - counts.begin()), 0,
                        Confusion(class_names.size())};
    for (const Document& document : test)
        baselines.naive_bayes.add(class_of(document, class_names),
                                  naive_bayes.predict(document.text));
    const Confusion& judged = baselines.naive_bayes;
    baselines.most_frequent_share = static_cast<double>(judged.documents(baselines.most_frequent)) /
                                    static_cast<double>(judged.documents());
    return baselines;
}

std::optional<TestResults> judge(const nn::Linformer<float>& model,
                                 std::span<const EncodedDocument> documents, std::size_t rows) {
    TestResults results{Confusion(model.config.classes()), 0};
    for (const Batch& batch : batches_of(documents, rows)) {
        if (stop_status()) return std::nullopt;
        const Array<float> logits = logits_of(model, batch);
        const auto predictions = predict(logits);
        for (std::size_t row = 0; row < predictions.size(); ++row)
            results.confusion.add(static_cast<std::size_t>(batch.targets(row)),
                                  predictions[row].label);
        const double loss = cross_entropy(Var<float>(logits), batch.targets).item();
        results.loss += loss * static_cast<double>(predictions.size());
    }
    results.loss /= static_cast<double>(documents.size());
    return results;
}

std::string report_of(const TestResults& results, const Baselines& baselines,
                      std::span<const std::string> class_names, std::uint64_t step) {
    const Confusion& confusion = results.confusion;
    const Confusion& words = baselines.naive_bayes;
    std::string text = "test: " + counted(confusion.documents(), "document", "documents") +
                       ", judged after step " + grouped(step) + ", the last one\n";
    text += "  accuracy             " + accuracy_text(confusion) + ", macro F1 " +
            fixed(confusion.macro_f1(), 4) + ", loss " + fixed(results.loss, 4) + "\n";
    text += "  naive Bayes          " + accuracy_text(words) + ", macro F1 " +
            fixed(words.macro_f1(), 4) + " (over words, whole documents)\n";
    text += "  most frequent class  " + fixed(baselines.most_frequent_share, 4) + ": always '" +
            shortened(class_names[baselines.most_frequent]) + "'\n";
    constexpr std::size_t most_shown = 12;
    if (confusion.classes() > most_shown)
        return text + "the confusion matrix, of " + grouped(confusion.classes()) +
               " classes, is in results.json\n";
    return text + "confusion (a row is the true class, a column the predicted one):\n" +
           table_of(confusion, class_names);
}

std::string results_json(const TestResults& results, const Baselines& baselines,
                         std::span<const std::string> class_names,
                         std::span<const std::string> test_paths, std::uint64_t step) {
    const Confusion& confusion = results.confusion;
    ordered_json classes = ordered_json::array();
    for (std::size_t c = 0; c < confusion.classes(); ++c) {
        ordered_json entry{{"name", class_names[c]},
                           {"documents", confusion.documents(c)},
                           {"predicted", confusion.predicted(c)}};
        if (const auto f1 = confusion.f1(c)) entry["f1"] = *f1;
        classes.push_back(std::move(entry));
    }
    const Confusion& words = baselines.naive_bayes;
    const ordered_json json{
        {"test", std::vector<std::string>(test_paths.begin(), test_paths.end())},
        {"step", step},
        {"documents", confusion.documents()},
        {"accuracy", confusion.accuracy()},
        {"standard_error", confusion.standard_error()},
        {"macro_f1", confusion.macro_f1()},
        {"loss", results.loss},
        {"classes", classes},
        {"confusion", confusion.counts()},
        {"most_frequent",
         {{"name", class_names[baselines.most_frequent]},
          {"accuracy", baselines.most_frequent_share}}},
        {"naive_bayes",
         {{"accuracy", words.accuracy()},
          {"standard_error", words.standard_error()},
          {"macro_f1", words.macro_f1()}}}};
    return json.dump(1) + "\n";
}

}  // namespace taper::examples
