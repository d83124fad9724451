// Exercise 1b. Two more ops for the scalar tape
//
// After lesson 1. About 15 minutes.
//
// The tape of lesson 1 stands in `scalar_tape.hpp`, with `+` and `*`. Write two more ops for it, a
// quotient and the exponential function:
//
//     y = a / b
//     y = e^a
//
// An op returns a `Number`: its value, and a record of its inputs and of the slopes, the
// derivatives of the value by each of them. The product is written so:
//
// ```
//   Number operator*(Number a, Number b) {
//       return {a.value * b.value, {{a.index, b.index}, {b.value, a.value}}};
//   }
// ```
//
// The record of an op with one input has one of each.
//
// Run it: sh examples/exercises/run.sh 01b
#include "examples/exercises/scalar_tape.hpp"

Number operator/(Number a, Number b) {
    // YOUR CODE
    return 0;
}

Number exp(Number a) {
    // YOUR CODE
    return 0;
}
