// Exercise 19a. The projection with a pencil
//
// After lesson 19. About 15 minutes.
//
// A text has six keys of two numbers, and k = 2 slots are to be made of them. Slot 0 is the mean of
// the first three keys, slot 1 the mean of the last three.
//
// ```
//     K    3   0      key 0
//          0   6
//          3   3
//          1  -1
//          2   0
//          0   4      key 5
// ```
//
// With a pencil: write E down, of the shape (k, n) = (2, 6); the slots
//
//     bar K = E K
//     bar K_(j c) = sum_i E_(j i) K_(i c)
//
// of the shape (2, 2); and the scores of the query q = (1, 2) with the two slots, as dot products,
// not yet divided by $sqrt(d_h)$. Before you compute the scores: what are those of the six keys,
// and what have they to do with those of the slots?
//
// Then write E for any n and k where k divides n: slot j is the mean of the window of n / k
// positions that begins at j n / k.
//
// Run it: sh examples/exercises/run.sh 19a
#include "core/array/array.hpp"

using namespace taper;

Array<double> pencil_E() {
    // YOUR CODE: these numbers, and those of the next two functions. Fractions are 1.0 / 2.
    return {{0, 0, 0, 0, 0, 0},  //
            {0, 0, 0, 0, 0, 0}};
}

Array<double> pencil_K_bar() {
    return {{0, 0},  //
            {0, 0}};
}

Array<double> pencil_scores() { return {0, 0}; }

// (k, n)
Array<double> E_of_windows(std::size_t n, std::size_t k) {
    Array<double> E = zeros<double>({k, n});
    // YOUR CODE
    return E;
}
