// Exercise 23a. Temperature
//
// After lesson 23. About 15 minutes.
//
// Write the probabilities of the next token, from the logits z and a temperature T:
//
//     p_i = e^(z_i // T) / (sum_j e^(z_j // T))
//
// T = 0 stands for the limit, greedy: the likeliest token has the probability 1, all others 0. Of
// several with the largest logit let it be the first. `T` is never below 0; logits can be large.
//
// Before you write it: the logits are 0 and ln 4, so that at T = 1 the second is 4 times as likely.
// How many times at T = 1/2, and at T = 2?
//
// Run it: sh examples/exercises/run.sh 23a
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

// One logit at least; as many probabilities.
std::vector<double> probabilities_at(const std::vector<double>& logits, double T) {
    std::vector<double> p(logits.size(), 0.0);
    // YOUR CODE
    return p;
}
