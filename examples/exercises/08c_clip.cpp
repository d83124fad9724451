// Exercise 8c. Clipping by the global norm
//
// After lesson 8. About 10 minutes.
//
// One bad batch can have a gradient a hundred times as long as usual, and throw the weights far
// off. Clipping (Pascanu, Mikolov and Bengio 2013, arXiv 1211.5063) keeps its direction and limits
// its length. The length is that of all gradients of the model together:
//
//     |G| = sqrt(sum_("all arrays") sum_i g_i^2)
//
// If it is above `limit`, every entry of every array is multiplied by $"limit" // |G|$; else
// nothing changes. Return $|G|$ as it was before, which one writes into a log.
//
// Run it: sh examples/exercises/run.sh 08c
#include <cmath>
#include <vector>

double clip(std::vector<std::vector<double>>& gradients, double limit) {
    // YOUR CODE
    return 0;
}
