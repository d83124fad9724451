// The test of a classifier that is trained: its numbers, those of what it is held against, in a
// table for people and in results.json.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "examples/classifier/confusion.hpp"
#include "examples/classifier/documents.hpp"
#include "examples/classifier/encoded_documents.hpp"

namespace taper::examples {

// What needs no model, on the same documents: trained on those that train, judged on the test's.
struct Baselines {
    std::size_t most_frequent;   // the class that most documents are of that train
    double most_frequent_share;  // of the test's documents: what always guessing it gets right
    Confusion naive_bayes;
};
// held_out: which of the documents of --train do not train. At least one of each is there.
Baselines baselines_of(std::span<const Document> train, const std::vector<bool>& held_out,
                       std::span<const Document> test, std::span<const std::string> class_names);

struct TestResults {
    Confusion confusion;
    double loss;  // nats per document
};
// None: a signal asks the program to stop. NotFinite: a logit is not finite.
std::optional<TestResults> judge(const nn::Linformer<float>& model,
                                 std::span<const EncodedDocument> documents, std::size_t rows);

// Lines for people. step: after which the model was judged, the last one.
std::string report_of(const TestResults& results, const Baselines& baselines,
                      std::span<const std::string> class_names, std::uint64_t step);

// One JSON object:
//     test                      the paths of --test
//     step                      steps trained
//     documents                 N
//     accuracy, standard_error  p, sqrt(p (1 - p) / N)
//     macro_f1                  the mean of the f1 of the classes with documents
//     loss                      nats per document
//     classes                   a list: name, documents, predicted, f1 (none: never true, never
//                               predicted)
//     confusion                 a list of rows: by row the true class, by column the predicted one
//     most_frequent             name and accuracy of the guess
//     naive_bayes               accuracy, standard_error, macro_f1
std::string results_json(const TestResults& results, const Baselines& baselines,
                         std::span<const std::string> class_names,
                         std::span<const std::string> test_paths, std::uint64_t step);

}  // namespace taper::examples
