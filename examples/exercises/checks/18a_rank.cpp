// The check of exercise 18a: small numbers by hand, then the singular values of random matrices,
// where what is missed is measured.
#include <array>
#include <cmath>
#include <numeric>
#include <vector>
#include <xtensor-blas/xlinalg.hpp>

#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

Array<double> outer_product(const Array<double>& u, const Array<double>& v);
Array<double> rank_k(const Array<double>& U, const std::vector<double>& s, const Array<double>& W,
                     std::size_t k);
double missed(const std::vector<double>& s, std::size_t k);
std::size_t rank_for(const std::vector<double>& s, double part);

static void matrices(Check& check) {
    check.with("u {1,2,3}, v {2,0,-1,5}");
    check.compare(
        "u v^T", outer_product(Array<double>{1, 2, 3}, Array<double>{2, 0, -1, 5}),
        Array<double>{{2, 0, -1, 5}, {4, 0, -2, 10}, {6, 0, -3, 15}},
        {{Array<double>{{3, 1, 0, 6}, {4, 2, 1, 7}, {5, 3, 2, 8}}, "That is a sum u_i + v_j."}});
    check.with("U {{2,2},{2,-1},{1,-2}}, s {10,3}, W {{3,4},{-4,3}}");
    const Array<double> U{{2, 2}, {2, -1}, {1, -2}};
    const Array<double> W{{3, 4}, {-4, 3}};
    check.compare("k = 1", rank_k(U, {10, 3}, W, 1), Array<double>{{60, 80}, {60, 80}, {30, 40}},
                  {{Array<double>{{6, 8}, {6, 8}, {3, 4}}, "The factor s_0 is missing."},
                   {Array<double>{{36, 98}, {72, 71}, {54, 22}}, "That is k = 2."},
                   {Array<double>{{-24, 18}, {12, -9}, {24, -18}},
                    "That is term 1. The first one is term 0."},
                   {Array<double>{{60, -80}, {60, -80}, {30, -40}},
                    "There w_p is a column of W. It is a row."},
                   {Array<double>{{60, 80}, {60, 80}, {30, 40}} * 10.0, "s_0 is not squared."}});
    check.compare("k = 2", rank_k(U, {10, 3}, W, 2), Array<double>{{36, 98}, {72, 71}, {54, 22}},
                  {{Array<double>{{-24, 18}, {12, -9}, {24, -18}},
                    "That is the second term alone: the terms are added up."}});
    check.compare("k = 0", rank_k(U, {10, 3}, W, 0), zeros<double>({3, 2}));
}

static void what_is_missed(Check& check) {
    const std::vector<double> s{6, 3, 2};  // squares 36, 9, 4, together 49
    check.with("s {6,3,2}: 36 + 9 + 4 = 49");
    check.compare("missed by k = 1", missed(s, 1), std::sqrt(13.0) / 7,
                  {{6.0 / 7, "That is what k = 1 has, not what it misses."},
                   {13.0 / 49, "The root is missing."},
                   {std::sqrt(13.0), "That is a length. It is asked for as a part of |A|."},
                   {5.0 / 11, "That is a share of the plain sum. Lengths are roots of squares."},
                   {2.0 / 7, "There two terms are left out of the sum. It is the first alone."},
                   {std::sqrt(13.0) / 6, "|A| is made of all s."},
                   {3.0 / 7, "That is the next s alone. All that are left over are missed."}});
    check.compare("missed by k = 2", missed(s, 2), 2.0 / 7);
    check.compare("missed by k = 0", missed(s, 0), 1);
    check.compare("missed by k = 3", missed(s, 3), 0);
    check.with("s {6,3,2}");
    check.compare(
        "the rank for a part of 0.4", rank_for(s, 0.4), 2,
        {{1, "k = 1 misses 0.515, which is more."}, {3, "k = 2 misses 0.286, which is not more."}});
    check.compare("the rank for a part of 0.6", rank_for(s, 0.6), 1,
                  {{0, "k = 0 misses everything, a part of 1."},
                   {2, "k = 1 misses 0.515, which is not more."}});
    check.compare("the rank for a part of 1", rank_for(s, 1), 0,
                  {{1, "k = 0 misses a part of 1, which is not more than 1."}});
    check.compare("the rank for a part of 0", rank_for(s, 0), 3);
    check.with("s {4,3,0,0}");
    check.compare("the rank for a part of 0", rank_for({4, 3, 0, 0}, 0), 2);
    check.compare("the rank for a part of 0.7", rank_for({4, 3, 0, 0}, 0.7), 1);
}

static double length(const Array<double>& A) {
    return std::sqrt(std::inner_product(A.begin(), A.end(), A.begin(), 0.0));
}

static void random_matrices(Check& check) {
    std::uint32_t number = 0;
    for (const auto& [m, n] :
         std::vector<std::array<std::size_t, 2>>{{4, 6}, {5, 3}, {1, 4}, {3, 1}}) {
        const std::size_t r = std::min(m, n);
        const auto A = normal<double>(Random(1, "rank", ++number), {m, n});
        const auto [U, values, W] = xt::linalg::svd(A, false);
        const Array<double> u = U, w = W;
        const std::vector<double> s(values.begin(), values.end());
        check.with("A " + to_string(A.shape()) + ", its singular values and vectors");
        for (std::size_t k = 0; k <= r; ++k) {
            const Array<double> A_k = rank_k(u, s, w, k);
            const std::string of_k = "k = " + std::to_string(k);
            if (k == r) check.compare(of_k, A_k, A);
            check.compare(of_k + " misses", missed(s, k), length(A - A_k) / length(A));
        }
    }
}

int main() { return exercises::run("18a_rank", {matrices, what_is_missed, random_matrices}); }
