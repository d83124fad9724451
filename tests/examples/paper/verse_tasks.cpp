// The tasks that are made of verses: what parts the classes, and that no test verse is trained on.
#include "examples/paper/verse_tasks.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::examples;
using namespace taper::tests;

namespace {

using Words = std::vector<std::string>;

Words words_of(const std::string& text) {
    std::istringstream stream(text);
    Words words;
    for (std::string word; stream >> word;) words.push_back(word);
    return words;
}

// Twenty chapters of six verses; each word says its chapter, verse and place: "cebdac".
Text bible() {
    const auto letters = [](std::size_t number) {
        return std::string{static_cast<char>('a' + number / 10),
                           static_cast<char>('a' + number % 10)};
    };
    std::string text;
    for (std::size_t chapter = 1; chapter <= 20; ++chapter)
        for (std::size_t verse = 1; verse <= 6; ++verse) {
            const std::string book = chapter <= 10 ? "Ge" : "1Sm";
            text += book + std::to_string(chapter) + ":" + std::to_string(verse);
            for (std::size_t word = 0; word < 8 + 4 * verse; ++word)
                text += " " + letters(chapter) + letters(verse) + letters(word);
            text += ".\n";
        }
    return {"bible.txt", text};
}

// Ten words of each verse of a pair.
constexpr std::size_t most_characters = 2 * 69 + 3;
const TaskSizes all_fit{1000, 1000, most_characters};

}  // namespace

TEST_CASE("verse tasks: a verse has its chapter, its part and its words in lower case") {
    const std::vector<Verse> verses =
        verses_of({"b", "Ge1:1 In the BEGINNING, God's\n\n1Sm31:13 And they-took\nRev22:21 Amen."});
    REQUIRE(verses.size() == 3);
    CHECK(verses[0].chapter == "Ge1");
    CHECK(verses[0].part == "law");
    CHECK(verses[0].words == Words{"in", "the", "beginning", "gods"});
    CHECK(verses[1].chapter == "1Sm31");
    CHECK(verses[1].part == "history");
    CHECK(verses[1].words == Words{"and", "they", "took"});
    CHECK(verses[2].part == "letters");
}

TEST_CASE("verse tasks: a line that is no verse is named") {
    for (const char* line :
         {"In the beginning", "Ge1:1", "Ge:1 In the", "1:1 In the", "Ge1:1 ..."}) {
        CAPTURE(line);
        const std::string text = std::string("Ge1:1 In the\n") + line;
        const std::string message = refusal([&] { verses_of({"b.txt", text}); });
        CHECK(contains(message, "b.txt:2: the line must be a verse"));
    }
    CHECK(contains(refusal([] { verses_of({"b.txt", "Tobit1:1 The book"}); }), "Tobit"));
}

TEST_CASE("verse tasks: every tenth chapter is for the tests alone") {
    const std::vector<Verse> verses = verses_of(bible());
    std::set<std::string> test_words;
    for (const Verse& verse : verses) {
        CHECK(verse.is_test == (verse.chapter == "Ge10" || verse.chapter == "1Sm20"));
        if (verse.is_test) test_words.insert(verse.words.begin(), verse.words.end());
    }
    const auto none_of_test = [&](const std::string& text) {
        const Words words = words_of(text);
        return std::none_of(words.begin(), words.end(),
                            [&](const std::string& word) { return test_words.count(word) > 0; });
    };
    const std::string pretraining = pretraining_text(verses);
    CHECK(none_of_test(pretraining));
    CHECK(std::count(pretraining.begin(), pretraining.end(), '\n') == 18);
    CHECK(std::count(pretraining.begin(), pretraining.end(), '.') == 18 * 5);
    for (const VerseTask& task : verse_tasks(verses, all_fit, 1)) {
        CAPTURE(task.name);
        for (const Example& example : task.train) CHECK(none_of_test(example.text));
        for (const Example& example : task.test) CHECK_FALSE(none_of_test(example.text));
    }
}

TEST_CASE("verse tasks: pairs have the words of one verse, or of verses of two chapters") {
    const VerseTask task = verse_tasks(verses_of(bible()), all_fit, 1).at(0);
    CHECK(task.name == "same");
    CHECK(task.train.size() == 18 * 6);
    std::map<std::string, std::size_t> counts;
    std::size_t in_order = 0;
    for (const Example& example : task.train) {
        CAPTURE(example.text);
        ++counts[example.label];
        const std::size_t dot = example.text.find(" . ");
        REQUIRE(dot != std::string::npos);
        const Words first = words_of(example.text.substr(0, dot));
        Words second = words_of(example.text.substr(dot + 3));
        CHECK(first.size() == 10);
        CHECK(second.size() == 10);
        CHECK(std::is_sorted(first.begin(), first.end()));
        in_order += std::is_sorted(second.begin(), second.end());
        std::sort(second.begin(), second.end());
        if (example.label == "same") CHECK(first == second);
        else CHECK(first[0].substr(0, 2) != second[0].substr(0, 2));  // the chapter
    }
    CHECK(counts["same"] == 54);
    CHECK(counts["other"] == 54);
    CHECK(in_order < 2);
}

TEST_CASE("verse tasks: a swapped verse has the words of the whole one, and is cut in its middle") {
    const VerseTask task = verse_tasks(verses_of(bible()), all_fit, 1).at(1);
    CHECK(task.name == "swapped");
    std::size_t swapped = 0;
    for (const Example& example : task.train) {
        CAPTURE(example.text);
        Words words = words_of(example.text);
        const bool in_order = std::is_sorted(words.begin(), words.end());
        CHECK(in_order == (example.label == "whole"));
        if (in_order) continue;
        ++swapped;
        const auto start = std::min_element(words.begin(), words.end());
        const auto second_part = static_cast<double>(words.end() - start);
        const double share = second_part / static_cast<double>(words.size());
        CHECK(share > 0.24);
        CHECK(share < 0.7);
        std::rotate(words.begin(), start, words.end());
        CHECK(std::is_sorted(words.begin(), words.end()));
    }
    CHECK(swapped == task.train.size() / 2);
}

TEST_CASE("verse tasks: words that do not fit are left out, verses of too long ones too") {
    std::vector<Verse> verses = verses_of(bible());
    verses[0].words[1] = std::string(30, 'x');  // three words fit, but not of each verse of a pair
    for (const VerseTask& task : verse_tasks(verses, {1000, 1000, 55}, 1)) {
        CAPTURE(task.name);
        CHECK(task.train.size() == 18 * 6 - 1);
        std::size_t longest = 0;
        for (const Example& example : task.train) longest = std::max(longest, example.text.size());
        CHECK(longest == (task.name == "same" ? 20 + 3 + 20 : 55));  // 3 and 3 words, 8 words
    }
}

TEST_CASE("verse tasks: a verse of seven words is left out, one of eight is not") {
    std::vector<Verse> verses = verses_of(bible());
    verses[0].words.resize(7);
    verses[1].words.resize(8);
    for (const VerseTask& task : verse_tasks(verses, all_fit, 1)) {
        CAPTURE(task.name);
        CHECK(task.train.size() == 18 * 6 - 1);
    }
}

TEST_CASE("verse tasks: examples are those of the seed, and as many as asked for") {
    const std::vector<Verse> verses = verses_of(bible());
    const auto text = [&](std::uint64_t seed) {
        std::string all;
        for (const VerseTask& task : verse_tasks(verses, {20, 4, most_characters}, seed)) {
            CHECK(task.train.size() == 20);
            CHECK(task.test.size() == 4);
            all += tsv_of(task.train) + tsv_of(task.test);
        }
        return all;
    };
    CHECK(text(1) == text(1));
    CHECK(text(1) != text(2));
    CHECK(tsv_of({{"a", "b c"}, {"d", "e"}}) == "a\tb c\nd\te\n");
    CHECK(contains(refusal([] {
                       verse_tasks(verses_of({"b", "Ge1:1 In the"}), {1, 1, 64}, 1);
                   }),
                   "ten chapters"));
}
