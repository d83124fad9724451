// The SentencePiece model in a bpe tokenizer: it is used to the letter, and one of another making
// is tried before.
#include <doctest/doctest.h>
#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <unordered_map>

#include "examples/common/tokenizer.hpp"
#include "tests/support/scratch.hpp"
#include "tests/support/tokenizers.hpp"

using namespace taper::examples;
using taper::escaped;
using taper::tests::refusal;
using taper::tests::Scratch;
using taper::tests::tokenizer_of;

namespace {

const std::string two_verses =
    "In the beginning God created the heaven and the earth. And the earth was without form, and "
    "void; ";

// Not those of the sources, which they are to try.
const std::string base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string bytes_of_base64(const std::string& text) {
    std::string bytes;
    unsigned bits = 0, count = 0;
    for (const char c : text) {
        if (c == '=') break;
        bits = bits << 6 | static_cast<unsigned>(base64_digits.find(c));
        count += 6;
        if (count < 8) continue;
        count -= 8;
        bytes += static_cast<char>(bits >> count & 255);
    }
    return bytes;
}

std::string base64_of_bytes(const std::string& bytes) {
    std::string text;
    unsigned bits = 0, count = 0;
    for (const char byte : bytes) {
        bits = bits << 8 | static_cast<unsigned char>(byte);
        count += 8;
        while (count >= 6) {
            count -= 6;
            text += base64_digits[bits >> count & 63];
        }
    }
    if (count > 0) text += base64_digits[bits << (6 - count) & 63];
    while (text.size() % 4) text += '=';
    return text;
}

}  // namespace

TEST_CASE("bpe model: encodes word by word what SentencePiece encodes whole") {
    const std::string text_to_learn = two_verses + two_verses + "\u00BD  aa aaa\n";
    const auto tokenizer = tokenizer_of(TokenizerKind::bpe, text_to_learn, 320);
    const nlohmann::json file = nlohmann::json::parse(tokenizer->to_json());
    sentencepiece::SentencePieceProcessor whole;
    REQUIRE(whole.LoadFromSerializedProto(bytes_of_base64(file["sentencepiece"])).ok());
    const std::string parts[] = {" ",          "  ",   "\n",   "\t",   "\u00BD", "\u2026",
                                 "\U0001F600", "aaaa", " and", "\r\n", "<unk>"};
    std::mt19937 random(4);
    for (int i = 0; i < 1000; ++i) {
        std::string text;
        for (int part = 0; part < 6; ++part)
            text += two_verses.substr(random() % two_verses.size(), random() % 30) +
                    parts[random() % std::size(parts)];
        std::vector<int> piece_ids;
        REQUIRE(whole.Encode(text, &piece_ids).ok());
        const TokenIds ids = tokenizer->encode(text);
        REQUIRE(ids.size() == piece_ids.size());
        for (std::size_t j = 0; j < ids.size(); ++j) {
            std::string piece = whole.IdToPiece(piece_ids[j]);
            if (whole.IsByte(piece_ids[j])) {  // <0xNN>
                const int byte = std::stoi(piece.substr(3, 2), nullptr, 16);
                piece = std::string(1, static_cast<char>(byte));
            }
            if (piece.starts_with("\u2581")) piece.replace(0, 3, " ");
            if (tokenizer->decode(TokenIds{ids[j]}) != piece) FAIL(escaped(text));
        }
    }
}

TEST_CASE("bpe model: a model of another making must give every text back, word by word") {
    class Verse final : public sentencepiece::SentenceIterator {
        bool done() const override { return done_; }
        void Next() override { done_ = true; }
        const std::string& value() const override { return line_; }
        sentencepiece::util::Status status() const override { return {}; }
        std::string line_ = two_verses;
        bool done_ = false;
    };
    // Trains with our options but for some changes, and loads the model from a file.
    const auto load = [](const std::unordered_map<std::string, std::string>& changes) {
        std::unordered_map<std::string, std::string> options = {
            {"model_type", "bpe"},
            {"vocab_size", "330"},
            {"byte_fallback", "true"},
            {"hard_vocab_limit", "false"},
            {"normalization_rule_name", "identity"},
            {"add_dummy_prefix", "false"},
            {"remove_extra_whitespaces", "false"},
            {"minloglevel", "3"}};
        for (const auto& [key, value] : changes) options[key] = value;
        Verse sentences;
        std::string model;
        REQUIRE(sentencepiece::SentencePieceTrainer::Train(options, &sentences, &model).ok());
        const Scratch scratch;
        const nlohmann::json file = {
            {"type", "bpe"}, {"mask", true}, {"sentencepiece", base64_of_bytes(model)}};
        const std::string path = scratch.file("tokenizer.json", file.dump());
        const std::string message = refusal([&] {
            const auto loaded = Tokenizer::load(path);
            CHECK(loaded->decode(loaded->encode(" the  end\n")) == " the  end\n");
            for (std::int32_t id = 0; id < loaded->size(); ++id) {
                CHECK(loaded->spelling(id) != "<s>");
                CHECK(loaded->spelling(id) != "<unk>");
            }
        });
        return message.substr(std::min(message.size(), path.size()));
    };
    CHECK(load({}) == "");
    const std::string changes_text =
        ": \"sentencepiece\": the model must give every text back: it changes ";
    CHECK(load({{"normalization_rule_name", "nmt_nfkc"}})
              .starts_with(": \"sentencepiece\": the precompiled_charsmap must be empty, as in "));
    CHECK(load({{"add_dummy_prefix", "true"}}).starts_with(changes_text));
    CHECK(load({{"remove_extra_whitespaces", "true"}}).starts_with(changes_text));
    CHECK(load({{"byte_fallback", "false"}, {"vocab_size", "60"}}).starts_with(changes_text));
    CHECK(
        load({{"split_by_whitespace", "false"}})
            .starts_with(
                ": \"sentencepiece\": a token may hold a space or newline only at its start: \""));
}

TEST_CASE("bpe model: what SentencePiece would trust is refused before it reads it") {
    nlohmann::json file =
        nlohmann::json::parse(tokenizer_of(TokenizerKind::bpe, two_verses, 300)->to_json());
    const std::string good = bytes_of_base64(file["sentencepiece"]);
    const auto load = [&](const std::string& model) {
        file["sentencepiece"] = base64_of_bytes(model);
        return refusal([&] {
            const auto loaded = Tokenizer::from_json(file.dump(), "file");
            loaded->decode(loaded->encode(two_verses));
        });
    };
    // A field of protobuf that holds bytes.
    const auto field = [](int number, const std::string& bytes) {
        return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} +
               bytes;
    };
    const auto refuses = [&](const std::string& more, const std::string& rule) {
        CAPTURE(rule);
        CHECK(load(good + more).starts_with("file: \"sentencepiece\": " + rule));
    };
    CHECK(load(good) == "");
    const std::string charsmap = "the precompiled_charsmap must be empty";
    refuses(field(3, field(2, "x")), charsmap);
    refuses(field(3, field(2, std::string("\xFF\xFF\xFF\x7F", 4) + "abcd")), charsmap);
    // A false map.
    refuses(field(3, field(2, std::string("\x08\0\0\0", 4) + std::string(16, '\xFF'))), charsmap);
    refuses(field(3, field(7, "x")), "the normalizer_spec may hold");
    for (const int number : {4, 5, 6, 15})
        refuses(field(number, field(2, "x")), "the model may hold");
    refuses(field(1, field(1, "x") + "\x18\x04"), "the type of a piece");  // user defined
    refuses(field(1, field(1, "x") + std::string("\x15\x00\x00\xC0\x7F", 5)),
            "a score must be finite");
    refuses(field(1, field(4, "x")), "a piece may hold");
    refuses(field(2, "\x18\x01"), "the model_type must be 2 (bpe)");  // unigram
    const std::string no_model = "the value must be a SentencePiece model in base64: it is not";
    for (const char* bytes :
         {"\x0A", "\x0A\x7F", "\x0B", "\x80", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"})
        refuses(bytes, no_model);

    // A byte changed anywhere is refused or harmless.
    std::mt19937 random(7);
    for (int i = 0; i < 4000; ++i) {
        std::string bad = good;
        // What is no piece stands at the end: there more often.
        const std::size_t begin = i % 2 ? 0 : bad.size() - std::min<std::size_t>(bad.size(), 100);
        for (int changes = 1 + i % 3; changes > 0; --changes) {
            const char byte = static_cast<char>(random() % 256);
            bad[begin + random() % (bad.size() - begin)] = byte;
        }
        const std::string message = load(bad);
        CHECK(
            (message == "" || message.starts_with("file: ") || message.starts_with("tokenizer: ")));
    }
}
