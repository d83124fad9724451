// Exercise 20b. Count the parameters
//
// After lesson 20. About 20 minutes.
//
// How large is a model? Write two formulas.
//
// 1. `numbers_of_a_block`: all that a block has apart from E and F. Two LayerNorms, each with a
// gain
//    and a bias for each of the d numbers; four linear maps from d to d, with biases; and a
//    feed-forward network from d to `hidden` numbers and back, with biases.
// 2. `numbers_of_E_and_F`: those of a whole model with L blocks of h heads, all matrices (k, n).
//    `sharing` says which are one and the same matrix:
//
// - `nn::Sharing::none`: each head has its own two.
// - `nn::Sharing::headwise`: each layer has two, for all of its heads.
// - `nn::Sharing::key_value`: each layer has one, F = E.
// - `nn::Sharing::layerwise`: the whole model has one.
//
// What does the number of heads change in the first formula?
//
// Run it: sh examples/exercises/run.sh 20b
#include "nn/config.hpp"

using namespace taper;

std::size_t numbers_of_a_block(std::size_t d, std::size_t hidden) {
    // YOUR CODE
    return 0;
}

std::size_t numbers_of_E_and_F(std::size_t n, std::size_t k, std::size_t h, std::size_t L,
                               nn::Sharing sharing) {
    // YOUR CODE
    return 0;
}
