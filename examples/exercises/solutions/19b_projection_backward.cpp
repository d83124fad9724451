// The model answer to exercise 19b, the backward pass of E and F
//
// $E_(j i)$ stands in the entries $bar K_(b j c)$ of all texts b and all columns c, each time
// beside $K_(b i c)$. The chain rule sums over all of them:
//
//     dE_(j i) = sum_b sum_c d bar K_(b j c) K_(b i c)
//
// which is the sum of the $d bar K_b K_b^T$ of the texts. A key belongs to one text. It goes into
// the k slots of that text, with the weights of its column of E:
//
//     dK_(b i c) = sum_j E_(j i) d bar K_(b j c)
//
// or $dK_b = E^T d bar K_b$. For F and V nothing differs but the names.
#include "core/array/array.hpp"

using namespace taper;

Array<double> projection_dE(const Array<double>& K, const Array<double>& dK_bar) {
    const std::size_t n = K.shape(1);
    const std::size_t k = dK_bar.shape(1);
    Array<double> dE = zeros<double>({k, n});
    for (std::size_t b = 0; b < K.shape(0); ++b)
        for (std::size_t j = 0; j < k; ++j)
            for (std::size_t i = 0; i < n; ++i)
                for (std::size_t c = 0; c < K.shape(2); ++c)
                    dE(j, i) += dK_bar(b, j, c) * K(b, i, c);
    return dE;
}

Array<double> projection_dK(const Array<double>& E, const Array<double>& dK_bar) {
    const std::size_t B = dK_bar.shape(0);
    const std::size_t n = E.shape(1);
    const std::size_t d_h = dK_bar.shape(2);
    Array<double> dK = zeros<double>({B, n, d_h});
    for (std::size_t b = 0; b < B; ++b)
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t c = 0; c < d_h; ++c)
                for (std::size_t j = 0; j < E.shape(0); ++j)
                    dK(b, i, c) += E(j, i) * dK_bar(b, j, c);
    return dK;
}
