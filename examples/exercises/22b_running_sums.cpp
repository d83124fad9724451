// Exercise 22b. Running sums
//
// After lesson 22. About 25 minutes.
//
// Write the forward pass of a causal Linformer for one head, in one loop over the positions. The
// slots of query t hold the positions up to t:
//
//     bar K_t = bar K_(t - 1) + e_t k_t^T
//     bar V_t = bar V_(t - 1) + f_t v_t^T
//     y_t = "softmax"((q_t bar K_t^T) / sqrt(d)) bar V_t
//
// $q_t$, $k_t$ and $v_t$ are row t of `Q`, `K` and `V` (n, d); $e_t$ and $f_t$ are column t of `E`
// and `F` (k, n). Before position 0 the slots are 0. Keep only one K-bar and one V-bar, (k, d),
// however long the text is. The softmax is there already.
//
// Run it: sh examples/exercises/run.sh 22b
#include <algorithm>
#include <cmath>
#include <vector>

#include "core/array/array.hpp"

using namespace taper;

// softmax
std::vector<double> weights_of(std::vector<double> scores) {
    const double largest = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (double& score : scores) sum += score = std::exp(score - largest);
    for (double& score : scores) score /= sum;
    return scores;
}

// y (n, d)
Array<double> running_attention(const Array<double>& Q, const Array<double>& K,
                                const Array<double>& V, const Array<double>& E,
                                const Array<double>& F) {
    const std::size_t n = Q.shape(0);
    const std::size_t d = Q.shape(1);
    const std::size_t k = E.shape(0);
    Array<double> K_bar = zeros<double>({k, d});
    Array<double> V_bar = zeros<double>({k, d});
    Array<double> y = zeros<double>({n, d});
    // YOUR CODE
    return y;
}
