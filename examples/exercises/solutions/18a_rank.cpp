// The model answer to exercise 18a, matrices of rank one and of rank k
//
// The terms $s_p u_p w_p^T$ are at right angles to each other, taken as long rows of m n numbers:
// the product of two of them, entry by entry and added up, is
//
//     sum_(i j) u_(p i) w_(p j) u_(q i) w_(q j) = (sum_i u_(p i) u_(q i)) (sum_j w_(p j) w_(q j))
//
// which is 0 for $p != q$, and 1 for $p = q$. So lengths add up as Pythagoras says:
//
//     |A|^2 = sum_p s_p^2
//     |A - A_k|^2 = sum_(p >= k) s_p^2
//
// What rank k misses is made of the values that are left over. As a part of $|A|$ it falls with k,
// from 1 to 0, so the least k is found by trying.
#include <cmath>
#include <vector>

#include "core/array/array.hpp"

using namespace taper;

Array<double> outer_product(const Array<double>& u, const Array<double>& v) {
    Array<double> A = zeros<double>({u.size(), v.size()});
    for (std::size_t i = 0; i < u.size(); ++i)
        for (std::size_t j = 0; j < v.size(); ++j) A(i, j) = u(i) * v(j);
    return A;
}

Array<double> rank_k(const Array<double>& U, const std::vector<double>& s, const Array<double>& W,
                     std::size_t k) {
    Array<double> A = zeros<double>({U.shape(0), W.shape(1)});
    for (std::size_t p = 0; p < k; ++p)
        for (std::size_t i = 0; i < U.shape(0); ++i)
            for (std::size_t j = 0; j < W.shape(1); ++j) A(i, j) += s[p] * U(i, p) * W(p, j);
    return A;
}

double missed(const std::vector<double>& s, std::size_t k) {
    double all = 0, rest = 0;
    for (std::size_t p = 0; p < s.size(); ++p) {
        all += s[p] * s[p];
        if (p >= k) rest += s[p] * s[p];
    }
    return std::sqrt(rest / all);
}

std::size_t rank_for(const std::vector<double>& s, double part) {
    std::size_t k = 0;
    while (missed(s, k) > part) ++k;
    return k;
}
