// What a random projection leaves of attention: P~ w = P R^T R w beside P w, where R (k, n) has
// independent entries N(0, 1/k).
//
// With u a row of P, the mean of u R^T R w is u w, and its variance is (||u||^2 ||w||^2 + (u w)^2)
// / k. So the error of an entry is of the size ||u|| ||w|| / sqrt(k), as the lemma of Johnson and
// Lindenstrauss says, however small u w is. Summed over the rows, the error of the vector P w is
//     E ||P~ w - P w||^2 = (kappa^2 + 1) / k ||P w||^2,    kappa = ||P||_F ||w|| / ||P w||.
#pragma once

#include <cstddef>
#include <vector>

#include "core/array/random.hpp"
#include "core/engine/tape.hpp"

namespace taper::examples {

// One head: P (n, n), and W (n, c), the columns w of V W^V.
struct AttendedColumns {
    Var<double> P, W;
};

// Of R's entries. The construction asks for 1/k.
enum class EntryVariance { one_over_k, one };

// The errors at one k.
struct ProjectionErrors {
    std::size_t k;
    std::vector<double> relative;  // of each column: ||P~ w - P w|| / ||P w||
    std::vector<double> largest;   // of each column: max_i |P~_i w - P_i w| / (||P_i|| ||w||)
    double additive;               // root mean square of |P~_i w - P_i w| / (||P_i|| ||w||)
    double entry_relative;         // median of |P~_i w - P_i w| / |P_i w|
    double beyond;                 // share of the entries that miss by more than eps ||P_i|| ||w||
};

// One R for each k of ks, which grow. A longer R begins with the rows of the shorter one.
std::vector<ProjectionErrors> projection_errors(const AttendedColumns& head,
                                                const std::vector<std::size_t>& ks,
                                                const Random& random, EntryVariance variance,
                                                double eps);

// Of parts with the same ks: the columns of all, and of the other numbers the means.
std::vector<ProjectionErrors> pooled(const std::vector<std::vector<ProjectionErrors>>& parts);

// kappa of each column.
std::vector<double> kappas_of(const AttendedColumns& head);

double root_mean_square(const std::vector<double>& numbers);

}  // namespace taper::examples
