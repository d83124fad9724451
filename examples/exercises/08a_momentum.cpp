// Exercise 8a. Gradient descent with momentum
//
// After lesson 8. About 10 minutes.
//
// Plain gradient descent takes $w <- w - lr g$, with the learning rate $lr$ and the gradient g.
// With momentum (Polyak 1964) the gradients add up to a velocity v, of which the part $mu$ survives
// each step, and the weights move by the velocity:
//
//     v <- mu v + g
//     w <- w - lr v
//
// Write one step. `w`, `v` and `g` have the same length; `w` and `v` are changed in place. v is 0
// before the first step.
//
// Run it: sh examples/exercises/run.sh 08a
#include <cstddef>
#include <vector>

void momentum_step(std::vector<double>& w, std::vector<double>& v, const std::vector<double>& g,
                   double learning_rate, double momentum) {
    // YOUR CODE
}
