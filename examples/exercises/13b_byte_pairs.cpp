// Exercise 13b. A step of byte pair encoding
//
// After lesson 13. About 25 minutes.
//
// A text has been cut into tokens. Byte pair encoding finds the two tokens that stand side by side
// most often, and merges them into one. Write both halves of this step:
//
// - `most_frequent_pair` returns the pair that stands in the text at the most places. Where several
//   pairs are equally frequent, it is the one that comes first in the text. At least two tokens are
//   there.
// - `merge_pair` goes through the text from left to right, and puts one token in the place of each
//   such pair. A token that has gone into a merge is used up.
//
// So in `a a a` the pair (a, a) stands at two places, and it becomes `aa a`.
//
// Tokens are strings of one or more letters: a pair of strings says which two they were. A
// `std::map<Pair, std::size_t>` can count them.
//
// Run it: sh examples/exercises/run.sh 13b
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

using Tokens = std::vector<std::string>;
using Pair = std::pair<std::string, std::string>;

Pair most_frequent_pair(const Tokens& tokens) {
    Pair best;
    // YOUR CODE
    return best;
}

// The tokens with first + second in the place of each such pair
Tokens merge_pair(const Tokens& tokens, const Pair& pair) {
    Tokens merged;
    // YOUR CODE
    return merged;
}
