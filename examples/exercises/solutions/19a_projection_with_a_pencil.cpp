// The model answer to exercise 19a, the projection with a pencil
//
// A mean of three is a sum with the weights $1/3$. So row 0 of E has $1/3$ at the positions 0 to 2,
// row 1 at the positions 3 to 5, and 0 elsewhere. The sums of the keys are (6, 9) and (3, 3), and a
// third of them
//
//     bar K_0 = (2, 3)
//     bar K_1 = (1, 1)
//
// The query (1, 2) scores 2 + 6 = 8 and 1 + 2 = 3. The keys have the scores 3, 12, 9, -1, 2, 8; the
// mean of the first three is 8, that of the last three 3. The score of a mean is the mean of the
// scores, since a dot product is linear.
//
// In general a window has n / k positions, so position i lies in window i / (n / k), rounded down,
// and its weight there is k / n.
#include "core/array/array.hpp"

using namespace taper;

Array<double> pencil_E() {
    const double third = 1.0 / 3;
    return {{third, third, third, 0, 0, 0}, {0, 0, 0, third, third, third}};
}

Array<double> pencil_K_bar() {
    return {{2, 3},  //
            {1, 1}};
}

Array<double> pencil_scores() { return {8, 3}; }

Array<double> E_of_windows(std::size_t n, std::size_t k) {
    Array<double> E = zeros<double>({k, n});
    const std::size_t window = n / k;
    const double weight = 1.0 / static_cast<double>(window);
    for (std::size_t i = 0; i < n; ++i) E(i / window, i) = weight;
    return E;
}
