#include "examples/classifier/encoded_documents.hpp"

#include <algorithm>
#include <numeric>
#include <set>

#include "core/error.hpp"
#include "core/kernels/parallel.hpp"
#include "examples/common/progress.hpp"
#include "examples/common/shuffle.hpp"

namespace taper::examples {

namespace {

// The characters of a char tokenizer; none of another kind, which knows all.
class Alphabet {
  public:
    explicit Alphabet(const Tokenizer& tokenizer)
        : knows_all_(tokenizer.kind() != TokenizerKind::character) {
        if (knows_all_) return;
        for (std::int32_t id = 0; id < tokenizer.size(); ++id)
            characters_.insert(tokenizer.decode(std::span(&id, 1)));
    }

    // Without the characters that are unknown, whose number is returned.
    std::size_t reduce(std::string& text) const {
        if (knows_all_) return 0;
        std::string known;
        std::size_t unknown = 0;
        for (const CodePoint& c : CodePoints(text)) {
            if (characters_.contains(c.bytes)) known += c.bytes;
            else ++unknown;
        }
        text = known;
        return unknown;
    }

  private:
    bool knows_all_;
    std::set<std::string, std::less<>> characters_;
};

std::vector<std::size_t> shuffled(std::size_t count, const Random& random) {
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    shuffle(order, random);
    return order;
}

}  // namespace

EncodedDocuments encode_documents(std::span<const Document> documents,
                                  std::span<const std::string> class_names,
                                  const Tokenizer& tokenizer, std::size_t length,
                                  const std::string& subject) {
    const Alphabet alphabet(tokenizer);
    EncodedDocuments encoded;
    std::size_t unknown = 0;
    std::size_t overlong = 0;
    for (const Document& document : documents) {
        std::string text = document.text;
        unknown += alphabet.reduce(text);
        if (text.empty())
            throw Error(document.place +
                        ": a text must have a character of the vocabulary: it has none: leave it "
                        "out, or train with --tokenizer byte, which knows all");
        TokenIds tokens = tokenizer.encode(text, document.place);
        if (tokens.size() > length) {
            ++overlong;
            tokens.resize(length);
            tokens.shrink_to_fit();
        }
        encoded.documents.push_back({std::move(tokens), class_of(document, class_names)});
    }
    if (unknown > 0)
        encoded.notices.push_back(
            subject +
            ": characters that are not in the vocabulary are left out: " + grouped(unknown));
    if (overlong == 0) return encoded;
    const bool is_one = documents.size() == 1;
    encoded.notices.push_back(
        subject + ": " +
        (is_one ? ""
                : grouped(overlong) + " of " + grouped(documents.size()) + " documents have ") +
        "more than " + counted(length, "token", "tokens") + ": the first " + grouped(length) +
        (is_one ? "" : " of each") + (length == 1 ? " is read" : " are read"));
    return encoded;
}

std::size_t fewest_with_one_held_out(std::size_t documents) {
    return std::max(std::size_t{10}, ceil_quotient(documents, most_validation_documents));
}

std::vector<bool> held_out(std::span<const std::size_t> labels, std::size_t classes) {
    const std::size_t all = std::max(labels.size(), 10 * most_validation_documents);
    std::vector<std::vector<std::size_t>> of_class(classes);
    for (std::size_t i = 0; i < labels.size(); ++i) of_class[labels[i]].push_back(i);
    std::vector<bool> held(labels.size(), false);
    const Random random(0, "held out");
    for (std::size_t c = 0; c < classes; ++c) {
        const auto& members = of_class[c];
        const auto order =
            shuffled(members.size(), random.substream(static_cast<std::uint32_t>(c)));
        const std::size_t count = members.size() * most_validation_documents / all;
        for (std::size_t i = 0; i < count; ++i) held[members[order[i]]] = true;
    }
    return held;
}

std::size_t EpochOrder::operator()(std::uint64_t place) {
    const std::uint64_t epoch = place / count_;
    if (order_.empty() || epoch != epoch_) {
        epoch_ = epoch;
        order_ = shuffled(count_,
                          Random(seed_, "documents").substream(static_cast<std::uint32_t>(epoch)));
    }
    return order_[place % count_];
}

Batch batch_of(std::span<const EncodedDocument* const> documents) {
    std::size_t longest = 0;
    std::size_t shortest = documents[0]->tokens.size();
    for (const EncodedDocument* document : documents) {
        longest = std::max(longest, document->tokens.size());
        shortest = std::min(shortest, document->tokens.size());
    }
    const std::size_t rows = documents.size();
    Batch batch{Ids({rows, longest}, 0), empty<std::int64_t>({rows})};
    if (shortest != longest) batch.real = Mask({rows, longest}, false);
    for (std::size_t row = 0; row < rows; ++row) {
        const TokenIds& tokens = documents[row]->tokens;
        for (std::size_t t = 0; t < tokens.size(); ++t) {
            batch.tokens(row, t) = tokens[t];
            if (batch.real) (*batch.real)(row, t) = true;
        }
        batch.targets(row) = static_cast<std::int64_t>(documents[row]->label);
    }
    return batch;
}

std::vector<Batch> batches_of(std::span<const EncodedDocument> documents, std::size_t rows) {
    std::vector<Batch> batches;
    std::vector<const EncodedDocument*> batch;
    for (const EncodedDocument& document : documents) {
        batch.push_back(&document);
        const bool is_last = &document == &documents.back();
        if (batch.size() < rows && !is_last) continue;
        batches.push_back(batch_of(batch));
        batch.clear();
    }
    return batches;
}

}  // namespace taper::examples
