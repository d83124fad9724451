// Exercise 6a. A small gradient check of your own
//
// After lesson 6. About 20 minutes.
//
// Someone claims that `gradient` is the gradient of f at x. Hold it against central differences,
// one entry at a time:
//
//     n_i = (f(..., x_i + h, ...) - f(..., x_i - h, ...)) / (2 h),   h = 10^(-5)
//
// and return whether it is right. The measure is the largest difference, in parts of the largest
// entry of n, so that it does not matter how large f is:
//
//     max_i |"gradient"_i - n_i| <= 10^(-6) max_j |n_j|
//
// Think of what can slip through: a gradient with nan in it is not right, and neither is one of
// another length than x. If all of n is 0, a gradient of zeros is right.
//
// Run it: sh examples/exercises/run.sh 06a
#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

using Function = std::function<double(const std::vector<double>&)>;

bool gradient_is_right(const Function& f, std::vector<double> x,
                       const std::vector<double>& gradient) {
    // YOUR CODE
    return false;
}
