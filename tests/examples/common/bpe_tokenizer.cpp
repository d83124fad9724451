// The bpe tokenizer: every text comes back, whatever it was trained on; the vocabulary has the size
// that was asked for.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <random>

#include "examples/common/tokenizer.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/scratch.hpp"
#include "tests/support/tokenizers.hpp"

using namespace taper::examples;
using namespace std::string_literals;
using taper::escaped;
using taper::tests::all_below;
using taper::tests::build_from;
using taper::tests::refusal;
using taper::tests::Scratch;
using taper::tests::tokenizer_of;

namespace {

const Text& english() {
    static const Text text = [] {
        const std::string words[] = {"the", "beginning", "God", "created", "heaven",
                                     "and", "earth",     "was", "without", "form"};
        std::mt19937 random(1);
        Text result{"english.txt", ""};
        for (int line = 0; line < 200; ++line) {
            for (int i = 0; i < 12; ++i)
                result.bytes += words[random() % std::size(words)] + (i % 5 ? " " : ", ");
            result.bytes += "\n";
        }
        return result;
    }();
    return text;
}

BuiltTokenizer build_bpe(const std::string& text, std::int64_t vocab, bool mask = true) {
    return build_from(TokenizerKind::bpe, text, vocab, mask);
}

std::unique_ptr<Tokenizer> bpe(const std::string& text, std::int64_t vocab) {
    return tokenizer_of(TokenizerKind::bpe, text, vocab);
}

// What went wrong somewhere once: spaces, newlines, SentencePiece's own characters and spellings,
// NUL, emoji.
std::string random_text(std::mt19937& random) {
    static const std::string parts[] = {
        "\n",     " ",      "  ",     "the ",   " God",       "aaa",     "a",      "\u00BD",
        "\u2026", "\uFE30", "\u2581", "\u2585", "\U0001F600", "\0"s,     "\t",     "\r\n",
        "<unk>",  "<0x0A>", "[MASK]", "\uFEFF", "\uFFFD",     "e\u0301", "\u0430", "\u4E2D"};
    std::string text;
    for (std::size_t length = random() % 12; length > 0; --length) {
        if (random() % 4) {
            text += parts[random() % std::size(parts)];
        } else {  // any code point of two bytes or, rarely, of three
            const auto value = random() % 8 ? 0x80 + random() % 0x780 : 0x800 + random() % 0xD000;
            if (value < 0x800) {
                text += {static_cast<char>(0xC0 | value >> 6),
                         static_cast<char>(0x80 | (value & 0x3F))};
            } else {
                text += {static_cast<char>(0xE0 | value >> 12),
                         static_cast<char>(0x80 | (value >> 6 & 0x3F)),
                         static_cast<char>(0x80 | (value & 0x3F))};
            }
        }
    }
    return text;
}

}  // namespace

TEST_CASE("bpe tokenizer: refuses what is not UTF-8") {
    const auto tokenizer = bpe(english().bytes, 300);
    CHECK(refusal([&] { tokenizer->encode("\u00E9 \xE2\x82", "--prompt"); }) ==
          "--prompt: the text must be valid UTF-8: '\\xE2' at position 2 is not");
}

TEST_CASE("bpe tokenizer: gives every text back") {
    std::mt19937 random(3);
    std::string mixed = english().bytes;
    for (int i = 0; i < 400; ++i) mixed += random_text(random) + "\n";
    const auto plain = bpe(english().bytes, 300), wide = bpe(mixed, 1000);
    CHECK(plain->vocab_size() == 300);
    CHECK(wide->vocab_size() == 1000);
    for (int i = 0; i < 10'000; ++i) {
        const std::string text = random_text(random);
        for (const Tokenizer* tokenizer : {plain.get(), wide.get()}) {
            const TokenIds ids = tokenizer->encode(text);
            if (!all_below(ids, tokenizer->size()) || tokenizer->decode(ids) != text)
                FAIL(escaped(text));
        }
    }
    CHECK(wide->decode(wide->encode(mixed)) == mixed);
}

TEST_CASE("bpe tokenizer: learns whole words and spends no id on what text cannot become") {
    const auto tokenizer = bpe(english().bytes, 400);
    CHECK(tokenizer->encode(" beginning God").size() == 2);
    CHECK(tokenizer->encode("\n").size() == 1);
    CHECK(tokenizer->encode("\t").size() == 1);
    // Each single byte that a text can lead to is one token or part of a character; the others have
    // no id.
    int bytes_beyond_ascii = 0;
    for (std::int32_t id = 0; id < tokenizer->size(); ++id) {
        const std::string token = tokenizer->decode(TokenIds{id});
        CHECK(!token.empty());
        if (token.size() == 1 && static_cast<unsigned char>(token[0]) >= 0x80) {
            ++bytes_beyond_ascii;
        } else {
            CHECK(tokenizer->decode(tokenizer->encode(token)) == token);
            if (token.size() == 1) CHECK(tokenizer->encode(token) == TokenIds{id});
        }
    }
    CHECK(bytes_beyond_ascii == 115);
}

TEST_CASE("bpe tokenizer: never joins over the end of a line") {
    const auto tokenizer = bpe(std::string(2000, '\n') + "a\nb", 300);
    CHECK(tokenizer->encode("\n\n\n\n").size() == 4);
    std::string quotes;
    for (int i = 0; i < 100; ++i) quotes += "\"Yes.\"\n";
    const auto quoting = bpe(quotes, 260);
    CHECK(quoting->encode("\"\n\"").size() == 3);
    CHECK(quoting->encode(".\"").size() == 1);  // though it joins signs
}

TEST_CASE("bpe tokenizer: takes any text to learn from") {
    const std::string any[] = {"a",
                               "\n",
                               "\n\n\n",
                               " ",
                               "\t\t",
                               "\u2581\u2585\u2581",
                               "\0\0"s,
                               "<unk><unk> <unk>",
                               "<0x41>",
                               "a b c d",
                               "a\nb\nc",
                               "\r\n\r\n",
                               "\U0001F600",
                               std::string(100'000, 'a'),
                               std::string(5'000, ' '),
                               "tab\tseparated\tvalues\ntab\tseparated\tvalues\n"};
    for (const std::string& text : any) {
        CAPTURE(escaped(text.substr(0, 50)));
        const auto tokenizer = bpe(text, 300);
        CHECK(tokenizer->decode(tokenizer->encode(text)) == text);
        CHECK(tokenizer->decode(tokenizer->encode(" some \u2581 other\n")) ==
              " some \u2581 other\n");
    }
    const auto tabs = bpe(any[std::size(any) - 1], 300);
    CHECK(tabs->encode("separated").size() == 1);  // SentencePiece would skip a line for its U+2585
    std::string marked;
    for (int i = 0; i < 50; ++i) marked += "wonderful \u2585 \u2581wonderful\n";
    CHECK(bpe(marked, 300)->encode("wonderful").size() == 1);
}

TEST_CASE("bpe tokenizer: uses a line of 200 kB, with spaces or without") {
    std::string line;
    while (line.size() < 200'000) line += "wonderful things ";
    CHECK(bpe(line, 300)->encode(" things").size() == 1);
    std::erase(line, ' ');
    const auto tokenizer = bpe(line, 300);
    CHECK(tokenizer->encode(line).size() < line.size() / 8);  // tokens as long as words
    CHECK(tokenizer->decode(tokenizer->encode(line)) == line);
}

TEST_CASE("bpe tokenizer: with a vocabulary too large takes what there is and says so") {
    const std::string text = english().bytes.substr(0, 300);
    const BuiltTokenizer built = build_bpe(text, 100'000);
    const std::int64_t size = built.tokenizer->vocab_size();
    CHECK(size < 1000);
    CHECK(built.notice ==
          "--vocab 100000: the text yields a vocabulary of " + std::to_string(size));
    for (const std::int64_t vocab : {std::int64_t{2'000'000'000}, INT64_MAX})
        CHECK(build_bpe(text, vocab).tokenizer->to_json() == built.tokenizer->to_json());

    const BuiltTokenizer exact = build_bpe(text, size);
    CHECK(exact.tokenizer->vocab_size() == size);
    CHECK(exact.notice == "");
}

TEST_CASE("bpe tokenizer: with a vocabulary too small names the least possible, exactly") {
    struct Case {
        std::string text;
        std::int64_t least;
    };
    const Case cases[] = {{english().bytes, 244},
                          {"\u00E9\u00E8 \u4E2D\U0001F600\n", 248},
                          {"\n", 244},
                          {"\u2581\u2585\t", 244}};
    for (const Case& c : cases) {
        const std::string& text = c.text;
        const std::int64_t least = c.least;
        for (const std::int64_t vocab :
             {least - 1, std::int64_t{5}, std::int64_t{0}, std::int64_t{-1}})
            CHECK(refusal([&] { build_bpe(text, vocab); }) ==
                  "--vocab: the vocabulary must have room for every character of the text: " +
                      std::to_string(vocab) + ", at least " + std::to_string(least));
        const BuiltTokenizer built = build_bpe(text, least);
        CHECK(built.tokenizer->vocab_size() == least);
        CHECK(built.notice == "");
        CHECK(built.tokenizer->decode(built.tokenizer->encode(text)) == text);
        const BuiltTokenizer without_mask = build_bpe(text, least - 1, false);
        CHECK(without_mask.tokenizer->vocab_size() == least - 1);
    }
}

TEST_CASE("bpe tokenizer: SentencePiece neither prints nor writes files") {
    const Scratch scratch;
    const std::string before = std::filesystem::current_path().string();
    const std::string seen = scratch.path("seen");
    std::filesystem::create_directory(scratch.path("here"));
    std::filesystem::current_path(scratch.path("here"));
    std::fflush(nullptr);
    const int saved[] = {dup(1), dup(2)};
    REQUIRE(std::freopen(seen.c_str(), "a", stdout));
    REQUIRE(dup2(1, 2) == 2);
    const auto tokenizer = bpe(english().bytes.substr(0, 300) + "\u2585 \0"s, 100'000);
    tokenizer->encode("abc \u00E9");
    std::fflush(nullptr);
    for (const int stream : {1, 2}) {
        dup2(saved[stream - 1], stream);
        close(saved[stream - 1]);
    }
    std::filesystem::current_path(before);
    CHECK(std::filesystem::file_size(seen) == 0);
    CHECK(std::filesystem::is_empty(scratch.path("here")));
}

TEST_CASE("bpe tokenizer: the space before a mask is part of what is masked") {
    const auto tokenizer = bpe(english().bytes, 400);
    const auto mask = static_cast<std::int32_t>(*tokenizer->mask_id());
    TokenIds expected = tokenizer->encode("and the beginning God");
    REQUIRE(expected.size() == 4);
    expected[2] = mask;
    CHECK(encode_with_masks(*tokenizer, "and the [MASK] God", "--text") == expected);
    CHECK(encode_with_masks(*tokenizer, "[MASK] [MASK]", "--text") == TokenIds{mask, mask});
    CHECK(tokenizer->show(encode_with_masks(*tokenizer, "and  [MASK]", "--text")) == "and [MASK]");
}

TEST_CASE(
    "bpe tokenizer: of a very long text a sample is learned from, which is said, and every "
    "character has an id") {
    std::string text;
    while (text.size() < (17U << 20)) text += english().bytes;
    text.insert(9'000'001, "\u00A7");  // wherever it stands
    const BuiltTokenizer built = build_bpe(text, 400);
    const std::string sample =
        "--tokenizer bpe: learned from a sample, spread over the text: 16777216 of ";
    CHECK(built.notice.starts_with(sample + std::to_string(text.size()) + " bytes\n--vocab 400: "));
    CHECK(built.tokenizer->encode(" beginning God").size() == 2);
    CHECK(built.tokenizer->encode("\u00A7").size() == 1);
    text.resize(static_cast<std::size_t>(taper::tests::unless_sanitized(17 << 20, 1 << 20)));
    CHECK(built.tokenizer->decode(built.tokenizer->encode(text)) == text);
}
