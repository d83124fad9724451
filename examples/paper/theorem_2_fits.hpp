// What Theorem 2 is measured by: heads of random input, E and F (k, n) that Adam fits to them, and
// the errors of what they make of the input. What the program claims of these errors is judged in
// theorem_2_verdicts; theorem_2.cpp says what is measured and why.
#pragma once

#include <map>
#include <vector>

#include "examples/paper/report.hpp"

namespace taper::examples {

struct Theorem2Options : PaperOptions {
    std::vector<std::uint64_t> lengths{128, 256, 512, 1024, 2048};  // n
    std::vector<std::uint64_t> k{4, 8, 16, 32, 64};
    std::uint64_t most_k = 256;
    std::uint64_t head_width = 8;  // d_h
    std::uint64_t steps = 400;
    double rate = 1;
    double eps = 0.5;

    Theorem2Options() : PaperOptions("theorem_2") {}
};

enum class Rows { sphere, normal };  // of Q and K
const std::string& name_of(Rows rows);

// Errors are those of the output over its norm (Frobenius).
using ErrorByK = std::map<std::size_t, double>;
using ErrorsByLength = std::map<std::size_t, std::vector<ErrorByK>>;  // by n: one of each seed

// All of one kind of rows.
struct Measured {
    Rows rows = Rows::sphere;
    ErrorsByLength errors;   // of the fits
    ErrorsByLength control;  // of those to independent scores
    // At the largest n, of each seed.
    std::vector<ErrorByK> construction;
    // There, at the largest of --k, with twice the steps.
    std::vector<double> own, fresh, fresh_multiple, unfitted;
};

// How many parts measured_for makes of its work, for both kinds of rows.
std::uint64_t parts_of_work(const Theorem2Options& o);

Measured measured_for(Rows rows, const Theorem2Options& o, WorkProgress& progress);

}  // namespace taper::examples
