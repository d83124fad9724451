// The rules by which figure_1 judges the spectra of its models.
#pragma once

#include <span>

#include "examples/paper/report.hpp"
#include "examples/paper/spectrum_table.hpp"

namespace taper::examples {

// (a) Low rank: less remains than in the paper's worst head, 0.12, and markedly less than where the
// same rows have no structure: half of it. Where either is missed it holds weaker; where more than
// 0.75 of the shuffled rows' rest remains it is not visible, and from 0.95 on P is not told apart
// from its own shuffled rows and has no low rank. A model that has not learned to use its attention
// is no trained one: nothing is visible.
Verdict low_rank_verdict(const Rest& rest, bool learned);

// layers: the share of each.
// The mean of the upper half of the layers less that of the lower half; a layer in the middle is in
// neither.
double rise_of(std::span<const double> layers);
double rise_above_lowest(std::span<const double> layers);

// (b) Higher layers are more skewed: a larger share. The paper's heat map reaches from 0.88 to
// 0.96: with a steady rise its upper half would have 0.04 more than its lower half. A quarter of
// that is the least that we call a rise, or a fall. A rise from the lowest layer to the others,
// which are alike, is a weaker one.
Verdict skew_verdict(std::span<const double> layers);

}  // namespace taper::examples
