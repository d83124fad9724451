// The rules by which theorem_2 judges the errors of its fits.
#pragma once

#include "examples/paper/theorem_2_fits.hpp"

namespace taper::examples {

// How k grows with n, for each seed.
struct Growth {
    std::vector<double> k_least_n, k_largest_n;
    std::vector<double> exponents;
    bool measured = true;   // k was found at the least n, and at the largest or not below it
    bool at_least = false;  // of a seed k is known from below alone, at the largest n
};

// x of k ~ log n between the least and the largest n, the theorem's second branch.
double exponent_of_log(const Theorem2Options& o);

Growth growth_of(const ErrorsByLength& errors, const Theorem2Options& o);

// The theorem's k is the smaller of a constant and a multiple of log n, so it grows no faster than
// log n does between these n. More, but less than sqrt(n), is weaker than that. sqrt(n) and more
// contradicts it. Where k is known from below alone, only a contradiction can be seen.
Verdict growth_verdict(const Growth& growth, const Theorem2Options& o);

// The errors of each seed.
std::vector<double> errors_at(const std::vector<ErrorByK>& seeds, std::size_t k);

// x of error ~ k^x, from the least to the largest of --k.
std::vector<double> fall_exponents(const std::vector<ErrorByK>& seeds, const Theorem2Options& o);

// With k ~ 1 / eps^2 the error falls with each k, and at least as k^(-1/2). A quarter of that,
// k^(-1/8), is still a fall, and weaker. Less is none.
Verdict fall_verdict(const std::vector<ErrorByK>& seeds, const Theorem2Options& o);

// A layer has one E and F for all inputs. They serve an input where its error is at most eps. A
// constant has the error 1: what is not below it is of no use.
Verdict service_verdict(const std::vector<double>& errors, double eps);

}  // namespace taper::examples
