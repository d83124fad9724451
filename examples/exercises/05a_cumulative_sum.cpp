// Exercise 5a. A vector-Jacobian product without the Jacobian
//
// After lesson 5. About 20 minutes.
//
// A running sum of n numbers, and one that forgets by the factor r at each step:
//
//     y_i = x_0 + x_1 + ... + x_i
//     z_i = r z_(i - 1) + x_i,   z_0 = x_0
//
// The Jacobian of each has n x n entries: for the running sum a triangle of ones. Given a cotangent
// `dy` (or `dz`), backward is to return the product with it,
//
//     dx_j = sum_i dy_i (del y_i) / (del x_j)
//
// and it must never make the Jacobian: with n = 50000 it would have 2.5 billion entries. One loop
// of n steps is enough for each.
//
// Write down n = 3 first. Which $y_i$ does $x_2$ reach, which $x_1$, which $x_0$?
//
// Run it: sh examples/exercises/run.sh 05a
#include <cstddef>
#include <vector>

// dx of y_i = x_0 + ... + x_i
std::vector<double> running_sum_backward(const std::vector<double>& dy) {
    std::vector<double> dx(dy.size(), 0.0);
    // YOUR CODE
    return dx;
}

// dx of z_i = r z_(i - 1) + x_i
std::vector<double> forgetting_sum_backward(const std::vector<double>& dz, double r) {
    std::vector<double> dx(dz.size(), 0.0);
    // YOUR CODE
    return dx;
}
