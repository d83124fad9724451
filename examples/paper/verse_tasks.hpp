// Three tasks of classification made of the verses of a Bible, of the kinds that Table 2 of arXiv
// 2006.04768 has, and the text to pretrain on. Words are lower-case and without marks, so that no
// capital and no full stop gives an answer away.
//
//     same      has the second text the words of the first, in another order, or those of another
//               verse? (pairs, as QQP) A bag of words does not know where the first one ends.
//     swapped   were the two parts of the verse swapped? Both classes have the same bags of words.
//     part      of which part of the Bible is the verse? (topics, as IMDB) A bag of words does
//               well.
//
// Verses of every tenth chapter are for the tests: nothing is trained on them, not in pretraining
// either.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/array/random.hpp"
#include "examples/common/text.hpp"

namespace taper::examples {

struct Verse {
    std::string chapter;             // "1Sm3"
    std::string part;                // law, history, poetry, prophets, gospels, letters
    std::vector<std::string> words;  // one at least
    bool is_test;
};

// Of a text with a verse a line, as the program bible of Debian's bible-kjv writes it: "Ge1:1 In
// the beginning ...". Error: PATH:LINE of a line that is none, or of a book that is not known.
std::vector<Verse> verses_of(const Text& text);

// Those that are not for the tests, a chapter a line, " . " between verses.
std::string pretraining_text(const std::vector<Verse>& verses);

struct Example {
    std::string label, text;
};

struct VerseTask {
    std::string name;
    std::vector<Example> train, test;
};

// At most.
struct TaskSizes {
    std::size_t train, test;  // examples
    std::size_t characters;   // of an example; the words that do not fit are left out
};

// Of verses of eight words and more, the classes of same and swapped equally often but for one.
// Error: there are not enough verses for one example each.
std::vector<VerseTask> verse_tasks(const std::vector<Verse>& verses, const TaskSizes& sizes,
                                   std::uint64_t seed);

// Lines of label, tab, text.
std::string tsv_of(const std::vector<Example>& examples);

}  // namespace taper::examples
