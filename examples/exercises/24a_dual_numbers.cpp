// Exercise 24a. Dual numbers
//
// After lesson 24. About 15 minutes.
//
// A dual number $a + b epsi$ carries a value a and a derivative b, and $epsi^2 = 0$. Write four
// operations of them. For the quotient ask for the dual number that gives x when it is multiplied
// by y. For the others remember
//
//     f(a + b epsi) = f(a) + f'(a) b epsi
//
// The check differentiates with what you have written. With a pencil first: what is
// $(3 + 2 epsi) (5 + 7 epsi)$?
//
// Run it: sh examples/exercises/run.sh 24a
#include <cmath>

struct Dual {
    double a, b;  // a + b eps
};

Dual product(Dual x, Dual y) {
    // YOUR CODE
    return {0, 0};
}

// y.a is not 0
Dual quotient(Dual x, Dual y) {
    // YOUR CODE
    return {0, 0};
}

Dual exponential(Dual x) {
    // YOUR CODE
    return {0, 0};
}

// x.a > 0
Dual logarithm(Dual x) {
    // YOUR CODE
    return {0, 0};
}
