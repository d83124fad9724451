// Documents as a model reads them: cut into tokens, a part held out, in an order that is another in
// each epoch, and padded into batches.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "examples/classifier/documents.hpp"
#include "examples/common/tokenizer.hpp"
#include "examples/language_model/objective.hpp"

namespace taper::examples {

struct EncodedDocument {
    TokenIds tokens;    // at least one
    std::size_t label;  // the number of its class
};

struct EncodedDocuments {
    std::vector<EncodedDocument> documents;
    std::vector<std::string> notices;  // one line each, for the user
};

// Each document's first tokens, at most `length` of them. Characters that the vocabulary of a char
// tokenizer lacks are left out. Both are said, with their counts and the subject. Error: nothing is
// left of a document.
EncodedDocuments encode_documents(std::span<const Document> documents,
                                  std::span<const std::string> class_names,
                                  const Tokenizer& tokenizer, std::size_t length,
                                  const std::string& subject);

// Validation looks at so many documents, and at fewer of a small set.
inline constexpr std::size_t most_validation_documents = 1000;

// Which of the documents with these labels are held out: of each class the same share, a tenth, or
// what makes most_validation_documents in all if that is less, rounded down. The same ones every
// time.
std::vector<bool> held_out(std::span<const std::size_t> labels, std::size_t classes);
// How many a class must have, of so many documents in all, for one of them to be held out.
std::size_t fewest_with_one_held_out(std::size_t documents);

// The order of training: each epoch has each of `count` documents once, in an order that is drawn
// with the seed.
class EpochOrder {
  public:
    EpochOrder(std::size_t count, std::uint64_t seed) : count_(count), seed_(seed) {}
    // Of the document at this place, counted from 0 over all epochs.
    std::size_t operator()(std::uint64_t place);

  private:
    std::size_t count_;
    std::uint64_t seed_;
    std::uint64_t epoch_ = 0;
    std::vector<std::size_t> order_;  // of that epoch; empty: not drawn yet
};

// As long as the longest of them, the others padded; real: none where all are as long.
Batch batch_of(std::span<const EncodedDocument* const> documents);
// All of them, so many rows a batch.
std::vector<Batch> batches_of(std::span<const EncodedDocument> documents, std::size_t rows);

}  // namespace taper::examples
