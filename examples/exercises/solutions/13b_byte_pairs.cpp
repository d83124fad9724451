// The model answer to exercise 13b, a step of byte pair encoding
//
// A pass over the text counts the pairs. A map has them in the order of the alphabet, so a loop
// over the map would settle a tie by the alphabet. A second pass over the text meets the pairs in
// their own order. It takes another one only where that is more frequent, not where it is equally
// frequent: so the first of several stays.
//
// The key of the map is the pair, not the two strings joined: (a, bc) and (ab, c) are both "abc",
// and are different pairs.
//
// The merge is one loop that takes a step of two tokens where it has merged. Then the second token
// of a pair is not looked at again as the first of the next one.
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

using Tokens = std::vector<std::string>;
using Pair = std::pair<std::string, std::string>;

Pair most_frequent_pair(const Tokens& tokens) {
    std::map<Pair, std::size_t> counts;
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) ++counts[Pair(tokens[i], tokens[i + 1])];
    Pair best(tokens[0], tokens[1]);
    for (std::size_t i = 1; i + 1 < tokens.size(); ++i) {
        const Pair pair(tokens[i], tokens[i + 1]);
        if (counts[pair] > counts[best]) best = pair;
    }
    return best;
}

Tokens merge_pair(const Tokens& tokens, const Pair& pair) {
    Tokens merged;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        const bool found = i + 1 < tokens.size() && Pair(tokens[i], tokens[i + 1]) == pair;
        merged.push_back(found ? pair.first + pair.second : tokens[i]);
        if (found) ++i;
    }
    return merged;
}
