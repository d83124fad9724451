// What the errors of theorem_1 say: how they fall with k, which k an error needs, and how far the
// relative error is from the one that kappa predicts (random_projection.hpp).
#pragma once

#include <functional>
#include <vector>

#include "examples/paper/theorem_1_measurement.hpp"
#include "examples/paper/theorem_1_verdicts.hpp"

namespace taper::examples {

// A number of each seed, at the i-th k.
std::vector<double> over_seeds(const MeasuredHeads& heads, std::size_t i,
                               const std::function<double(const ProjectionErrors&)>& get);

double relative_error(const ProjectionErrors& errors);  // root mean square
double predicted_relative_error(double kappa, std::size_t k);

// An error of each R and column: the relative one, or the largest of all rows.
using ErrorOfColumns = std::vector<double> ProjectionErrors::*;

struct RankOfSeeds {
    RankAtLength mean;
    Spread success, needed;
    bool reached;  // the largest measured k is more than the needed one
};

RankOfSeeds rank_of(const MeasuredHeads& heads, ErrorOfColumns error, double eps);
// Of each length.
std::vector<RankOfSeeds> ranks_of(const std::vector<MeasuredHeads>& lengths, ErrorOfColumns error,
                                  double eps);
std::vector<RankAtLength> means_of(const std::vector<RankOfSeeds>& ranks);
// The rank of the best P~ at each length.
std::vector<RankAtLength> best_ranks_of(const std::vector<MeasuredHeads>& lengths, double eps);

// Of the additive error against k, of each seed.
std::vector<double> exponents_of(const MeasuredHeads& heads);
Fall fall_of(const std::vector<MeasuredHeads>& sources, double eps);

// Measured over predicted relative errors from k = n/8 to n, each the mean over seeds.
std::vector<double> prediction_ratios(const MeasuredHeads& heads,
                                      const std::vector<double>& kappas);

}  // namespace taper::examples
