// Attention and its picture. Query q_t meets every key k_j; the softmax of their products says how
// much of each value v_j goes into y_t (Vaswani et al., arXiv 1706.03762, Eq. 1; arXiv 2006.04768,
// Eq. 2):
//     P = softmax(Q K^T / sqrt(d_h)),  y = P V             Q, K, V, y (n, d_h), P (n, n)
// By hand, from matmul and softmax; the op attention is the same. A head learns to answer "what
// came after this letter, the last time?" (an induction head: Olsson et al., arXiv 2209.11895), and
// its P is drawn. Then the order of positions, and sqrt(d_h). Run it:
// build/release/bin/14_attention
#include <algorithm>
#include <cmath>
#include <iomanip>
#include <limits>

#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"
#include "nn/optim/adam.hpp"

using namespace taper;
using examples::apart;
using lessons::claim;

struct Attended {
    Var<double> Q, K, V, scores, P, y;
};
static Attended attend(const Var<double>& Q, const Var<double>& K, const Var<double>& V,
                       bool causal, bool scaled = true) {
    const double root = std::sqrt(static_cast<double>(Q.shape().back()));
    const Var<double> scores = matmul(Q, K, {.transpose_b = true}) / (scaled ? root : 1.0);
    const std::size_t n = scores.shape().back();
    Mask seen({n, n}, true);
    for (std::size_t t = 0; t < n; ++t)
        // position t does not see the next ones
        for (std::size_t j = t + 1; j < n; ++j) seen(t, j) = !causal;
    const Var<double> P = softmax(select(seen, scores, -std::numeric_limits<double>::infinity()));
    return {Q, K, V, scores, P, matmul(P, V)};
}

static Var<double> random(const char* name, const Shape& shape) {
    return normal<double>(Random(1, name), shape);
}

static const std::string letters = " abcdefghijklmnopqrstuvwxyz";
static constexpr std::size_t vocabulary = 27, d_h = 16;
static std::int64_t number(char letter) { return static_cast<std::int64_t>(letters.find(letter)); }

struct Head {
    Parameter<double> query{"query", random("query", {vocabulary, d_h}).value()};
    Parameter<double> key{"key", random("key", {vocabulary, d_h}).value()};
    Var<double> value = random("value", {vocabulary, d_h});  // fixed: what stands for each letter

    // q_t is of letter t, k_j of the letter before j (0 for the first), v_j of letter j.
    Attended operator()(const Ids& ids) const {
        const Var<double> first = zeros<double>({ids.shape(0), 1, d_h});
        const Var<double> keys = embedding(key, ids);
        const Var<double> before = concat<double>({first, slice(keys, 1, {.end = -1})}, 1);
        return attend(embedding(query, ids), before, embedding(value, ids), true);
    }
};

static double learn(Head& head) {  // returns the last loss
    nn::Adam<double> adam({&head.query, &head.key});
    const std::size_t B = 16, half = 8;
    double last = 0;
    for (std::uint32_t step = 1; step <= 150; ++step) {
        Ids ids = empty<std::int64_t>({B, 2 * half});
        Ids next = full<std::int64_t>({B, 2 * half}, ignore_index);
        for (std::uint32_t b = 0; b < B; ++b) {
            const Random shuffle = Random(1, "texts", step).substream(b);
            std::string text = letters;
            for (std::size_t i = 0; i < half; ++i)
                std::swap(text[i], text[i + shuffle.below(i, vocabulary - i)]);
            for (std::size_t t = 0; t < 2 * half; ++t) {
                ids(b, t) = number(text[t % half]);
                if (t > half) next(b, t - 1) = ids(b, t);  // what came after it the last time
            }
        }
        Tape<double> tape;
        const Var<double> loss =
            cross_entropy(matmul(head(ids).y, head.value, {.transpose_b = true}), next);
        last = loss.item();
        if (step == 1 || step % 50 == 0)
            std::cout << "  step " << std::setw(3) << step << "  loss " << last << "\n";
        tape.backward(loss);
        adam.step(0.05);
    }
    return last;
}

static void a_head() {
    std::cout
        << "1. A head learns, on texts of eight letters and the same again, to say the next one\n";
    Head head;
    claim(learn(head) < 0.3, "it does: knowing nothing costs ln 27 = 3.3");
    const std::string text = "hocus pocus";
    const std::size_t n = text.size();
    Ids ids = empty<std::int64_t>({1, n});
    for (std::size_t t = 0; t < n; ++t) ids(0, t) = number(text[t]);
    const Attended a = head(ids);
    const Array<double> P = a.P.value();  // (1, n, n)
    std::cout << "  P: row t, column j is how much of letter j goes into y_t; ten shades from 0 to "
                 "1\n\n             ";
    for (const char letter : text) std::cout << letter << ' ';
    bool triangle = true, found = true;
    for (std::size_t t = 0; t < n; ++t) {
        std::cout << "\n         " << text[t] << " | ";
        for (std::size_t j = 0; j < n; ++j) {
            std::cout << " .:-=+*#%@"[std::min(9, static_cast<int>(10 * P(0, t, j)))] << ' ';
            triangle = triangle && (j <= t || P(0, t, j) == 0);
        }
        std::cout << "|";
        found = found && (t < 7 || P(0, t, t - 5) > 0.9);  // rows 7 to 10: the second o c u s
    }
    std::cout << "\n\n";
    claim(found, "the second \"ocus\" attends to what came after each of its letters in the first");
    claim(apart(sum(a.P, {-1}), full<double>({1, n}, 1)) < 1e-14,
          "every row sums to 1: y_t is a mean of values");
    claim(triangle && P(0, 0, 0) == 1,
          "with the mask nothing comes from the right, and row 0 has only itself to see");
    claim(apart(attention(a.Q, a.K, a.V, {.causal = true}), a.y) < 1e-12,
          "the op attention gives the same y");
}

static Var<double> reordered(const Var<double>& x) {
    std::vector<Var<double>> rows;
    for (const std::ptrdiff_t from : {3, 0, 5, 1, 4, 2})
        rows.push_back(slice(x, 0, {from, from + 1}));
    return concat(rows, 0);
}

struct Scores {
    double deviation, largest, gradient;  // of q k; P in a row, mean; |dQ| of a row, geometric mean
};
static Scores random_scores(std::size_t width, bool scaled) {
    const Parameter<double> Q("Q", random("Q", {64, width}).value());
    Tape<double> tape;
    const Attended a = attend(Q, random("K", {64, width}), random("V", {64, 16}), false, scaled);
    tape.backward(a.y, random("dy", {64, 16}).value(), Keep::everything);
    const Var<double> S = a.scores.detach();
    const Var<double> dQ = Q.gradient();
    return {sqrt(mean(S * S)).item(), mean(max(a.P, {-1})).item(),
            exp(mean(log(sum(dQ * dQ, {-1}))) / 2.0).item()};
}

int main() {
    a_head();
    std::cout
        << "2. Order: random Q, K and V of 6 positions, without a mask, and no positions added\n";
    const Var<double> Q = random("Q", {6, d_h});
    const Var<double> K = random("K", {6, d_h});
    const Var<double> V = random("V", {6, d_h});
    const Var<double> R = reordered(Q);
    const Var<double> L = reordered(K);
    const Var<double> W = reordered(V);
    const Var<double> y = attend(Q, K, V, false).y;
    claim(apart(attend(Q, L, V, false).y, y) > 0.1, "keys alone in another order: another y");
    claim(apart(attend(Q, L, W, false).y, y) < 1e-13, "keys and values in that order: y as it was");
    claim(apart(attend(R, L, W, false).y, reordered(y)) < 1e-13,
          "all in that order: y in that order. It sees a set");
    std::cout << "3. Why sqrt(d_h): 64 random queries and keys. dQ is the gradient of a query for "
                 "a random dy\n"
              << std::setprecision(2)
              << "              S = Q K^T                           S = Q K^T / sqrt(d_h)\n"
              << "   d_h   deviation   largest P        |dQ|   deviation   largest P        |dQ|\n";
    bool near_1 = true;
    Scores raw, scaled;
    for (const std::size_t width : {4u, 16u, 64u, 256u, 1024u}) {
        raw = random_scores(width, false), scaled = random_scores(width, true);
        std::cout << std::setw(6) << width;
        for (const Scores& s : {raw, scaled})
            std::cout << std::setw(12) << s.deviation << std::setw(12) << s.largest << std::setw(12)
                      << s.gradient;
        std::cout << "\n";
        near_1 = near_1 && std::abs(scaled.deviation - 1) < 0.1;
    }
    claim(raw.deviation > 25 && near_1,
          "q k is a sum of d_h products, of deviation sqrt(d_h); divided by it, near 1");
    claim(raw.largest > 0.9 && scaled.largest < 0.2,
          "without, a query attends to one key alone; with it, to many");
    claim(raw.gradient < 0.01 * scaled.gradient,
          "and where P is 1 or 0 no gradient comes back to Q and K");
}
