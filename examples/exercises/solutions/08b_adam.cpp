// The model answer to exercise 8b, Adam
//
// In the first step m is $(1 - beta_1) g$, and the correction divides by $1 - beta_1$: what remains
// is g. In the same way v becomes $g^2$, so the step is $lr g // |g|$: the learning rate, in the
// direction of the sign, for a gradient of 100 as for one of -0.001. The epsilon only keeps 0 / 0
// away. It stands behind the root: inside, $10^(-8)$ would count as much as $10^(-4)$ does outside.
#include <cmath>
#include <cstddef>
#include <vector>

struct AdamRates {
    double learning_rate, beta1, beta2, epsilon;
};

void adam_step(std::vector<double>& w, std::vector<double>& m, std::vector<double>& v,
               const std::vector<double>& g, int t, const AdamRates& rates) {
    const auto& [learning_rate, beta1, beta2, epsilon] = rates;
    const double m_correction = 1 - std::pow(beta1, t);
    const double v_correction = 1 - std::pow(beta2, t);
    for (std::size_t i = 0; i < w.size(); ++i) {
        m[i] = beta1 * m[i] + (1 - beta1) * g[i];
        v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
        const double mean = m[i] / m_correction;
        const double square = v[i] / v_correction;
        w[i] -= learning_rate * mean / (std::sqrt(square) + epsilon);
    }
}
