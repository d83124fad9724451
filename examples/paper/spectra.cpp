#include "examples/paper/spectra.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/kernels/parallel.hpp"
#include "core/ops.hpp"
#include "examples/language_model/pictures.hpp"

namespace taper::examples {

Shares shares_of(const Array<double>& matrix) {
    const std::vector<double> s = singular_values(matrix);
    Shares shares(s.size());
    std::partial_sum(s.begin(), s.end(), shares.begin());
    const double total = shares.back();
    for (double& share : shares) share /= total;
    return shares;
}

std::size_t count_for(const Shares& shares, double share) {
    const auto first = std::lower_bound(shares.begin(), shares.end(), share);
    const auto before = static_cast<std::size_t>(first - shares.begin());
    return std::min(before + 1, shares.size());
}

// Fisher and Yates 1938, row by row.
Array<double> with_shuffled_rows(const Array<double>& P, const Random& random) {
    const std::size_t n = P.shape(0);
    Array<double> shuffled = P;
    for (std::size_t row = 0; row < n; ++row)
        for (std::size_t last = n - 1; last > 0; --last) {
            const std::size_t other = random.below(row * n + last, last + 1);
            std::swap(shuffled(row, last), shuffled(row, other));
        }
    return shuffled;
}

double score_deviation(const Array<double>& P) {
    const std::size_t n = P.shape(0);
    double squares = 0;
    for (std::size_t row = 0; row < n; ++row) {
        std::vector<double> scores;
        for (std::size_t column = 0; column < n; ++column)
            scores.push_back(std::log(std::max(P(row, column), 1e-300)));
        const double mean =
            std::accumulate(scores.begin(), scores.end(), 0.0) / static_cast<double>(n);
        for (const double score : scores) squares += (score - mean) * (score - mean);
    }
    return std::sqrt(squares / static_cast<double>(n * n));
}

Array<double> softmax_of_random_scores(std::size_t n, double deviation, const Random& random) {
    return softmax<double>(normal<double>(random, {n, n}, deviation)).value();
}

Array<double> softmax_of_random_heads(std::size_t n, std::size_t d_h, double deviation,
                                      const Random& random) {
    const Var<double> Q = normal<double>(random.substream(0), {n, d_h});
    const Var<double> K = normal<double>(random.substream(1), {n, d_h});
    // An entry of Q K^T has the variance d_h.
    const double scale = deviation / std::sqrt(static_cast<double>(d_h));
    return softmax(matmul(Q, K, {.transpose_b = true}) * scale).value();
}

double row_entropy(const Array<double>& P) {
    double sum = 0;
    for (const double p : P)
        if (p > 0) sum -= p * std::log(p);
    const auto n = static_cast<double>(P.shape(0));
    return sum / (n * std::log(n));
}

double weight_at_one_distance(const Array<double>& P) {
    const auto n = static_cast<std::ptrdiff_t>(P.shape(0));
    double largest = 0;
    for (std::ptrdiff_t distance = 1 - n / 2; distance < n / 2; ++distance) {
        const std::ptrdiff_t begin = std::max<std::ptrdiff_t>(0, -distance);
        const std::ptrdiff_t end = std::min(n, n - distance);
        double sum = 0;
        for (std::ptrdiff_t query = begin; query < end; ++query) sum += P(query, query + distance);
        largest = std::max(largest, sum / static_cast<double>(end - begin));
    }
    return largest;
}

static Spectrum row_matrix_spectrum(const Array<double>& P, const Random& random) {
    return {.shares = shares_of(P),
            .shuffled = shares_of(with_shuffled_rows(P, random)),
            .entropy = row_entropy(P),
            .distance = weight_at_one_distance(P)};
}

// Room for one more text; the first cell of it.
static std::size_t add_text_cells(SpectrumTable& table, const HeadMatrices& matrices) {
    const std::size_t first = table.cells.size();
    table.layers = matrices.size();
    table.heads = matrices[0].size();
    ++table.texts;
    table.cells.resize(first + table.layers * table.heads);
    return first;
}

void add_spectra(ModelSpectra& spectra, const HeadMatrices& trained, const HeadMatrices& untrained,
                 const std::vector<std::size_t>& d_h, std::uint64_t seed) {
    const std::size_t heads = trained[0].size();
    const std::size_t n = trained[0][0].shape(0);
    const std::size_t first = add_text_cells(spectra.trained, trained);
    if (!untrained.empty()) add_text_cells(spectra.untrained, untrained);
    add_text_cells(spectra.random_scores, trained);
    add_text_cells(spectra.random_heads, trained);

    const auto add_head = [&](std::size_t index) {
        const std::size_t layer = index / heads;
        const std::size_t head = index % heads;
        const std::size_t cell = first + index;
        const auto number = static_cast<std::uint32_t>(cell);
        const Random shuffle(seed, "shuffle", number);
        const Array<double>& P = trained[layer][head];
        const double deviation = score_deviation(P);
        const Random random_scores(seed, "scores", number);
        const Random random_heads(seed, "heads", number);

        spectra.trained.cells[cell] = row_matrix_spectrum(P, shuffle);
        if (!untrained.empty())
            spectra.untrained.cells[cell] = row_matrix_spectrum(untrained[layer][head], shuffle);
        spectra.random_scores.cells[cell] =
            row_matrix_spectrum(softmax_of_random_scores(n, deviation, random_scores), shuffle);
        spectra.random_heads.cells[cell] = row_matrix_spectrum(
            softmax_of_random_heads(n, d_h[layer], deviation, random_heads), shuffle);
    };
    parallel_for(trained.size() * heads, 1, [&](std::size_t begin, std::size_t end) {
        for (std::size_t index = begin; index < end; ++index) add_head(index);
    });
}

}  // namespace taper::examples
