#include "examples/paper/random_projection.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/ops.hpp"

namespace taper::examples {

namespace {

// What errors are measured against.
struct ExactImage {
    Array<double> PW;            // (n, c)
    Array<double> row_norms;     // (n): ||P_i||
    Array<double> column_norms;  // (c): ||w||
    Array<double> image_norms;   // (c): ||P w||

    explicit ExactImage(const AttendedColumns& head)
        : PW(matmul(head.P, head.W).value()),
          row_norms(norm(head.P, 1).value()),
          column_norms(norm(head.W, 0).value()),
          image_norms(norm<double>(PW, 0).value()) {}
};

}  // namespace

static double median_of(std::vector<double> numbers) {
    const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
    std::nth_element(numbers.begin(), middle, numbers.end());
    return *middle;
}

// projected (n, c): P~ W.
static ProjectionErrors errors_at(std::size_t k, const ExactImage& exact,
                                  const Array<double>& projected, double eps) {
    const std::size_t n = exact.row_norms.size();
    const std::size_t c = exact.column_norms.size();
    ProjectionErrors errors{.k = k,
                            .relative = std::vector<double>(c, 0),
                            .largest = std::vector<double>(c, 0),
                            .additive = 0,
                            .entry_relative = 0,
                            .beyond = 0};
    std::vector<double> entries(n * c);
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < c; ++j) {
            const double error = std::abs(projected(i, j) - exact.PW(i, j));
            const double additive = error / (exact.row_norms(i) * exact.column_norms(j));
            errors.relative[j] += error * error;
            errors.largest[j] = std::max(errors.largest[j], additive);
            errors.additive += additive * additive;
            errors.beyond += additive > eps ? 1 : 0;
            entries[i * c + j] = error / std::abs(exact.PW(i, j));
        }
    for (std::size_t j = 0; j < c; ++j)
        errors.relative[j] = std::sqrt(errors.relative[j]) / exact.image_norms(j);
    const auto count = static_cast<double>(n * c);
    errors.additive = std::sqrt(errors.additive / count);
    errors.beyond /= count;
    errors.entry_relative = median_of(std::move(entries));
    return errors;
}

std::vector<ProjectionErrors> projection_errors(const AttendedColumns& head,
                                                const std::vector<std::size_t>& ks,
                                                const Random& random, EntryVariance variance,
                                                double eps) {
    const ExactImage exact(head);
    const std::size_t n = head.W.shape()[0];
    // G^T G W, where G (k, n) has entries N(0, 1): R^T R W times k.
    Array<double> GtGW = zeros<double>(head.W.shape());
    std::size_t rows = 0;
    std::vector<ProjectionErrors> errors;
    for (std::size_t i = 0; i < ks.size(); ++i) {
        const std::size_t k = ks[i];
        const auto number = static_cast<std::uint32_t>(i);
        const Var<double> G = normal<double>(random.substream(number), {k - rows, n});
        xt::noalias(GtGW) += matmul(G, matmul(G, head.W), {.transpose_a = true}).value();
        rows = k;
        const double entry_variance =
            variance == EntryVariance::one_over_k ? 1 / static_cast<double>(k) : 1;
        const Array<double> projected = (matmul<double>(head.P, GtGW) * entry_variance).value();
        errors.push_back(errors_at(k, exact, projected, eps));
    }
    return errors;
}

static void append(std::vector<double>& numbers, const std::vector<double>& more) {
    numbers.insert(numbers.end(), more.begin(), more.end());
}

std::vector<ProjectionErrors> pooled(const std::vector<std::vector<ProjectionErrors>>& parts) {
    std::vector<ProjectionErrors> all;
    const auto count = static_cast<double>(parts.size());
    for (std::size_t i = 0; i < parts.front().size(); ++i) {
        ProjectionErrors& errors = all.emplace_back();
        errors.k = parts.front()[i].k;
        double squares = 0;
        for (const auto& part : parts) {
            append(errors.relative, part[i].relative);
            append(errors.largest, part[i].largest);
            squares += part[i].additive * part[i].additive;
            errors.entry_relative += part[i].entry_relative / count;
            errors.beyond += part[i].beyond / count;
        }
        errors.additive = std::sqrt(squares / count);
    }
    return all;
}

std::vector<double> kappas_of(const AttendedColumns& head) {
    const ExactImage exact(head);
    const double norm_of_P = norm(head.P).item();
    std::vector<double> kappas;
    for (std::size_t j = 0; j < exact.column_norms.size(); ++j)
        kappas.push_back(norm_of_P * exact.column_norms(j) / exact.image_norms(j));
    return kappas;
}

double root_mean_square(const std::vector<double>& numbers) {
    const double squares = std::inner_product(numbers.begin(), numbers.end(), numbers.begin(), 0.0);
    return std::sqrt(squares / static_cast<double>(numbers.size()));
}

}  // namespace taper::examples
