// Spectra of matrices whose singular values are known, and what random projections are measured by.
#include "examples/paper/spectra.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "core/ops.hpp"
#include "examples/paper/random_projection.hpp"

using namespace taper;
using namespace taper::examples;

namespace {

Array<double> identity(std::size_t n) {
    Array<double> matrix = zeros<double>({n, n});
    for (std::size_t i = 0; i < n; ++i) matrix(i, i) = 1;
    return matrix;
}

}  // namespace

TEST_CASE("spectra: the shares of a diagonal matrix and of a uniform one") {
    Array<double> diagonal = zeros<double>({3, 3});
    diagonal(0, 0) = 1;
    diagonal(1, 1) = -5;  // a singular value is its absolute value
    diagonal(2, 2) = 2;
    const Shares shares = shares_of(diagonal);
    CHECK(shares[0] == doctest::Approx(0.625));
    CHECK(shares[1] == doctest::Approx(0.875));
    CHECK(shares[2] == doctest::Approx(1));
    CHECK(count_for(shares, 0.6) == 1);
    CHECK(count_for(shares, 0.7) == 2);
    CHECK(shares_of(full<double>({8, 8}, 0.125))[0] == doctest::Approx(1));
    CHECK(remainder_of(shares_of(identity(8))) == doctest::Approx(0.75));
}

TEST_CASE("spectra: rows that are even, and rows that look at one distance") {
    CHECK(row_entropy(full<double>({8, 8}, 0.125)) == doctest::Approx(1));
    CHECK(row_entropy(identity(8)) == doctest::Approx(0));
    CHECK(weight_at_one_distance(identity(8)) == doctest::Approx(1));
    CHECK(weight_at_one_distance(full<double>({8, 8}, 0.125)) == doctest::Approx(0.125));
}

TEST_CASE("spectra: shuffled rows have the same weights in another order") {
    const Array<double> P = softmax_of_random_scores(16, 2, Random(1, "P"));
    const Array<double> shuffled = with_shuffled_rows(P, Random(1, "shuffle"));
    bool moved = false;
    for (std::size_t i = 0; i < 16; ++i) {
        std::vector<double> before, after;
        for (std::size_t j = 0; j < 16; ++j) {
            before.push_back(P(i, j));
            after.push_back(shuffled(i, j));
        }
        moved = moved || before != after;
        std::sort(before.begin(), before.end());
        std::sort(after.begin(), after.end());
        CHECK(before == after);
    }
    CHECK(moved);
    CHECK(row_entropy(shuffled) == doctest::Approx(row_entropy(P)));
}

TEST_CASE("spectra: the scale of the scores is read back from their softmax") {
    for (const double deviation : {0.5, 3.0}) {
        CAPTURE(deviation);
        const Random random(2, "scores");
        CHECK(score_deviation(softmax_of_random_scores(128, deviation, random)) ==
              doctest::Approx(deviation).epsilon(0.03));
        CHECK(score_deviation(softmax_of_random_heads(128, 16, deviation, random)) ==
              doctest::Approx(deviation).epsilon(0.1));
    }
}

// Of four texts, two layers and two heads; a share at n/4 = 1 of 4 in each.
TEST_CASE("spectra: means over the cells of a table") {
    SpectrumTable table{.texts = 2, .layers = 2, .heads = 2, .cells = {}};
    for (const double own : {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8})
        table.cells.push_back({.shares = {own, 1, 1, 1},
                               .shuffled = {own / 2, 1, 1, 1},
                               .entropy = own,
                               .distance = 0});
    const auto entropy = [](const Spectrum& spectrum) { return spectrum.entropy; };
    CHECK(mean_over(table, {}, entropy) == doctest::Approx(0.45));
    CHECK(mean_over(table, {.text = 0}, entropy) == doctest::Approx(0.25));
    CHECK(mean_over(table, {.layer = 1, .head = 0}, entropy) == doctest::Approx(0.5));
    CHECK(rest_of(table, {.text = 1}).own == doctest::Approx(0.35));
    CHECK(rest_of(table).shuffled == doctest::Approx(1 - 0.225));
    CHECK(mean_shares(table, {.head = 1}, &Spectrum::shuffled)[0] == doctest::Approx(0.25));
    CHECK(layer_shares(table)[1] == doctest::Approx(0.55));
    CHECK(layer_shares(table, 0)[0] == doctest::Approx(0.15));
}

// P of equal rows u, w = (1, ..., 1): ||P||_F ||w|| / ||P w|| = sqrt(n) ||u|| sqrt(n) / sqrt(n).
TEST_CASE("spectra: kappa, and the error that it predicts") {
    constexpr std::size_t n = 64;
    const Var<double> even = full<double>({n, n}, 1.0 / n);
    const Var<double> ones = full<double>({n, 1}, 1);
    CHECK(kappas_of({.P = even, .W = ones})[0] == doctest::Approx(1));
    const Var<double> I = identity(n);
    CHECK(kappas_of({.P = I, .W = ones})[0] == doctest::Approx(8));

    // Each row of I R^T R w misses 1 by ||e_i|| ||w|| / sqrt(k) = sqrt(n / k), in the mean.
    const std::vector<std::size_t> ks{16, 4096};
    const auto errors =
        projection_errors({.P = I, .W = ones}, ks, Random(3, "R"), EntryVariance::one_over_k, 0.5);
    CHECK(errors[1].k == 4096);
    CHECK(errors[1].additive == doctest::Approx(1 / 64.0).epsilon(0.2));
    CHECK(errors[0].additive == doctest::Approx(1 / 4.0).epsilon(0.5));
    CHECK(errors[1].relative[0] == doctest::Approx(errors[1].additive * 8).epsilon(0.01));
    CHECK(errors[1].beyond == 0);
    CHECK(root_mean_square({3, 5}) == doctest::Approx(std::sqrt(17.0)));
}
