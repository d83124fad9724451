#include "examples/paper/theorem_1_verdicts.hpp"

#include <cmath>
#include <utility>

namespace taper::examples {

double rows_per_log(double eps) { return 5 / (eps * eps - eps * eps * eps); }

std::size_t rows_of_proof(std::size_t n, double eps) {
    const double k = rows_per_log(eps) * std::log(static_cast<double>(n));
    return static_cast<std::size_t>(std::ceil(k));
}

double failure_of_proof(std::size_t n) { return 2 * std::pow(static_cast<double>(n), -0.25); }

double share_beyond(std::size_t k, double eps) {
    return 2 * std::exp(-(eps * eps - eps * eps * eps) * static_cast<double>(k) / 4);
}

// n - k grows once n is more than k / ln n.
std::size_t first_length_above_rows(double eps) {
    auto n = static_cast<std::size_t>(rows_per_log(eps)) + 1;
    while (rows_of_proof(n, eps) >= n) ++n;
    return n;
}

double length_of_failure(double failure) { return std::pow(2 / failure, 4); }

Verdict verdict_of_fall(const Fall& fall) {
    const bool as_claimed = fall.least > -0.6 && fall.most < -0.4;
    if (as_claimed && fall.excess <= 0) return Verdict::holds;
    return fall.most < -0.25 ? Verdict::holds_weaker : Verdict::does_not_hold;
}

double growth_of_needed(const std::vector<RankAtLength>& lengths) {
    std::vector<std::pair<double, double>> points;
    for (const RankAtLength& at : lengths)
        points.emplace_back(static_cast<double>(at.n), at.needed);
    return exponent_of(points);
}

double growth_of_log(const std::vector<RankAtLength>& lengths) {
    std::vector<std::pair<double, double>> points;
    for (const RankAtLength& at : lengths) {
        const auto n = static_cast<double>(at.n);
        points.emplace_back(n, std::log(n));
    }
    return exponent_of(points);
}

Verdict verdict_of_rank(const std::vector<RankAtLength>& lengths) {
    bool visible = false;
    bool succeeds = true;
    for (const RankAtLength& at : lengths) {
        if (at.rows >= at.n) continue;
        visible = true;
        succeeds = succeeds && at.success >= 1 - failure_of_proof(at.n);
    }
    if (!visible) return Verdict::not_visible;
    if (succeeds) return Verdict::holds;
    const double middle = (growth_of_log(lengths) + 1) / 2;
    return growth_of_needed(lengths) < middle ? Verdict::holds_weaker : Verdict::does_not_hold;
}

Verdict verdict_of_growth(const std::vector<RankAtLength>& lengths) {
    const double growth = growth_of_needed(lengths);
    if (growth < (growth_of_log(lengths) + 1) / 2) return Verdict::holds;
    return growth < 0.9 ? Verdict::holds_weaker : Verdict::does_not_hold;
}

Verdict verdict_of_proof(std::size_t n, std::size_t rows) {
    const double failure = failure_of_proof(n);
    if (rows >= n || failure >= 1) return Verdict::not_visible;
    return 2 * rows <= n && failure <= 0.05 ? Verdict::holds : Verdict::holds_weaker;
}

Verdict verdict_of_prediction(const Spread& ratios) {
    const auto within = [&](double factor) {
        return ratios.least > 1 / factor && ratios.most < factor;
    };
    if (within(1.25)) return Verdict::holds;
    return within(2) ? Verdict::holds_weaker : Verdict::does_not_hold;
}

}  // namespace taper::examples
