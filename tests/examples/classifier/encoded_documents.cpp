// What a classifier reads: tokens, what is held out, the order of an epoch, and padding.
#include "examples/classifier/encoded_documents.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "examples/classifier/classifier_objective.hpp"
#include "tests/support/scratch.hpp"
#include "tests/support/tokenizers.hpp"

using namespace taper;
using namespace taper::tests;
using namespace taper::examples;

namespace {

// So many documents of each class, in this order.
std::vector<std::size_t> labels_of(const std::vector<std::size_t>& counts) {
    std::vector<std::size_t> labels;
    for (std::size_t c = 0; c < counts.size(); ++c) labels.insert(labels.end(), counts[c], c);
    return labels;
}

std::vector<std::size_t> held_of_class(const std::vector<std::size_t>& counts) {
    const auto labels = labels_of(counts);
    const auto held = held_out(labels, counts.size());
    std::vector<std::size_t> found(counts.size());
    for (std::size_t i = 0; i < labels.size(); ++i) found[labels[i]] += held[i];
    return found;
}

// A document of one token, its number.
std::vector<EncodedDocument> numbered(std::size_t count) {
    std::vector<EncodedDocument> documents;
    for (std::size_t i = 0; i < count; ++i)
        documents.push_back({{static_cast<std::int32_t>(i)}, i % 3});
    return documents;
}

}  // namespace

TEST_CASE("encoded documents: the first tokens of a long one are read, and that is said") {
    const auto tokenizer = tokenizer_of(TokenizerKind::character, "abc");
    const std::vector<Document> documents{
        {"y", "abcabc", "f:1"}, {"x", "cab", "f:2"}, {"x", "abca", "f:3"}};
    const std::vector<std::string> names{"x", "y"};
    const auto encoded = encode_documents(documents, names, *tokenizer, 3, "--train");
    REQUIRE(encoded.documents.size() == 3);
    CHECK(encoded.documents[0].tokens == TokenIds{0, 1, 2});
    CHECK(encoded.documents[0].label == 1);
    CHECK(encoded.documents[1].tokens == TokenIds{2, 0, 1});
    CHECK(encoded.documents[1].label == 0);
    REQUIRE(encoded.notices.size() == 1);
    CHECK(encoded.notices[0] ==
          "--train: 2 of 3 documents have more than 3 tokens: the first 3 of each are read");
    CHECK(encode_documents(documents, names, *tokenizer, 6, "--train").notices.empty());
    CHECK(encode_documents(std::span(documents).first(1), names, *tokenizer, 3, "--text").notices ==
          std::vector<std::string>{"--text: more than 3 tokens: the first 3 are read"});
}

TEST_CASE("encoded documents: characters that the vocabulary lacks are left out, and counted") {
    const auto tokenizer = tokenizer_of(TokenizerKind::character, "abc");
    const std::vector<std::string> names{"x"};
    std::vector<Document> documents{{"x", "a\u00E9b\u20ACc", "f:1"}, {"x", "dc", "f:2"}};
    const auto encoded = encode_documents(documents, names, *tokenizer, 9, "--test");
    CHECK(encoded.documents[0].tokens == TokenIds{0, 1, 2});
    CHECK(encoded.documents[1].tokens == TokenIds{2});
    CHECK(encoded.notices ==
          std::vector<std::string>{
              "--test: characters that are not in the vocabulary are left out: 3"});
    documents[1].text = "dd";
    CHECK(refusal([&] { encode_documents(documents, names, *tokenizer, 9, "--test"); }) ==
          "f:2: a text must have a character of the vocabulary: it has none: leave it out, or "
          "train with --tokenizer byte, which knows all");
    const auto bytes = tokenizer_of(TokenizerKind::byte, "abc");
    CHECK(encode_documents(documents, names, *bytes, 9, "--test").notices.empty());
}

TEST_CASE("encoded documents: a tenth of each class is held out, at most 1000 documents in all") {
    using Counts = std::vector<std::size_t>;
    CHECK(held_of_class({100, 50, 10}) == Counts{10, 5, 1});
    CHECK(held_of_class({19, 11}) == Counts{1, 1});
    CHECK(held_of_class({1000, 3}) == Counts{100, 0});
    CHECK(held_of_class({10, 9, 9}) == Counts{1, 0, 0});
    CHECK(held_of_class({9}) == Counts{0});
    CHECK(held_of_class({9990, 10}) == Counts{999, 1});
    CHECK(held_of_class({30000, 10000, 1}) == Counts{749, 249, 0});
    CHECK(held_out(labels_of({40, 40}), 2) == held_out(labels_of({40, 40}), 2));
    for (const std::size_t documents : {18U, 10000U, 10001U, 40001U}) {
        const std::size_t fewest = fewest_with_one_held_out(documents);
        CHECK(held_of_class({documents - fewest, fewest})[1] == 1);
        CHECK(held_of_class({documents - fewest + 1, fewest - 1})[1] == 0);
    }
    // not the first ones, nor the last
    const auto held = held_out(labels_of({1000}), 1);
    const auto first_half = std::count(held.begin(), held.begin() + 500, true);
    CHECK(first_half > 25);
    CHECK(first_half < 75);
}

TEST_CASE("encoded documents: an epoch has each document once, in an order of its own") {
    EpochOrder order(100, 7);
    std::set<std::vector<std::size_t>> orders;
    std::vector<std::size_t> ascending(100);
    std::iota(ascending.begin(), ascending.end(), std::size_t{0});
    for (std::uint64_t epoch = 0; epoch < 20; ++epoch) {
        std::vector<std::size_t> seen;
        for (std::uint64_t i = 0; i < 100; ++i) seen.push_back(order(100 * epoch + i));
        orders.insert(seen);
        std::sort(seen.begin(), seen.end());
        CHECK(seen == ascending);
    }
    CHECK(orders.size() == 20);
    CHECK(orders.count(ascending) == 0);
    // by the place alone, whatever was asked before
    EpochOrder later(100, 7);
    for (const std::uint64_t place : {1999U, 500U, 501U, 0U}) CHECK(later(place) == order(place));
    EpochOrder other(100, 8);
    std::size_t same = 0;
    for (std::uint64_t i = 0; i < 100; ++i) same += other(i) == order(i);
    CHECK(same < 20);
}

TEST_CASE("encoded documents: steps go through the epochs document by document") {
    TrainingOptions options;
    options.batch = 4;
    const TrainingDocuments documents{numbered(10), {}};
    const auto tokenizer = tokenizer_of(TokenizerKind::byte, "a");
    ClassifierObjective objective(options, *tokenizer, documents);
    std::vector<std::int64_t> read;
    for (std::uint64_t step = 1; step <= 5; ++step) {
        const Batch batch = objective.training_batch(step);
        REQUIRE(batch.tokens.shape() == Shape{4, 1});
        for (std::size_t row = 0; row < 4; ++row) {
            read.push_back(batch.tokens(row, 0));
            CHECK(batch.targets(row) == batch.tokens(row, 0) % 3);
        }
    }
    for (const std::ptrdiff_t epoch : {0, 1})
        CHECK(std::set<std::int64_t>(read.begin() + 10 * epoch, read.begin() + 10 * (epoch + 1))
                  .size() == 10);
    ClassifierObjective resumed(options, *tokenizer, documents);
    const Ids fifth = resumed.training_batch(5).tokens;
    CHECK(std::equal(fifth.begin(), fifth.end(), read.begin() + 16));
}

TEST_CASE("encoded documents: a batch is as long as its longest document") {
    const std::vector<EncodedDocument> documents{{{1, 2}, 0}, {{3}, 2}, {{4, 5, 6}, 1}, {{7}, 1}};
    const auto batches = batches_of(documents, 3);
    REQUIRE(batches.size() == 2);
    CHECK(batches[0].tokens == Ids{{1, 2, 0}, {3, 0, 0}, {4, 5, 6}});
    CHECK(batches[0].targets == Ids{0, 2, 1});
    REQUIRE(batches[0].real);
    CHECK(*batches[0].real ==
          Mask({{true, true, false}, {true, false, false}, {true, true, true}}));
    CHECK(batches[1].tokens == Ids({1, 1}, 7));
    CHECK_FALSE(batches[1].real);
    CHECK(batches_of({}, 3).empty());
}
