// The check of exercise 13b: small texts by hand, then steps on a longer one, each
// pair held against a slower count.
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "examples/exercises/exercise.hpp"

using taper::exercises::Check;

using Tokens = std::vector<std::string>;
using Pair = std::pair<std::string, std::string>;

Pair most_frequent_pair(const Tokens& tokens);
Tokens merge_pair(const Tokens& tokens, const Pair& pair);

static Tokens tokens_of(const std::string& words) {  // parted by blanks
    std::istringstream in(words);
    Tokens tokens;
    for (std::string token; in >> token;) tokens.push_back(token);
    return tokens;
}

static std::string text_of(const Tokens& tokens) {
    std::string text;
    for (const std::string& token : tokens) text += (text.empty() ? "" : " ") + token;
    return "'" + text + "'";
}
static std::string text_of(const Pair& pair) { return "(" + pair.first + ", " + pair.second + ")"; }

template <class T> struct Wrong {
    T result;
    std::string sentence;
};
template <class T>
static void compare(Check& check, const std::string& what, const T& yours, const T& expected,
                    const std::vector<Wrong<T>>& mistakes = {}) {
    std::string sentence;
    for (const Wrong<T>& mistake : mistakes)
        if (yours == mistake.result) sentence = mistake.sentence;
    check.require(yours == expected, what + ": " + text_of(expected),
                  what + ": expected " + text_of(expected) + ", yours " + text_of(yours), sentence);
}
static void pair_of(Check& check, const std::string& words, const Pair& expected,
                    const std::vector<Wrong<Pair>>& mistakes = {}) {
    check.with("'" + words + "'");
    compare(check, "the pair", most_frequent_pair(tokens_of(words)), expected, mistakes);
}
static void merge_of(Check& check, const std::string& words, const Pair& pair,
                     const std::string& expected, const std::vector<Wrong<Tokens>>& mistakes = {}) {
    check.with("'" + words + "', merging " + text_of(pair));
    compare(check, "the text", merge_pair(tokens_of(words), pair), tokens_of(expected), mistakes);
}

static void pairs(Check& check) {
    pair_of(check, "b a n a n a _ b a n d", {"a", "n"},
            {{{"n", "a"}, "(n, a) is another pair than (a, n), and stands there twice."},
             {{"a", "a"}, "These do not stand side by side."},
             {{"b", "a"}, "That is the first pair of the text, and there twice alone."},
             {{"n", "d"}, "That is the last pair of the text, and there once alone."}});
    pair_of(check, "p q c d c d p q a b a b", {"p", "q"},
            {{{"a", "b"},
              "Three are equally frequent. It is the one that comes first in the text, not the "
              "first of the alphabet or the last of the text."},
             {{"c", "d"}, "It is the one that begins first, not the one that is repeated first."}});
    pair_of(check, "z z z a b a b", {"z", "z"},
            {{{"a", "b"}, "(z, z) stands at two places in z z z, though they overlap."}});
    pair_of(check, "k a bc m ab c m ab d k a bc n ab d ab d", {"ab", "d"},
            {{{"a", "bc"}, "(a, bc) and (ab, c) are different pairs, though both read abc."}});
    pair_of(check, "u v", {"u", "v"});
}

static void merges(Check& check) {
    merge_of(check, "b a n a n a _ b a n d", {"a", "n"}, "b an an a _ b an d",
             {{tokens_of("b an n an n a _ b an n d"), "The n of a merge is used up."},
              {tokens_of("b an a n a _ b a n d"), "Every such pair is merged, not the first one."},
              {tokens_of("b an an a _ b an"), "The last token of the text is lost."},
              {tokens_of("b an an _ b an d"), "A token before one that is no pair is lost."},
              {tokens_of("an an an"), "Tokens that are in no such pair stay as they were."}});
    merge_of(check, "a a a", {"a", "a"}, "aa a",
             {{tokens_of("aa aa"), "A token that has gone into a merge is used up."},
              {tokens_of("a aa"), "That begins at the right. Go from left to right."},
              {tokens_of("aa"), "The third a is lost."},
              {tokens_of("aaa"), "What a merge has made is not merged again in the same step."}});
    merge_of(check, "a b ab b", {"a", "b"}, "ab ab b",
             {{tokens_of("ab abb"), "The token ab is another one than a."}});
    merge_of(check, "a bc ab c", {"ab", "c"}, "a bc abc",
             {{tokens_of("abc abc"), "(a, bc) and (ab, c) are different pairs."}});
    merge_of(check, "a b c", {"b", "c"}, "a bc", {{tokens_of("a bc c"), "The c is used up."}});
    merge_of(check, "a b c", {"c", "a"}, "a b c");
    merge_of(check, "a", {"a", "a"}, "a");
    merge_of(check, "", {"a", "a"}, "");
}

// Compares each two places of the text, without a map.
static Pair counted_slowly(const Tokens& tokens) {
    const auto at = [&tokens](std::size_t i) { return Pair(tokens[i], tokens[i + 1]); };
    std::size_t best = 0, most = 0;
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
        std::size_t count = 0;
        for (std::size_t j = 0; j + 1 < tokens.size(); ++j) count += at(i) == at(j) ? 1 : 0;
        if (count > most) {
            most = count;
            best = i;
        }
    }
    return at(best);
}

static void eight_steps(Check& check) {
    Tokens tokens;
    for (const char letter : std::string("she_sells_sea_shells_on_the_seashore_as_she_sees_shells"))
        tokens.emplace_back(1, letter);
    for (int step = 1; step <= 8; ++step) {
        check.with("step " + std::to_string(step) + " of a longer text");
        compare(check, "the pair", most_frequent_pair(tokens), counted_slowly(tokens));
        tokens = merge_pair(tokens, counted_slowly(tokens));
    }
    check.with("after eight steps");
    compare(check, "the text", tokens,
            tokens_of("s he_se lls _se a _shells _ o n _ t he_se a s h o r e _ a s _s he_se e s "
                      "_shells"));
}

int main() { return taper::exercises::run("13b_byte_pairs", {pairs, merges, eight_steps}); }
