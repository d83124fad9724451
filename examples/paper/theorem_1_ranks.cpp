#include "examples/paper/theorem_1_ranks.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace taper::examples {

std::vector<double> over_seeds(const MeasuredHeads& heads, std::size_t i,
                               const std::function<double(const ProjectionErrors&)>& get) {
    std::vector<double> numbers;
    for (const auto& errors : heads.errors) numbers.push_back(get(errors[i]));
    return numbers;
}

double relative_error(const ProjectionErrors& errors) { return root_mean_square(errors.relative); }

double predicted_relative_error(double kappa, std::size_t k) {
    return std::sqrt((kappa * kappa + 1) / static_cast<double>(k));
}

static double success_at(const ProjectionErrors& errors, ErrorOfColumns error, double eps) {
    const std::vector<double>& numbers = errors.*error;
    const auto below =
        std::count_if(numbers.begin(), numbers.end(), [&](double x) { return x < eps; });
    return static_cast<double>(below) / static_cast<double>(numbers.size());
}

// So many of the numbers are at most the result.
static double quantile_of(std::vector<double> numbers, double share) {
    const auto last = static_cast<double>(numbers.size() - 1);
    const auto place = numbers.begin() + static_cast<std::ptrdiff_t>(std::ceil(share * last));
    std::nth_element(numbers.begin(), place, numbers.end());
    return *place;
}

// The k from which on the errors of that share of columns are eps at most, the logarithms between
// two measured k joined by a straight line. The largest measured k where it is more.
static double needed_rows(const std::vector<ProjectionErrors>& errors, ErrorOfColumns error,
                          double share, double eps) {
    std::pair<double, double> above{0, 0};  // k, quantile
    for (const ProjectionErrors& at : std::vector(errors.rbegin(), errors.rend())) {
        const auto k = static_cast<double>(at.k);
        const double quantile = quantile_of(at.*error, share);
        const bool largest = above.first == 0;
        if (quantile > eps && largest) return k;
        if (quantile > eps) {
            const double slope = std::log(above.first / k) / std::log(above.second / quantile);
            return k * std::exp(slope * std::log(eps / quantile));
        }
        above = {k, quantile};
    }
    return above.first;
}

RankOfSeeds rank_of(const MeasuredHeads& heads, ErrorOfColumns error, double eps) {
    const std::size_t rows = rows_of_proof(heads.n, eps);
    const double claimed = std::max(0.0, 1 - failure_of_proof(heads.n));
    std::vector<double> success;
    std::vector<double> needed;
    for (const auto& errors : heads.errors) {
        needed.push_back(needed_rows(errors, error, claimed, eps));
        const auto at = std::find_if(errors.begin(), errors.end(),
                                     [&](const auto& one) { return one.k == rows; });
        success.push_back(at == errors.end() ? 0 : success_at(*at, error, eps));
    }
    const Spread success_spread = spread_of(success);
    const Spread needed_spread = spread_of(needed);
    const auto largest = static_cast<double>(heads.errors.front().back().k);
    return {.mean = {.n = heads.n,
                     .rows = rows,
                     .success = success_spread.mean,
                     .needed = needed_spread.mean},
            .success = success_spread,
            .needed = needed_spread,
            .reached = needed_spread.most < largest};
}

std::vector<RankOfSeeds> ranks_of(const std::vector<MeasuredHeads>& lengths, ErrorOfColumns error,
                                  double eps) {
    std::vector<RankOfSeeds> ranks;
    for (const MeasuredHeads& heads : lengths) ranks.push_back(rank_of(heads, error, eps));
    return ranks;
}

std::vector<RankAtLength> means_of(const std::vector<RankOfSeeds>& ranks) {
    std::vector<RankAtLength> means;
    for (const RankOfSeeds& rank : ranks) means.push_back(rank.mean);
    return means;
}

std::vector<RankAtLength> best_ranks_of(const std::vector<MeasuredHeads>& lengths, double eps) {
    std::vector<RankAtLength> ranks;
    for (const MeasuredHeads& heads : lengths)
        ranks.push_back({.n = heads.n,
                         .rows = rows_of_proof(heads.n, eps),
                         .success = 1,
                         .needed = spread_of(heads.best_ranks).mean});
    return ranks;
}

std::vector<double> exponents_of(const MeasuredHeads& heads) {
    std::vector<double> exponents;
    for (const auto& errors : heads.errors) {
        std::vector<std::pair<double, double>> points;
        for (const ProjectionErrors& at : errors)
            points.emplace_back(static_cast<double>(at.k), at.additive);
        exponents.push_back(exponent_of(points));
    }
    return exponents;
}

Fall fall_of(const std::vector<MeasuredHeads>& sources, double eps) {
    Fall fall{.least = 1e9, .most = -1e9, .excess = -1e9};
    for (const MeasuredHeads& heads : sources) {
        const Spread exponents = spread_of(exponents_of(heads));
        fall.least = std::min(fall.least, exponents.least);
        fall.most = std::max(fall.most, exponents.most);
        for (const auto& errors : heads.errors)
            for (const ProjectionErrors& at : errors)
                fall.excess = std::max(fall.excess, at.beyond - share_beyond(at.k, eps));
    }
    return fall;
}

std::vector<double> prediction_ratios(const MeasuredHeads& heads,
                                      const std::vector<double>& kappas) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < heads.errors.front().size(); ++i) {
        const std::size_t k = heads.errors.front()[i].k;
        if (k < heads.n / 8 || k > heads.n) continue;
        const Spread measured = spread_of(over_seeds(heads, i, relative_error));
        std::vector<double> predicted;
        for (const double kappa : kappas) predicted.push_back(predicted_relative_error(kappa, k));
        ratios.push_back(measured.mean / spread_of(predicted).mean);
    }
    return ratios;
}

}  // namespace taper::examples
