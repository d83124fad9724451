// Exercise 25a. A logarithm that does not burst
//
// After lesson 25. About 20 minutes.
//
// A classifier with the logit z says "yes" with the probability
//
//     p = 1 / (1 + e^(-z))
//
// and its loss needs ln p. Written as `std::log(1 / (1 + std::exp(-z)))` it is $-oo$ at
// $z = -1000$, where the right answer is very nearly -1000, and exactly 0 at z = 40, where it is
// about $-4 * 10^(-18)$. Write `log_of_sigmoid`, right to nearly all digits for every z, and its
// derivative, without nan and without infinity.
//
// `std::log1p(x)` is ln(1 + x), also of an x so small that 1 + x is rounded to 1. `std::exp` of
// a number below 0 never overflows.
//
// Run it: sh examples/exercises/run.sh 25a
#include <cmath>

double log_of_sigmoid(double z) {
    // YOUR CODE
    return 0;
}

// The derivative by z.
double log_of_sigmoid_dz(double z) {
    // YOUR CODE
    return 0;
}
