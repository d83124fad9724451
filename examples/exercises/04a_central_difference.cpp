// Exercise 4a. A derivative from two values, and the step for it
//
// After lesson 4. About 15 minutes.
//
// Write the central difference, and choose its step:
//
//     f'(x) ~~ (f(x + h) - f(x - h)) / (2 h)
//
// Two errors pull the step in opposite ways. The formula itself is wrong by $h^2 f'''(x) // 6$. And
// the values of f are rounded, each by about $10^(-16) |f(x)|$, which the division by $2 h$ makes
// large. Choose `h` so that functions of numbers near 1, with values and derivatives near 1, are
// right to nine digits.
//
// Then think of large x, say $10^6$: f changes over a longer way there, and a small step is lost in
// the rounding of f. Let the step grow with |x|, but not shrink to nothing at x = 0.
//
// Run it: sh examples/exercises/run.sh 04a
#include <algorithm>
#include <cmath>
#include <functional>

// The derivative of f at x.
double central_difference(const std::function<double(double)>& f, double x) {
    // YOUR CODE
    return 0;
}
