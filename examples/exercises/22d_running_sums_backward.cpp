// Exercise 22d. The backward pass of running sums
//
// After lesson 22. About 25 minutes.
//
// Forward, position after position,
//
//     bar K_t = bar K_(t - 1) + e_t k_t^T
//
// where $e_t$ is column t of `E` (k, n), and $k_t$ row t of `K` (n, d). Backpropagation has come as
// far as `G`, of the shape (n, k, d): $G_t$ is the gradient of $bar K_t$ as the query at t reads
// it. (That K-bar goes on into the next one is not in G. To follow that is your task.)
//
// Write `dK` (n, d) and `dE` (k, n). Each needs one loop over the positions, and one array (k, d)
// that runs along. From which end?
//
// Run it: sh examples/exercises/run.sh 22d
#include "core/array/array.hpp"

using namespace taper;

// dK (n, d) of E (k, n) and G (n, k, d)
Array<double> running_dK(const Array<double>& E, const Array<double>& G) {
    const std::size_t n = G.shape(0);
    const std::size_t k = G.shape(1);
    const std::size_t d = G.shape(2);
    Array<double> S = zeros<double>({k, d});
    Array<double> dK = zeros<double>({n, d});
    // YOUR CODE
    return dK;
}

// dE (k, n) of K (n, d) and G (n, k, d)
Array<double> running_dE(const Array<double>& K, const Array<double>& G) {
    const std::size_t n = G.shape(0);
    const std::size_t k = G.shape(1);
    const std::size_t d = G.shape(2);
    Array<double> S = zeros<double>({k, d});
    Array<double> dE = zeros<double>({k, n});
    // YOUR CODE
    return dE;
}
