// The model answer to exercise 22b, running sums
//
// At position t first its key and value go into the slots, since query t sees position t itself.
// Entry (j, c) of $e_t k_t^T$ is $E_(j t) K_(t c)$. Then the query is compared with the k slots as
// with any keys, and takes its share of each row of V-bar.
//
// What is kept are two arrays (k, d). All n of the K-bars at once would be n k d numbers.
#include <algorithm>
#include <cmath>
#include <vector>

#include "core/array/array.hpp"

using namespace taper;

std::vector<double> weights_of(std::vector<double> scores) {
    const double largest = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (double& score : scores) sum += score = std::exp(score - largest);
    for (double& score : scores) score /= sum;
    return scores;
}

Array<double> running_attention(const Array<double>& Q, const Array<double>& K,
                                const Array<double>& V, const Array<double>& E,
                                const Array<double>& F) {
    const std::size_t n = Q.shape(0);
    const std::size_t d = Q.shape(1);
    const std::size_t k = E.shape(0);
    const double scale = 1 / std::sqrt(static_cast<double>(d));
    Array<double> K_bar = zeros<double>({k, d});
    Array<double> V_bar = zeros<double>({k, d});
    Array<double> y = zeros<double>({n, d});
    for (std::size_t t = 0; t < n; ++t) {
        std::vector<double> scores(k, 0.0);
        for (std::size_t j = 0; j < k; ++j)
            for (std::size_t c = 0; c < d; ++c) {
                K_bar(j, c) += E(j, t) * K(t, c);
                V_bar(j, c) += F(j, t) * V(t, c);
                scores[j] += Q(t, c) * K_bar(j, c) * scale;
            }
        const std::vector<double> p = weights_of(scores);
        for (std::size_t j = 0; j < k; ++j)
            for (std::size_t c = 0; c < d; ++c) y(t, c) += p[j] * V_bar(j, c);
    }
    return y;
}
