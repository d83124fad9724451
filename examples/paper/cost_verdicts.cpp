#include "examples/paper/cost_verdicts.hpp"

#include <cmath>

namespace taper::examples {

Verdict is_linear(const Spread& exponents) {
    if (exponents.mean <= 1.2) return Verdict::holds;
    return exponents.mean <= 1.5 ? Verdict::holds_weaker : Verdict::does_not_hold;
}

Verdict saves(const std::vector<Saving>& savings) {
    double log_ratios = 0;
    for (std::size_t i = 0; i < savings.size(); ++i) {
        const bool grows = i == 0 || savings[i].ours >= 0.9 * savings[i - 1].ours;
        if (!grows) return Verdict::does_not_hold;
        log_ratios += std::log(savings[i].ours / savings[i].paper);
    }
    if (savings.back().ours < 1.1) return Verdict::does_not_hold;
    const double mean_ratio = std::exp(log_ratios / static_cast<double>(savings.size()));
    return mean_ratio >= 0.8 ? Verdict::holds : Verdict::holds_weaker;
}

}  // namespace taper::examples
