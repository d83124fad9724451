// What E and F do. Attention has n x n scores: each of n queries meets n keys (arXiv 2006.04768,
// Eq. 2). Linformer first adds keys and values up along the sequence, from n to k, with learned
// weights E and F (k, n), so that the scores are n x k (Eq. 7):
//     head = softmax(Q (E K)^T / sqrt(d_h)) F V         Q, K, V (n, d_h)
// One head by hand, both ways, with every multiplication counted. With E = F = identity the two are
// the same. Run it: build/release/bin/19_projection
#include <cmath>
#include <iomanip>

#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"

using namespace taper;
using examples::apart;
using examples::larger;
using lessons::claim;

static constexpr std::size_t d_h = 16, k = 32;

// matmul, counting: the shapes say how many multiplications a product takes.
struct Counter {
    std::size_t multiplications = 0;
    Var<double> product(const Var<double>& a, const Var<double>& b, Transposed as = {}) {
        const Var<double> y = matmul(a, b, as);
        multiplications += count(y.shape()) * a.shape().back();
        return y;
    }
};

struct Head {
    Var<double> y;                                 // (n, d_h)
    std::size_t numbers = 0, multiplications = 0;  // scores held; products
};

// softmax(Q K^T / sqrt(d_h)) V: the keys may be n, or k slots.
static Head attend(Counter counter, const Var<double>& Q, const Var<double>& keys,
                   const Var<double>& values) {
    const Var<double> scores =
        counter.product(Q, keys, {.transpose_b = true}) / std::sqrt(static_cast<double>(d_h));
    const Var<double> y = counter.product(softmax(scores), values);
    return {y, count(scores.shape()), counter.multiplications};
}

static Head full_head(const Var<double>& Q, const Var<double>& K, const Var<double>& V) {
    return attend({}, Q, K, V);
}  // Eq. 2

static Head projected_head(const Var<double>& Q, const Var<double>& K, const Var<double>& V,
                           const Var<double>& E,
                           const Var<double>& F) {  // Eq. 7
    Counter counter;
    const Var<double> keys = counter.product(E, K);    // (k, d_h)
    const Var<double> values = counter.product(F, V);  // (k, d_h)
    return attend(counter, Q, keys, values);
}

static Var<double> random(const char* name, const Shape& shape, double deviation = 1) {
    return normal<double>(Random(1, name), shape, deviation);
}
static Var<double> batch_of_one(const Var<double>& x) {
    return reshape(x, {1, -1, static_cast<int>(d_h)});
}

int main() {
    std::cout << "Scores held, and multiplications, of one head; d_h " << d_h << ", k " << k << "\n"
              << "      n     n x n scores      n x k scores    n x n products    n x k products   "
                 " ratio\n";
    std::vector<Head> full, projected;
    double worst = 0;
    for (const std::size_t n : {64u, 128u, 256u, 512u, 1024u}) {
        const Var<double> Q = random("Q", {n, d_h});
        const Var<double> K = random("K", {n, d_h});
        const Var<double> V = random("V", {n, d_h});
        const double deviation = 1 / std::sqrt(static_cast<double>(k));
        const Var<double> E = random("E", {k, n}, deviation);
        const Var<double> F = random("F", {k, n}, deviation);
        full.push_back(full_head(Q, K, V));
        projected.push_back(projected_head(Q, K, V, E, F));
        const Head &a = full.back(), &b = projected.back();
        std::cout << std::setw(7) << n << std::setw(17) << a.numbers << std::setw(18) << b.numbers
                  << std::setw(18) << a.multiplications << std::setw(18) << b.multiplications
                  << std::setw(9)
                  << static_cast<double>(a.multiplications) / static_cast<double>(b.multiplications)
                  << "\n";
        // The op computes the same from the same keys and values, and holds no scores at all.
        const Var<double> y =
            attention(batch_of_one(Q), batch_of_one(matmul(E, K)), batch_of_one(matmul(F, V)));
        worst = larger(worst, apart(b.y, reshaped(y.value(), {n, d_h})));
    }
    claim(worst < 1e-13,
          "by hand, and by the op attention with E K and F V: the same to 1e-13, for every n");
    bool linear = true, quadratic = true, formula = true;
    for (std::size_t i = 0; i < full.size(); ++i) {
        const std::size_t n = std::size_t{64} << i;
        formula = formula && full[i].multiplications == 2 * n * n * d_h &&
                  projected[i].multiplications == 4 * n * k * d_h && projected[i].numbers == n * k;
        if (i == 0) continue;
        linear = linear && projected[i].multiplications == 2 * projected[i - 1].multiplications;
        quadratic = quadratic && full[i].multiplications == 4 * full[i - 1].multiplications;
    }
    claim(formula,
          "n x n takes 2 n^2 d_h; n x k takes 2 n k d_h, and as much again for E K and F V");
    claim(quadratic, "twice the text is four times the work of full attention");
    claim(linear, "and twice the work of Linformer");
    claim(full[0].multiplications == projected[0].multiplications,
          "they are even at n = 2 k: above it the projected one is cheaper");

    std::cout << "What k costs: E = F = identity, k = n\n";
    const std::size_t n = 64;
    const Var<double> Q = random("Q", {n, d_h});
    const Var<double> K = random("K", {n, d_h});
    const Var<double> V = random("V", {n, d_h});
    auto identity = zeros<double>({n, n});
    for (std::size_t i = 0; i < n; ++i) identity(i, i) = 1;
    const Array<double> exact = full_head(Q, K, V).y.value();
    const double difference = apart(projected_head(Q, K, V, identity, identity).y, exact);
    std::cout << "  difference from full attention " << difference << "\n";
    claim(difference == 0, "full attention is the Linformer with k = n, exactly");

    std::cout << "Windows: row j of E and F takes the mean of n / k positions; k " << k << "\n"
              << "  noise within a window   largest difference from full attention\n";
    auto windows = zeros<double>({k, n});
    auto repeated = zeros<double>({n, k});
    for (std::size_t i = 0; i < n; ++i) {
        windows(i * k / n, i) = static_cast<double>(k) / static_cast<double>(n);
        repeated(i, i * k / n) = 1;
    }
    double before = -1;
    // keys and values: the same all over a window, plus noise
    for (const double noise : {0.0, 0.01, 0.1, 1.0}) {
        const Var<double> keys = matmul<double>(repeated, random("keys", {k, d_h})) + noise * K;
        const Var<double> values = matmul<double>(repeated, random("values", {k, d_h})) + noise * V;
        const Array<double> all = full_head(Q, keys, values).y.value();
        const double now = apart(projected_head(Q, keys, values, windows, windows).y, all);
        std::cout << std::setw(23) << noise << "   " << now << "\n";
        if (noise == 0) claim(now < 1e-12, "nothing is lost where a window says one thing");
        else claim(now > before, "more is lost the more its positions differ");
        before = now;
    }
}
