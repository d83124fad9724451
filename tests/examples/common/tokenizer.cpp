// Characters and bytes, and what all tokenizers share: text comes back, special ids never come from
// text; the files.
#include "examples/common/tokenizer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>

#include "tests/support/scratch.hpp"
#include "tests/support/tokenizers.hpp"

using namespace taper::examples;
using namespace std::string_literals;
using taper::escaped;
using taper::tests::all_below;
using taper::tests::build_from;
using taper::tests::contains;
using taper::tests::refusal;
using taper::tests::Scratch;
using taper::tests::tokenizer_of;

namespace {

constexpr TokenizerKind all_kinds[] = {TokenizerKind::character, TokenizerKind::byte,
                                       TokenizerKind::bpe};

const std::string first_line = "In the beginning God created the heaven and the earth.\n";

}  // namespace

TEST_CASE("tokenizer: the names of the kinds") {
    for (const char* name : {"char", "byte", "bpe"})
        CHECK(name_of(tokenizer_kind_from(name)) == name);
    CHECK(refusal([] { tokenizer_kind_from("word"); }) ==
          "--tokenizer: the kind must be char, byte or bpe: word");
    CHECK(encoding_of(TokenizerKind::byte) == Encoding::bytes);
    CHECK(encoding_of(TokenizerKind::character) == Encoding::utf8);
    CHECK(encoding_of(TokenizerKind::bpe) == Encoding::utf8);
}

TEST_CASE("tokenizer: char numbers the distinct characters of all texts in order") {
    const Text texts[] = {{"a.txt", "ba\r\n"}, {"b.txt", "\U0001F600\u00E9b"}};
    const auto tokenizer = build_tokenizer(TokenizerKind::character, texts, {}, true).tokenizer;
    CHECK(tokenizer->size() == 6);
    CHECK(tokenizer->vocab_size() == 7);
    CHECK(tokenizer->mask_id() == 6);
    CHECK(tokenizer->encode("\n\rab\u00E9\U0001F600") == TokenIds{0, 1, 2, 3, 4, 5});
    CHECK(tokenizer->decode(TokenIds{5, 4, 3}) == "\U0001F600\u00E9b");
    CHECK(tokenizer->encode("").empty());
}

TEST_CASE("tokenizer: byte takes anything") {
    const auto tokenizer = tokenizer_of(TokenizerKind::byte, "x", {}, false);
    CHECK(tokenizer->size() == 256);
    CHECK(tokenizer->vocab_size() == 256);
    CHECK(!tokenizer->mask_id());
    std::mt19937 random(2);
    for (int i = 0; i < 10'000; ++i) {
        std::string bytes(random() % 20, ' ');
        for (char& byte : bytes) byte = static_cast<char>(random() % 256);
        const TokenIds ids = tokenizer->encode(bytes);
        if (ids.size() != bytes.size() || !all_below(ids, 256) || tokenizer->decode(ids) != bytes)
            FAIL(escaped(bytes));
    }
    CHECK(tokenizer->encode("\xFF\0"s) == TokenIds{255, 0});
}

TEST_CASE("tokenizer: char refuses what it does not know, by character and place") {
    const auto tokenizer = tokenizer_of(TokenizerKind::character, "abc\u00E9\uFFFD");
    CHECK(refusal([&] { tokenizer->encode("ab\u00E9\u00A7c", "--prompt"); }) ==
          "--prompt: every character must be in the vocabulary: '\u00A7' at position 3 is not "
          "(U+00A7)");
    CHECK(refusal([&] { tokenizer->encode("\U0001F600"); }) ==
          "text: every character must be in the vocabulary: '\U0001F600' at position 0 is not "
          "(U+1F600)");
    CHECK(
        refusal([&] { tokenizer->encode("a\nb", "--prompt"); }) ==
        "--prompt: every character must be in the vocabulary: '\\n' at position 1 is not (U+000A)");
    CHECK(refusal([&] { tokenizer->encode("ab\x92", "--prompt"); }) ==
          "--prompt: every character must be in the vocabulary: '\\x92' at position 2 is not even "
          "UTF-8");
}

TEST_CASE("tokenizer: a size is chosen only for bpe") {
    for (const TokenizerKind kind : {TokenizerKind::character, TokenizerKind::byte})
        CHECK(refusal([&] { build_from(kind, "abc", 300); }) ==
              "--vocab: the size of a vocabulary can be chosen only with --tokenizer bpe: "
              "--tokenizer " +
                  name_of(kind));
}

TEST_CASE("tokenizer: [MASK] in a text is letters") {
    const std::string text = first_line + "[MASK]\n" + first_line + "[MASK][MASK]\n[MASK]";
    for (const TokenizerKind kind : all_kinds) {
        const auto tokenizer = tokenizer_of(kind, text);
        const TokenIds ids = tokenizer->encode(text);
        CHECK(all_below(ids, tokenizer->size()));
        CHECK(tokenizer->decode(ids) == text);
    }
}

TEST_CASE("tokenizer: encode_with_masks puts the mask's id for each [MASK]") {
    const auto letters = tokenizer_of(TokenizerKind::character, "ab ");
    const std::int32_t mask = 3;  // " ab": 0 1 2
    const auto encode = [&](std::string_view text) {
        return encode_with_masks(*letters, text, "--text");
    };
    CHECK(encode("[MASK]") == TokenIds{mask});
    CHECK(encode("a [MASK][MASK] b") == TokenIds{1, 0, mask, mask, 0, 2});
    CHECK(encode("[MASK]a[MASK]") == TokenIds{mask, 1, mask});
    for (const std::string none : {"a b", "[mask]", "", "MASK", "[MASK"})
        CHECK(refusal([&] { encode(none); }) ==
              "--text: the text must hold at least one mask, spelled [MASK]: " + none);
    CHECK(refusal([&] { encode("a\u00A7 [MASK]"); }) ==
          "--text: every character must be in the vocabulary: '\u00A7' at position 1 is not "
          "(U+00A7)");
    CHECK(refusal([&] { encode("a [MASK] \u00A7"); }) ==  // the place in the whole text
          "--text: every character must be in the vocabulary: '\u00A7' at position 9 is not "
          "(U+00A7)");
    const auto accented = tokenizer_of(TokenizerKind::character, "ab \u00E9");
    // not in bytes
    CHECK(refusal(
              [&] { encode_with_masks(*accented, "\u00E9\u00E9[MASK]\u00E9\u00A7", "--text"); }) ==
          "--text: every character must be in the vocabulary: '\u00A7' at position 9 is not "
          "(U+00A7)");
    const auto learned = tokenizer_of(TokenizerKind::bpe, "ab \u00E9", 260);
    CHECK(refusal([&] { encode_with_masks(*learned, "\u00E9\u00E9[MASK]\u00E9\x92", "--text"); }) ==
          "--text: the text must be valid UTF-8: '\\x92' at position 9 is not");

    const auto causal = tokenizer_of(TokenizerKind::character, "ab ", {}, false);
    CHECK(refusal([&] { encode_with_masks(*causal, "[MASK]", "--text"); }) ==
          "--text: a mask needs a masked language model: this model's tokenizer has none");
}

TEST_CASE("tokenizer: what people see") {
    const auto tokenizer = tokenizer_of(TokenizerKind::byte, "x");
    CHECK(tokenizer->show(TokenIds{'a', 256, '\n', 0xC3, 0xA9, 0x92}) == "a[MASK]\n\u00E9\uFFFD");
    CHECK(tokenizer->spelling(256) == "[MASK]");
    CHECK(tokenizer->spelling('\n') == "\\n");
    CHECK(tokenizer->spelling(0x92) == "\\x92");
    CHECK(tokenizer->spelling(' ') == " ");

    CHECK(refusal([&] { tokenizer->decode(TokenIds{256}); }) ==
          "tokenizer: the id of a token must be in 0..255: 256 (the mask)");
    for (const std::int32_t id : {-1, 257}) {
        const std::string message =
            "tokenizer: the id of a token must be in 0..255: " + std::to_string(id);
        CHECK(refusal([&] { tokenizer->decode(TokenIds{id}); }) == message);
        CHECK(refusal([&] { tokenizer->show(TokenIds{id}); }) == message);
        CHECK(refusal([&] { tokenizer->spelling(id); }) == message);
    }
    CHECK(refusal([&] { tokenizer_of(TokenizerKind::byte, "x", {}, false)->spelling(256); }) != "");
}

TEST_CASE("tokenizer: saved, loaded, and the same, built twice, and the same") {
    const Scratch scratch;
    const std::string text = first_line + "\"\\\u00BD\u2026 \0\x7F \U0001F600\r\n"s;
    for (const TokenizerKind kind : all_kinds) {
        for (const bool mask : {true, false}) {
            const auto built = tokenizer_of(kind, text, {}, mask);
            const std::string path = scratch.path("tokenizer.json");
            built->save(path);
            const auto loaded = Tokenizer::load(path);
            CHECK(loaded->kind() == kind);
            CHECK(loaded->vocab_size() == built->vocab_size());
            CHECK(loaded->mask_id() == built->mask_id());
            CHECK(loaded->encode(text) == built->encode(text));
            CHECK(loaded->to_json() == built->to_json());
            CHECK(tokenizer_of(kind, text, {}, mask)->to_json() == built->to_json());
        }
    }
    CHECK(tokenizer_of(TokenizerKind::character, "b\n\"a")->to_json() ==
          "{\"type\":\"char\",\"mask\":true,\"characters\":\"\\n\\\"ab\"}\n");
}

TEST_CASE("tokenizer: the hash tells another one from the same") {
    std::set<std::string> hashes;
    for (const std::string letters : {"abc", "abd", "abcd"})
        for (const bool mask : {false, true})
            hashes.insert(tokenizer_of(TokenizerKind::character, letters, {}, mask)->hash());
    for (const bool mask : {false, true})
        hashes.insert(tokenizer_of(TokenizerKind::byte, "x", {}, mask)->hash());
    const std::string json = "{\"type\":\"char\",\"mask\":false,\"characters\":\"cba\"}";
    hashes.insert(Tokenizer::from_json(json, "json")->hash());
    CHECK(hashes.size() == 9);
    for (const std::string& hash : hashes) CHECK(hash.size() == 16);
    CHECK(tokenizer_of(TokenizerKind::character, "cab", {}, true)->hash() ==
          tokenizer_of(TokenizerKind::character, "abc", {}, true)->hash());
}

TEST_CASE("tokenizer: a file that is no tokenizer is refused, by file, key and rule") {
    const Scratch scratch;
    const auto load = [&](const std::string& bytes) {
        const std::string path = scratch.file("tokenizer.json", bytes);
        const std::string message = refusal([&] { Tokenizer::load(path); });
        REQUIRE(message.starts_with(path + ": "));
        return message.substr(path.size() + 2);
    };
    const std::string missing = scratch.path("missing.json");
    CHECK(refusal([&] { Tokenizer::load(missing); }) ==
          missing + ": the file must exist and be readable: No such file or directory");

    CHECK(contains(load(""), "JSON object"));
    CHECK(load("{") ==
          "the file must be a JSON object: parse error at line 1, column 2: syntax error while "
          "parsing ...");
    CHECK(contains(load("\x89PNG\r\n"), "JSON object"));
    CHECK(contains(load("{\"type\": \"byte\\ud800\", \"mask\": true}"), "JSON object"));
    CHECK(contains(load(std::string(100'000, '[')), "JSON object"));
    CHECK(contains(load("1e400"), "JSON object"));
    CHECK(contains(load("{\"type\": -1e999}"), "JSON object"));
    CHECK(
        contains(load("{\"type\": " + std::string(400'000, '[') + std::string(400'000, ']') + "}"),
                 "nested"));
    CHECK(load("[1]") == "the file must be a JSON object: [1]");
    CHECK(load("{}") == "\"type\": the key must be there: it is missing");
    CHECK(load(R"({"type": 1})") == "\"type\": the value must be a string: it is number");
    CHECK(load(R"({"type": "word"})") == "\"type\": the type must be char, byte or bpe: word");
    CHECK(load(R"({"type": "byte"})") == "\"mask\": the key must be there: it is missing");
    CHECK(load(R"({"type": "byte", "mask": 1})") ==
          "\"mask\": the value must be true or false: it is number");
    CHECK(load(R"({"type": "byte", "mask": true, "mask": true})") ==
          "the file must be a JSON object: a key must stand once: mask");
    CHECK(load(R"({"type": "byte", "mask": true, "x\n": 0})") ==
          "\"x\\n\": every key must be known: this one is not");
    CHECK(load(R"({"type": "byte", "mask": true, "characters": "a"})") ==
          "\"characters\": every key must be known: this one is not");
    CHECK(load(R"({"type": "char", "mask": true})") ==
          "\"characters\": the key must be there: it is missing");
    CHECK(load(R"({"type": "char", "mask": true, "characters": ["a"]})") ==
          "\"characters\": the value must be a string: it is array");
    CHECK(load(R"({"type": "char", "mask": true, "characters": ""})") ==
          "\"characters\": there must be at least one character: there is none");
    CHECK(load(R"({"type": "char", "mask": true, "characters": "abca"})") ==
          "\"characters\": no character may come twice: 'a' does");
    CHECK(load(R"({"type": "bpe", "mask": true})") ==
          "\"sentencepiece\": the key must be there: it is missing");
    for (const std::string bad : {"", "AAAA", "A", "A===", "AA=A", "####", "=", "AA\\nA"})
        CHECK(load(R"({"type": "bpe", "mask": true, "sentencepiece": ")" + bad + "\"}") ==
              "\"sentencepiece\": the value must be a SentencePiece model in base64: it is not");

    const std::string good =
        tokenizer_of(TokenizerKind::bpe, "the heaven and the earth\n", 260)->to_json();
    const std::size_t start = good.find("sentencepiece") + 16;
    for (std::size_t place = start; place < good.size() - 4; place += 97) {
        std::string bad = good;
        bad[place] = '#';
        CHECK(load(bad) ==
              "\"sentencepiece\": the value must be a SentencePiece model in base64: it is not");
    }

    // A model cut anywhere, or with a letter changed, is refused or works; nothing worse.
    std::mt19937 random(5);
    for (int i = 0; i < 300; ++i) {
        std::string bad = good;
        const auto random_place = [&] { return start + random() % (bad.size() - start - 3); };
        if (i % 2) {
            const std::size_t length = 1 + random() % 40;
            bad.erase(random_place(), length);
        } else {
            const char letter = "AZaz09+/"[random() % 8];
            bad[random_place()] = letter;
        }
        const std::string path = scratch.file("tokenizer.json", bad);
        const std::string message = refusal([&] {
            const auto loaded = Tokenizer::load(path);
            CHECK(all_below(loaded->encode("the earth \u00E9\u2581\n"), loaded->size()));
        });
        CHECK((message == "" || message.starts_with(path)));
    }
}
