// The singular values of the attention matrices of a model over many texts, and of matrices to
// compare them with.
#pragma once

#include <vector>

#include "core/array/random.hpp"
#include "examples/paper/spectrum_table.hpp"

namespace taper::examples {

Shares shares_of(const Array<double>& matrix);

// The number of singular values that make up so much of the sum.
std::size_t count_for(const Shares& shares, double share);

// The entries of each row in a random order of its own: each row has its weights still, and thus
// its entropy, but they stand anywhere.
Array<double> with_shuffled_rows(const Array<double>& P, const Random& random);

// The standard deviation of the scores whose softmax P is. What is added to all scores of a row
// changes nothing in P: each row has mean 0 here.
double score_deviation(const Array<double>& P);
// The softmax of n x n independent scores, N(0, deviation^2).
Array<double> softmax_of_random_scores(std::size_t n, double deviation, const Random& random);
// The softmax of Q K^T, n x n, where Q and K (n, d_h) have independent normal entries, and a score
// this deviation.
Array<double> softmax_of_random_heads(std::size_t n, std::size_t d_h, double deviation,
                                      const Random& random);

// The mean entropy of the rows, in parts of log n: 1 where each row is uniform.
double row_entropy(const Array<double>& P);

// How much of its weight a query puts on a key at one and the same distance: the mean over the
// queries that have such a key, for the distance where it is largest. 1 for the identity. Distances
// of n/2 and more, which few queries have, do not count.
double weight_at_one_distance(const Array<double>& P);

// P (n, n) of each layer and head on one text.
using HeadMatrices = std::vector<std::vector<Array<double>>>;

// Adds those of a text. untrained: none, or as many as trained. d_h: of each layer.
void add_spectra(ModelSpectra& spectra, const HeadMatrices& trained, const HeadMatrices& untrained,
                 const std::vector<std::size_t>& d_h, std::uint64_t seed);

}  // namespace taper::examples
