// Exercise 18a. Matrices of rank one and of rank k
//
// After lesson 18. About 25 minutes.
//
// An outer product is a matrix of rank 1. A sum of k of them has rank k at most:
//
//     A_(i j) = u_i v_j
//     A_k = sum_(p < k) s_p u_p w_p^T
//
// Write `outer_product` of `u` (m) and `v` (n), and `rank_k`, which takes the first k terms: $u_p$
// is column p of `U` (m, r), $w_p$ is row p of `W` (r, n), and k is 0 to r. Here p counts from 0.
//
// If the s are the singular values of a matrix A, falling, and the u and w its singular vectors,
// then no matrix of rank k is nearer to A than $A_k$. `missed` returns how far it is from A, as a
// part of the length of A, of the singular values alone:
//
//     |A - A_k| / |A|
//
// where $|A|$ is the root of the sum of the squared entries. What is $|A|$, written with all s? Not
// all of the s are 0. `rank_for` returns the least k with which not more than `part` is missed.
//
// Run it: sh examples/exercises/run.sh 18a
#include <cmath>
#include <vector>

#include "core/array/array.hpp"

using namespace taper;

// A (m, n) of u (m) and v (n)
Array<double> outer_product(const Array<double>& u, const Array<double>& v) {
    Array<double> A = zeros<double>({u.size(), v.size()});
    // YOUR CODE
    return A;
}

// A_k (m, n) of U (m, r), s (r) and W (r, n)
Array<double> rank_k(const Array<double>& U, const std::vector<double>& s, const Array<double>& W,
                     std::size_t k) {
    Array<double> A = zeros<double>({U.shape(0), W.shape(1)});
    // YOUR CODE
    return A;
}

double missed(const std::vector<double>& s, std::size_t k) {
    // YOUR CODE
    return 0;
}

std::size_t rank_for(const std::vector<double>& s, double part) {
    // YOUR CODE
    return 0;
}
