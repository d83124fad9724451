// What the proof of Theorem 1 says, and the rules by which theorem_1 judges its errors.
#pragma once

#include "examples/paper/report.hpp"

namespace taper::examples {

// ---- What the proof says

// k / ln n
double rows_per_log(double eps);
// k
std::size_t rows_of_proof(std::size_t n, double eps);
// The probability with which it may fail.
double failure_of_proof(std::size_t n);
// The lemma: the share of entries that miss by more than eps.
double share_beyond(std::size_t k, double eps);
// The first n from which on k is smaller than n.
std::size_t first_length_above_rows(double eps);
// The first n at which the proof fails with that probability at most.
double length_of_failure(double failure);

// ---- The verdicts

// How the error falls: error ~ k^exponent.
struct Fall {
    double least, most;  // exponents of all seeds and heads
    double excess;       // the largest share of entries beyond eps, less the lemma's
};

// The claim is the exponent -1/2 and the lemma's share. holds: the exponents are within 0.1, a
// fifth of it, and the share is kept at every k. holds weaker: each exponent is beyond half of the
// claimed one.
Verdict verdict_of_fall(const Fall& fall);

// An error at one n, the means over seeds.
struct RankAtLength {
    std::size_t n;
    std::size_t rows;  // k of the proof
    double success;    // at that k, the share of R and w with an error below eps
    double needed;     // the k at which that share is what the proof claims
};

// The exponent of the needed k.
double growth_of_needed(const std::vector<RankAtLength>& lengths);
// Of ln n over the same lengths.
double growth_of_log(const std::vector<RankAtLength>& lengths);

// holds: at every n where the proof's k is smaller than n, that k succeeds as often as the proof
// claims. holds weaker: it does not, but the k that is needed grows with n more like ln n than like
// n, its exponent below the middle of the two. not visible: k is n or more at every n.
Verdict verdict_of_rank(const std::vector<RankAtLength>& lengths);

// needed: the rank of the best P~. holds: it grows with n more like ln n than like n. holds weaker:
// it grows, but by a tenth at least more slowly than n, on logarithms.
Verdict verdict_of_growth(const std::vector<RankAtLength>& lengths);

// "Low rank" is read as half of n at most, "with high probability" as 0.95. holds: both. holds
// weaker: the proof says something, a rank below n and a failure below 1. not visible: it says
// nothing.
Verdict verdict_of_proof(std::size_t n, std::size_t rows);

// ratios: measured over predicted relative errors. holds: all within a factor 1.25, as a random
// number of a few R needs some room; holds weaker: within a factor 2.
Verdict verdict_of_prediction(const Spread& ratios);

}  // namespace taper::examples
