// Exercise 1a. The chain rule with a pencil
//
// After lesson 1. About 10 minutes.
//
// This is a computational graph. `a` is used twice, once for `u` and once for `w`:
//
// ```
//   a ---+-----------------+
//        |                 |
//        v                 v
//   b -> u = a b --> v --> w = a v
//                    ^
//   c ---------------+     v = u + c
// ```
//
// With a = 2, b = -3 and c = 5 fill in the value of each node, forwards, and then the gradient of
// the result by each node, backwards: `dw` stands for $(del w) / (del w)$, which is 1, `dv` for
// $(del w) / (del v)$, and so on to `da`, `db` and `dc`. The local derivatives are those of a
// product and of a sum:
//
//     (del (p q)) / (del p) = q
//     (del (p + q)) / (del p) = 1
//
// A gradient is that of the node which is behind, times the slope of the arrow, the local
// derivative. What is used twice gets the sum over both paths.
//
// Run it: sh examples/exercises/run.sh 01a
#include <map>
#include <string>

// The value of each node.
std::map<std::string, double> values() {
    // YOUR CODE: the right numbers in the place of the zeros
    return {
        {"u", 0},
        {"v", 0},
        {"w", 0},
    };
}

// The derivative of w by each node.
std::map<std::string, double> gradients() {
    // YOUR CODE: the right numbers in the place of the zeros
    return {
        {"dw", 1}, {"dv", 0}, {"du", 0}, {"dc", 0}, {"db", 0}, {"da", 0},
    };
}
