// The model answer to exercise 23a, temperature
//
// Since $e^(z // T) = (e^z)^(1 // T)$, a ratio of 4 to 1 becomes $4^2 = 16$ to 1 at T = 1/2, and
// $4^(1 // 2) = 2$ to 1 at T = 2. The cold one prefers, the hot one levels.
//
// The largest logit is subtracted first (lesson 10). It changes no ratio, and without it a low
// temperature makes overflow of small logits: $e^(8 // 0.01)$ is infinite. At T = 0 one would
// divide by 0, so the limit is a case of its own.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

std::vector<double> probabilities_at(const std::vector<double>& logits, double T) {
    std::vector<double> p(logits.size(), 0.0);
    const auto largest = std::max_element(logits.begin(), logits.end());
    if (T == 0) {
        p[static_cast<std::size_t>(largest - logits.begin())] = 1;
        return p;
    }
    double sum = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
        p[i] = std::exp((logits[i] - *largest) / T);
        sum += p[i];
    }
    for (double& each : p) each /= sum;
    return p;
}
