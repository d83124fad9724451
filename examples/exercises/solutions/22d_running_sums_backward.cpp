// The model answer to exercise 22d, the backward pass of running sums
//
// $e_i k_i^T$ is in $bar K_i$ and in every later slot matrix, so the whole gradient of what
// position i has brought is
//
//     S_i = sum_(t >= i) G_t = G_i + S_(i + 1)
//
// a suffix sum. It is made from the last position to the first, in one array. From there it is the
// backward of a product, for each entry $E_(j i) K_(i c)$:
//
//     dK_(i c) = sum_j E_(j i) S_(i j c)
//     dE_(j i) = sum_c K_(i c) S_(i j c)
//
// Two nested loops over positions would give the same, at a cost that grows with $n^2$.
#include "core/array/array.hpp"

using namespace taper;

Array<double> running_dK(const Array<double>& E, const Array<double>& G) {
    const std::size_t n = G.shape(0);
    const std::size_t k = G.shape(1);
    const std::size_t d = G.shape(2);
    Array<double> S = zeros<double>({k, d});
    Array<double> dK = zeros<double>({n, d});
    for (std::size_t i = n; i-- > 0;)
        for (std::size_t j = 0; j < k; ++j)
            for (std::size_t c = 0; c < d; ++c) {
                S(j, c) += G(i, j, c);
                dK(i, c) += E(j, i) * S(j, c);
            }
    return dK;
}

Array<double> running_dE(const Array<double>& K, const Array<double>& G) {
    const std::size_t n = G.shape(0);
    const std::size_t k = G.shape(1);
    const std::size_t d = G.shape(2);
    Array<double> S = zeros<double>({k, d});
    Array<double> dE = zeros<double>({k, n});
    for (std::size_t i = n; i-- > 0;)
        for (std::size_t j = 0; j < k; ++j)
            for (std::size_t c = 0; c < d; ++c) {
                S(j, c) += G(i, j, c);
                dE(j, i) += K(i, c) * S(j, c);
            }
    return dE;
}
