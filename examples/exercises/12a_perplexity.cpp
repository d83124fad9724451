// Exercise 12a. Perplexity
//
// After lesson 12. About 15 minutes.
//
// A model has read several texts and given each token that came a probability p. `losses` has a
// vector for each text, with a number for each of its tokens: the loss $-ln p$, in nats. Of all
// tokens together compute
//
// - the perplexity, $e$ to the mean loss: among how many equally likely tokens the model chose, as
//   it were;
// - the bits per character: the whole loss of all texts, in bits, over the number of characters
//   `characters` of all texts. A bit is $ln 2$ nats.
//
// The texts are of different lengths. Each token counts the same, whichever text it stands in.
//
// Run it: sh examples/exercises/run.sh 12a
#include <cmath>
#include <cstddef>
#include <vector>

double perplexity(const std::vector<std::vector<double>>& losses) {
    // YOUR CODE
    return 0;
}

double bits_per_character(const std::vector<std::vector<double>>& losses, std::size_t characters) {
    // YOUR CODE
    return 0;
}
