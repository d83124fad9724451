#include "examples/paper/theorem_2_verdicts.hpp"

#include <cmath>

namespace taper::examples {

namespace {

// before: by the least k that was tried already. beyond: by none; k is then the largest of them.
enum class Reached { before, within, beyond };
struct LeastK {
    double k;
    Reached reached;
};

}  // namespace

// Between two k that were tried, the logarithms are joined by a straight line.
static LeastK least_k(const ErrorByK& errors, double eps) {
    auto above_eps = errors.end();
    for (auto entry = errors.begin(); entry != errors.end(); ++entry) {
        const auto [k, error] = *entry;
        if (error > eps) {
            above_eps = entry;
            continue;
        }
        const double right = std::log(static_cast<double>(k));
        if (above_eps == errors.end()) return {std::exp(right), Reached::before};
        const double left = std::log(static_cast<double>(above_eps->first));
        const double part = std::log(above_eps->second / eps) / std::log(above_eps->second / error);
        return {std::exp(left + part * (right - left)), Reached::within};
    }
    return {static_cast<double>(errors.rbegin()->first), Reached::beyond};
}

// x of k ~ n^x, from the least n to the largest.
static double exponent_of(double k_least_n, double k_largest_n, const Theorem2Options& o) {
    const double lengths_ratio =
        static_cast<double>(o.lengths.back()) / static_cast<double>(o.lengths.front());
    return std::log(k_largest_n / k_least_n) / std::log(lengths_ratio);
}

double exponent_of_log(const Theorem2Options& o) {
    return exponent_of(std::log(static_cast<double>(o.lengths.front())),
                       std::log(static_cast<double>(o.lengths.back())), o);
}

Growth growth_of(const ErrorsByLength& errors, const Theorem2Options& o) {
    Growth growth;
    for (std::size_t seed = 0; seed < errors.begin()->second.size(); ++seed) {
        const LeastK first = least_k(errors.begin()->second[seed], o.eps);
        const LeastK last = least_k(errors.rbegin()->second[seed], o.eps);
        growth.exponents.push_back(exponent_of(first.k, last.k, o));
        growth.k_least_n.push_back(first.k);
        growth.k_largest_n.push_back(last.k);
        growth.measured =
            growth.measured && first.reached == Reached::within && last.reached != Reached::before;
        growth.at_least = growth.at_least || last.reached == Reached::beyond;
    }
    return growth;
}

Verdict growth_verdict(const Growth& growth, const Theorem2Options& o) {
    const double exponent = spread_of(growth.exponents).mean;
    if (!growth.measured) return Verdict::not_visible;
    if (exponent >= 0.5) return Verdict::does_not_hold;
    if (growth.at_least) return Verdict::not_visible;
    return exponent <= exponent_of_log(o) ? Verdict::holds : Verdict::holds_weaker;
}

std::vector<double> errors_at(const std::vector<ErrorByK>& seeds, std::size_t k) {
    std::vector<double> errors;
    for (const ErrorByK& errors_of_seed : seeds) errors.push_back(errors_of_seed.at(k));
    return errors;
}

std::vector<double> fall_exponents(const std::vector<ErrorByK>& seeds, const Theorem2Options& o) {
    const double k_ratio = static_cast<double>(o.k.back()) / static_cast<double>(o.k.front());
    std::vector<double> exponents;
    for (const ErrorByK& errors : seeds)
        exponents.push_back(std::log(errors.at(o.k.back()) / errors.at(o.k.front())) /
                            std::log(k_ratio));
    return exponents;
}

Verdict fall_verdict(const std::vector<ErrorByK>& seeds, const Theorem2Options& o) {
    for (std::size_t i = 1; i < o.k.size(); ++i) {
        const double before = spread_of(errors_at(seeds, o.k[i - 1])).mean;
        const double now = spread_of(errors_at(seeds, o.k[i])).mean;
        if (now >= before) return Verdict::does_not_hold;
    }
    const double exponent = spread_of(fall_exponents(seeds, o)).mean;
    if (exponent <= -0.5) return Verdict::holds;
    return exponent <= -0.125 ? Verdict::holds_weaker : Verdict::does_not_hold;
}

Verdict service_verdict(const std::vector<double>& errors, double eps) {
    const double error = spread_of(errors).mean;
    if (error <= eps) return Verdict::holds;
    return error < 1 ? Verdict::holds_weaker : Verdict::does_not_hold;
}

}  // namespace taper::examples
