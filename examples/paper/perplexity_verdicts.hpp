// The rules by which the programs about the paper judge perplexities. A perplexity is exp of a loss
// in nats a hidden token.
#pragma once

#include <span>

#include "examples/paper/report.hpp"

namespace taper::examples {

// How much more than the reference a perplexity may be and still be "nearly on par". The paper
// gives no number for its curves. Its models differ from RoBERTa-base by 0.2 points of 92.25 with
// k = n/2 and by 0.5 with n/4 (Table 2), which says nothing of perplexity. RoBERTa's own
// (arXiv 1907.11692, Table 3) is 3.99, 3.68 and 3.77 for three sizes of batch at one cost, which it
// calls an improvement: 8 % is a difference that matters, 2 % is not. 5 % is between.
inline constexpr double nearly = 1.05;
inline constexpr double not_quite = 1.10;  // up to here the claim holds weaker

// The perplexity falls as k grows. perplexities: of growing k. holds: it falls from each k to the
// next, by more than is "nearly" the same in all; holds weaker: so in all, but one k is worse than
// the one before; does not hold: it rises by more than that; not visible: neither.
Verdict falls_verdict(std::span<const double> perplexities);

// Of seeds: its mean is exp of their mean loss. losses: nats, of each seed.
Spread perplexities_of(std::span<const double> losses);

// A perplexity beside that of a reference, over the seeds of both.
struct PerplexityRatio {
    double ratio;               // of their means
    double standard_error = 0;  // of the ratio, as the seeds are a sample; of one seed not known: 0
};

PerplexityRatio perplexity_ratio(std::span<const double> losses,
                                 std::span<const double> reference_losses);

// The perplexity is nearly that of a reference, or less, with two standard errors to spare, as for
// an interval of 95 %. It is not, where it is more than not_quite with as much to spare. Between
// these it holds weaker; not visible: the seeds leave both open. learned: the reference has learned
// to use its attention; a model that is on par with one which has not says nothing.
Verdict on_par_verdict(const PerplexityRatio& perplexity, bool learned);

// The perplexity is about the same for every n: the largest against the least.
Verdict same_verdict(std::span<const double> perplexities, bool learned);

}  // namespace taper::examples
