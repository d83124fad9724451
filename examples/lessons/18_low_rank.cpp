// Why a projection to k can work: the attention matrix P = softmax(Q K^T / sqrt(d_h)) is nearly of
// low rank (arXiv 2006.04768, section 4: Figure 1 shows it, Theorem 1 bounds it). Its singular
// values s_1 >= s_2 >= ... say how nearly: the best matrix of rank k misses P by sqrt(s_{k+1}^2 +
// ... + s_n^2) (Eckart and Young 1936). Beside P a random matrix of the same kind: the softmax of n
// x n independent scores, as large as those of P, but not made of Q and K: P's scores have rank d_h
// alone. Run it: build/release/bin/18_low_rank
#include <algorithm>
#include <cmath>
#include <iomanip>
#include <numeric>

#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"

using namespace taper;
using examples::larger;
using lessons::claim;

static double dot(const double* a, const double* b, std::size_t n) {
    return std::inner_product(a, a + n, b, 0.0);
}

// P = U S W^T by one-sided Jacobi (Hestenes 1958): rotations of two rows at a time, until all rows
// are orthogonal. Then row i is s_i w_i^T, w_i the right singular vector.
struct Svd {
    std::vector<double> s;  // falling
    std::vector<std::vector<double>> w;
};
static Svd svd(const Array<double>& P) {
    const std::size_t n = P.shape(0);
    std::vector<std::vector<double>> rows(n);
    for (std::size_t i = 0; i < n; ++i) rows[i].assign(P.data() + i * n, P.data() + (i + 1) * n);
    bool rotated = true;
    for (int sweep = 0; sweep < 40 && rotated; ++sweep) {
        rotated = false;
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = i + 1; j < n; ++j) {
                double *a = rows[i].data(), *b = rows[j].data();
                const double aa = dot(a, a, n);
                const double bb = dot(b, b, n);
                const double ab = dot(a, b, n);
                if (std::abs(ab) <= 1e-13 * std::sqrt(aa * bb)) continue;
                const double angle = 0.5 * std::atan2(2 * ab, bb - aa);
                const double cosine = std::cos(angle);
                const double sine = std::sin(angle);
                for (std::size_t c = 0; c < n; ++c) {
                    const double left = a[c];
                    a[c] = cosine * left - sine * b[c];
                    b[c] = sine * left + cosine * b[c];
                }
                rotated = true;
            }
    }
    std::sort(rows.begin(), rows.end(),
              [n](auto& a, auto& b) { return dot(&a[0], &a[0], n) > dot(&b[0], &b[0], n); });
    Svd result;
    for (auto& row : rows) {
        result.s.push_back(std::sqrt(dot(&row[0], &row[0], n)));
        for (double& entry : row) entry /= result.s.back();
    }
    result.w = std::move(rows);
    return result;
}

// (s_1 + ... + s_k) / (s_1 + ... + s_n), as in Figure 1; how many s make up 90 %; what the best
// rank k misses, of |P|.
static double share(const std::vector<double>& s, std::size_t k) {
    const auto at = s.begin() + static_cast<std::ptrdiff_t>(k);
    return std::accumulate(s.begin(), at, 0.0) / std::accumulate(s.begin(), s.end(), 0.0);
}
static std::size_t rank_of_90(const std::vector<double>& s) {
    std::size_t k = 0;
    while (share(s, k) < 0.9) ++k;
    return k;
}
static double missed(const std::vector<double>& s, std::size_t k) {
    return std::sqrt(dot(s.data() + k, s.data() + k, s.size() - k) /
                     dot(s.data(), s.data(), s.size()));
}

int main() {
    const std::size_t d_h = 8;
    std::cout << "P of random Q and K, d_h " << d_h
              << ", and a random matrix: cumulative share of the singular values\n"
              << "      n             s_1  n/16   n/8   n/4   n/2   90 % at   rank n/8 misses\n"
              << std::fixed << std::setprecision(3);
    std::vector<std::size_t> needs_P, needs_random;
    double made = 0, lost = 0;
    for (const std::size_t n : {64u, 128u, 256u}) {
        const Var<double> Q = normal<double>(Random(1, "Q"), {n, d_h});
        const Var<double> K = normal<double>(Random(1, "K"), {n, d_h});
        const Var<double> scores =
            matmul(Q, K, {.transpose_b = true}) / std::sqrt(static_cast<double>(d_h));
        const Array<double> P = softmax(scores).value();
        const Array<double> R =
            softmax<double>(normal<double>(Random(1, "scores"), {n, n})).value();
        const Svd of_P = svd(P);
        const Svd of_R = svd(R);
        for (const auto& [name, s] : {std::pair{"P", &of_P.s}, std::pair{"random", &of_R.s}}) {
            std::cout << std::setw(7) << n << "  " << std::left << std::setw(6) << name
                      << std::right;
            for (const std::size_t k : {std::size_t{1}, n / 16, n / 8, n / 4, n / 2})
                std::cout << " " << share(*s, k);
            std::cout << std::setw(10) << rank_of_90(*s) << std::setw(18) << missed(*s, n / 8)
                      << "\n";
        }
        needs_P.push_back(rank_of_90(of_P.s)), needs_random.push_back(rank_of_90(of_R.s));

        // The best matrix of rank k for this P, made: P W_k^T W_k. On values V it is (P W_k^T) (W_k
        // V): n x k weights, and W_k as Linformer's F, which is one for all inputs.
        const std::size_t k = n / 8;
        auto W_k = empty<double>({k, n});
        for (std::size_t i = 0; i < k; ++i) std::copy_n(of_P.w[i].begin(), n, W_k.data() + i * n);
        const Array<double> off =
            P - matmul<double>(matmul<double>(P, W_k, {.transpose_b = true}), W_k).value();
        const double norm = std::sqrt(dot(P.data(), P.data(), n * n));
        const double error = std::sqrt(dot(off.data(), off.data(), n * n)) / norm;
        made = larger(made, std::abs(error - missed(of_P.s, k)));
        lost = larger(lost, std::abs(norm / std::sqrt(dot(of_P.s.data(), of_P.s.data(), n)) - 1));
    }
    claim(lost < 1e-12, "the singular values are P's: their squares sum to |P|^2");
    claim(made < 1e-12,
          "rank n/8, made from the first n/8 singular vectors, misses what the rest of s says");
    bool lower = true, falls = true, stays = true;
    for (std::size_t i = 0; i < 3; ++i) {
        lower = lower && needs_P[i] < needs_random[i];
        if (i == 0) continue;
        falls =
            falls && static_cast<double>(needs_P[i]) < 1.75 * static_cast<double>(needs_P[i - 1]);
        stays = stays && static_cast<double>(needs_random[i]) >
                             1.95 * static_cast<double>(needs_random[i - 1]);
    }
    claim(lower, "P needs fewer singular values for 90 % than a random matrix");
    claim(stays, "with twice the n a random matrix needs twice as many: it has no low rank");
    claim(falls,
          "P needs less than 1.75 times as many: the larger n, the smaller the part of it that is "
          "enough");
}
