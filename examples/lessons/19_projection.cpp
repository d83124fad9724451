// Lesson 19. Projection: E and F with a pencil
//
// Attention compares each of n queries with each of n keys. That is n x n scores, and a text twice
// as long costs four times as much. Linformer (Wang, Li, Khabsa, Fang and Ma 2020, arXiv
// 2006.04768) first adds the keys up along the sequence, with learned weights, until only k of them
// are left. Lesson 18 has shown where that can be enough: where the attention matrix P is nearly of
// low rank, as that of some heads is, and not of all.
//
// The words of this lesson: a *projection* is such a weighted adding-up, a product with a matrix E
// (k, n) on the left; a *slot* is one of the k sums; *linear complexity* is a cost that grows with
// n and not with $n^2$. After lessons 3 (the backward of a matrix product), 14 (attention), 15
// (heads) and 18 (rank). About 35 minutes.
//
// Run it: build/release/bin/19_projection [--page FILE]
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"
#include "examples/lessons/page.hpp"

using namespace taper;
using examples::apart, examples::larger;
using lessons::above, lessons::below, lessons::near, lessons::equal, lessons::claim;
using lessons::Page, lessons::section, lessons::Table, lessons::text_of;

// ---- 1. Six keys become two slots
//
// Take a text of n = 6 positions. Each has a key of two numbers: K is (6, 2). E has a row for each
// slot and a column for each position, here (2, 6). The product is taken along the sequence:
//
// ```
//                                      1  0
//                                      2  1
//     E   1  1  1  0  0  0      K      0  1      E K   3  2    slot 0
//         0  0  1  0  2 -1             3  0            2  1    slot 1
//                                      1  1
//         (k, n) = (2, 6)              0  2      (k, d_h) = (2, 2)
//                                    (6, 2)
// ```
//
// Slot 0 is the sum of the first three keys: (1, 0) + (2, 1) + (0, 1) = (3, 2). Slot 1 is key 2,
// and twice key 4, less key 5: (0, 1) + (2, 2) - (0, 2) = (2, 1). In letters, with one line of E
// for each slot j:
//
//     (E K)_(j c) = sum_i E_(j i) K_(i c)
//
// A slot has the width of a key, and is used as one. The numbers within a key (c) are not mixed;
// the positions (i) are. E is a parameter: it is learned as all others are, and stays the same for
// every text. The values get slots too, F V, with a matrix F of their own.
static const Array<double> whole_K{{1, 0}, {2, 1}, {0, 1}, {3, 0}, {1, 1}, {0, 2}};
static const Array<double> whole_E{{1, 1, 1, 0, 0, 0}, {0, 0, 1, 0, 2, -1}};

static void two_slots() {
    section("1. Six keys become two slots");
    const Array<double> slots = matmul<double>(whole_E, whole_K).value();
    Table table({"slot", "first number", "second number"});
    for (std::size_t j = 0; j < 2; ++j) table.row(j, slots(j, 0), slots(j, 1));
    table.print();
    claim(equal(apart(slots, {{3, 2}, {2, 1}}), 0.0),
          "E K is {{3, 2}, {2, 1}}, as was found with the pencil.");

    Array<double> other = whole_K;
    other(3, 0) = 100;
    claim(equal(apart(matmul<double>(whole_E, other).value(), slots), 0.0),
          "Column 3 of E is zero: whatever key 3 is, no slot changes.");
}

// ---- 2. What a query sees of a slot
//
// A query is compared with the slots instead of the keys. Eq. 7 of the paper, for one head:
//
//     P = "softmax"((Q (E K)^T) / sqrt(d_h))
//     y = P (F V)
//
// ```
//          n x n                         n x k
//
//          keys 0 .. n-1                 slots
//        +---------------+              +-----+
//     q  |               |           q  |     |
//     u  |       P       |           u  |  P  |      every query has a weight for each slot,
//     e  |               |           e  |     |      and what it gets is a row of F V,
//     r  |  every query  |           r  |     |      k sums of values
//     y  |  and each key |           y  |     |
//        +---------------+              +-----+
// ```
//
// Both are softmax over a row, then a mean of what stands in the columns. What is the score of a
// slot? A product of matrices may be bracketed as one likes:
//
//     Q (E K)^T = Q K^T E^T = (Q K^T) E^T
//
// So the score with slot j is the sum of the scores with the keys, weighted by row j of E. For the
// query q = (1, 1) the six keys have the scores 1, 3, 1, 3, 2, 2. Slot 0 has 1 + 3 + 1 = 5, slot 1
// has 1 + 2 * 2 - 2 = 3.
//
// Only the scores are so simple. The softmax is taken after the sum, and the exponential of a sum
// is not the sum of exponentials: P over slots is not (P over keys) times $E^T$.
static void scores_of_slots() {
    section("2. What a query sees of a slot");
    const Var<double> q = Array<double>{{1, 1}};
    const Array<double> of_keys = matmul<double>(q, whole_K, {.transpose_b = true}).value();
    const Array<double> of_slots =
        matmul<double>(q, matmul<double>(whole_E, whole_K), {.transpose_b = true}).value();
    Table keys({"key", "its score", "its weight for slot 0", "for slot 1"});
    for (std::size_t i = 0; i < 6; ++i) keys.row(i, of_keys(0, i), whole_E(0, i), whole_E(1, i));
    keys.row("the slot's score", "", text_of(of_slots(0, 0)), text_of(of_slots(0, 1)));
    keys.print();
    claim(equal(apart(of_slots, {{5, 3}}), 0.0), "The slots have the scores 5 and 3.");
    claim(equal(apart(matmul<double>(of_keys, whole_E, {.transpose_b = true}).value(), of_slots),
                0.0),
          "They are the weighted sums of the keys' scores: (q K^T) E^T = q (E K)^T.");
    const Array<double> P_slots = softmax<double>(of_slots).value();
    const Array<double> summed =
        matmul<double>(softmax<double>(of_keys), whole_E, {.transpose_b = true}).value();
    claim(above(apart(P_slots, summed), 0.1),
          "Their weights after the softmax are not: it does not change places with a sum.");
}

// ---- 3. Backward
//
// Write $bar K$ = E K for the slots, in words K-bar. Backward brings dK-bar, the gradient of the
// slots (k, d_h), and asks for dE and dK. Each entry of K-bar is a sum of products:
//
//     bar K_(j c) = sum_i E_(j i) K_(i c)
//
// $E_(j i)$ appears in the entries (j, c) for all c, each time with the factor $K_(i c)$. $K_(i c)$
// appears in (j, c) for all slots j, with the factor $E_(j i)$. The chain rule adds up over all
// places where a number is used (lesson 1):
//
//     dE_(j i) = sum_c d bar K_(j c) K_(i c)
//     dK_(i c) = sum_j E_(j i) d bar K_(j c)
//
// which are products of matrices again:
//
//     dE = d bar K K^T
//     dK = E^T d bar K
//
// Read the second: forward a slot gathers from positions, backward it hands its gradient out to the
// same positions with the same weights. Key 3 was gathered by nobody, and gets nothing. Read the
// first: $E_(j i)$ should grow if key i points to where slot j wants to go.
//
// For the numbers above, let dK-bar be {{1, 0}, {2, -1}}. Then dK of key 2 is once the gradient of
// slot 0 and once that of slot 1, (1, 0) + (2, -1) = (3, -1); dK of key 4 is twice that of slot 1,
// (4, -2). And dE at slot 1, position 4 is (2, -1) times key 4, (1, 1): 2 - 1 = 1.
static void backward_of_slots(const Page& page) {
    section("3. Backward");
    Parameter<double> K("K", whole_K);
    Parameter<double> E("E", whole_E);
    const Array<double> d_slots{{1, 0}, {2, -1}};
    Tape<double> tape;
    const Var<double> slots = matmul(E, K);
    tape.backward(slots, d_slots, Keep::everything);
    page.show(tape, "The slots E K of six keys");
    const Array<double>& dE = E.gradient();
    const Array<double>& dK = K.gradient();
    Table table({"position", "dK, first", "second", "dE of slot 0", "dE of slot 1"});
    for (std::size_t i = 0; i < 6; ++i) table.row(i, dK(i, 0), dK(i, 1), dE(0, i), dE(1, i));
    table.print();
    claim(equal(dK(2, 0), 3.0) && equal(dK(2, 1), -1.0) && equal(dK(4, 0), 4.0) &&
              equal(dK(4, 1), -2.0) && equal(dE(1, 4), 1.0),
          "dK of the keys 2 and 4, and dE of slot 1 at position 4, are those of the pencil.");
    claim(equal(dK(3, 0), 0.0) && equal(dK(3, 1), 0.0),
          "Key 3, which no slot has gathered, gets no gradient.");
    claim(equal(apart(dE, matmul<double>(d_slots, whole_K, {.transpose_b = true}).value()), 0.0),
          "dE = dK-bar K^T.");
    claim(equal(apart(dK, matmul<double>(whole_E, d_slots, {.transpose_a = true}).value()), 0.0),
          "dK = E^T dK-bar.");
}

// ---- 4. What it costs
//
// Now count. A product of an (m, p) with a (p, n) matrix has m n sums of p products, so m p n
// multiplications. For one head, with keys of d_h numbers:
//
// - n x n: $Q K^T$ takes $n^2 d_h$, and P V as many. Together $2 n^2 d_h$.
// - n x k: E K and F V take $k n d_h$ each; Q (E K)^T and P (F V) take $n k d_h$ each. Together
//   $4 n k d_h$.
//
// They are even at n = 2 k. The code below counts by the shapes of what it really multiplies.
//
// E and F are parameters as well, k n numbers each, so the paper shares them. For 12 layers of 12
// heads: each head has its own two (288 matrices), each layer has two (24), each layer has one, E =
// F (12), or the whole model has one (1). In taper this is `nn::Sharing` in `nn/config.hpp`; two a
// layer is the default.
static constexpr std::size_t d_h = 16, k = 32;

struct Counter {
    std::size_t multiplications = 0;
    Var<double> product(const Var<double>& a, const Var<double>& b, Transposed as = {}) {
        const Var<double> y = matmul(a, b, as);
        multiplications += count(y.shape()) * a.shape().back();
        return y;
    }
};

struct Head {
    Var<double> y;                                // (n, d_h)
    std::size_t scores = 0, multiplications = 0;  // scores held; products
};

// softmax(Q K^T / sqrt(d_h)) V: the keys may be n, or k slots.
static Head attend(Counter counter, const Var<double>& Q, const Var<double>& keys,
                   const Var<double>& values) {
    const Var<double> scores =
        counter.product(Q, keys, {.transpose_b = true}) / std::sqrt(static_cast<double>(d_h));
    const Var<double> y = counter.product(softmax(scores), values);
    return {y, count(scores.shape()), counter.multiplications};
}

// Eq. 2
static Head full_head(const Var<double>& Q, const Var<double>& K, const Var<double>& V) {
    return attend({}, Q, K, V);
}

// Eq. 7
static Head projected_head(const Var<double>& Q, const Var<double>& K, const Var<double>& V,
                           const Var<double>& E, const Var<double>& F) {
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

static void what_it_costs() {
    section("4. What it costs");
    std::cout << "  One head with d_h = " << d_h << ", and k = " << k << " slots.\n";
    Table table({"n", "scores n x n", "scores n x k", "products n x n", "products n x k", "ratio"});
    std::vector<Head> full, projected;
    double difference = 0;
    for (const std::size_t n : {64u, 128u, 256u, 512u, 1024u}) {
        const Var<double> Q = random("Q", {n, d_h});
        const Var<double> K = random("K", {n, d_h});
        const Var<double> V = random("V", {n, d_h});
        const double deviation = 1 / std::sqrt(static_cast<double>(k));
        const Var<double> E = random("E", {k, n}, deviation);
        const Var<double> F = random("F", {k, n}, deviation);
        full.push_back(full_head(Q, K, V));
        projected.push_back(projected_head(Q, K, V, E, F));
        const Head& a = full.back();
        const Head& b = projected.back();
        table.row(n, a.scores, b.scores, a.multiplications, b.multiplications,
                  static_cast<double>(a.multiplications) / static_cast<double>(b.multiplications));
        // The op has only the slots to work with.
        const Var<double> y =
            attention(batch_of_one(Q), batch_of_one(matmul(E, K)), batch_of_one(matmul(F, V)));
        difference = larger(difference, apart(b.y, reshape(y, {n, d_h})));
    }
    table.print();
    claim(equal(full[3].multiplications, 2u * 512 * 512 * d_h) &&
              equal(projected[3].multiplications, 4u * 512 * k * d_h),
          "At n = 512 the counts are 2 n^2 d_h and 4 n k d_h.");
    claim(equal(full[0].multiplications, projected[0].multiplications),
          "At n = 2 k = 64 both cost the same: Linformer is for texts longer than that.");
    claim(equal(full[4].multiplications, 4 * full[3].multiplications),
          "Twice the text is four times the work for full attention.");
    claim(equal(projected[4].multiplications, 2 * projected[3].multiplications),
          "Twice the text is twice the work for Linformer.");
    claim(below(difference, 1e-13),
          "The op `attention`, given E K and F V as keys and values, computes the same y.");
}

// ---- 5. The largest k: nothing changes
//
// How does one test such a thing? By a case whose answer is known. With k = n slots and E = F = the
// identity, slot j is key j, and Eq. 7 is Eq. 2.
static void identity() {
    section("5. The largest k: nothing changes");
    const std::size_t n = 64;
    const Var<double> Q = random("Q", {n, d_h});
    const Var<double> K = random("K", {n, d_h});
    const Var<double> V = random("V", {n, d_h});
    auto I = zeros<double>({n, n});
    for (std::size_t i = 0; i < n; ++i) I(i, i) = 1;
    const Array<double> exact = full_head(Q, K, V).y.value();
    claim(equal(apart(projected_head(Q, K, V, I, I).y.value(), exact), 0.0),
          "With k = n and E = F = identity the output is that of full attention, to the bit.");
}

// ---- 6. Windows: when is little lost?
//
// The simplest E after the identity takes means. Row j has 1/(n/k) = k/n in its window of n/k
// positions, and 0 elsewhere:
//
// ```
//     E   1/2 1/2  0   0   0   0
//          0   0  1/2 1/2  0   0        n = 6, k = 3
//          0   0   0   0  1/2 1/2
// ```
//
// So each slot is the mean key of a window. taper's models start from about this E, since the
// neighbours in a text tend to be alike, and learn from there.
//
// What is lost? Nothing, where all keys of a window are the same, and all its values: the r keys of
// a window have equal weights in full attention, and the factor r is the same for all windows, so
// the softmax divides it away. To see how the loss grows, the keys and values below are the same
// all over a window, plus noise of a given standard deviation.
//
// Let key and value differ from the window's mean by $delta_i$ and $epsilon_i$. What differs from
// the mean sums to 0 over the window, so each of them alone changes nothing at first order. What
// stays is the mean of their products, $(q delta_i) epsilon_i$, and of $(q delta_i)^2$. So a tenth
// of the noise costs a hundredth.
static Array<double> window_means(std::size_t n, std::size_t slots) {
    auto E = zeros<double>({slots, n});
    for (std::size_t i = 0; i < n; ++i)
        E(i * slots / n, i) = static_cast<double>(slots) / static_cast<double>(n);
    return E;
}

static void windows() {
    section("6. Windows: when is little lost?");
    const std::size_t n = 64;
    const Var<double> Q = random("Q", {n, d_h});
    const Var<double> E = window_means(n, k);
    // Transposed and scaled it repeats row j all over window j.
    const Var<double> repeat = transpose(E) * (static_cast<double>(n) / static_cast<double>(k));
    std::cout << "  n = 64 positions, in k = 32 windows of two.\n";
    std::vector<double> lost;
    Table table({"noise within a window", "largest difference from full attention"});
    for (const double noise : {0.0, 0.01, 0.1, 1.0}) {
        const Var<double> K =
            matmul(repeat, random("keys", {k, d_h})) + noise * random("K", {n, d_h});
        const Var<double> V =
            matmul(repeat, random("values", {k, d_h})) + noise * random("V", {n, d_h});
        lost.push_back(apart(projected_head(Q, K, V, E, E).y, full_head(Q, K, V).y));
        table.row(noise, lost.back());
    }
    table.print();
    claim(below(lost[0], 1e-13), "Nothing is lost where each window says one thing.");
    claim(above(lost[1], 1e-4) && above(lost[2], lost[1]) && above(lost[3], lost[2]),
          "More is lost the more the positions of a window differ.");
    claim(near(lost[2] / lost[1], 100, 5),
          "Ten times the noise, from 0.01 to 0.1, costs a hundred times as much, to 5 %.");
}

// ---- 7. What a mean cannot find
//
// Let one key of the text be the answer to a query, and all others have nothing to do with it: its
// score is s, theirs are 0. Full attention gives it
//
//     e^s / (e^s + n - 1)
//
// With windows of r = n/k positions the answer is one of r keys in a mean. The score of its slot is
// s/r, and its slot gets
//
//     e^(s // r) / (e^(s // r) + k - 1)
//
// of which the answer's value is one part in r. A single key drowns in its window. A learned E can
// give such a position a slot of its own, if it is always the same position; E does not depend on
// the text, so it cannot look for it. That is the price. Whether it matters is a question to the
// task: lesson 18 looks at P, and `examples/paper/README.md` at trained models.
static void one_key() {
    section("7. What a mean cannot find");
    const std::size_t n = 64;
    const double s = 8;
    // One query, d_h numbers, of which the first decides; the value marks the answer's position.
    auto q = zeros<double>({1, d_h});
    auto K = zeros<double>({n, d_h});
    auto V = zeros<double>({n, d_h});
    q(0, 0) = 1;
    K(20, 0) = s * std::sqrt(static_cast<double>(d_h));
    V(20, 0) = 1;
    Table table({"positions a window", "slots", "share of the answer", "by the formula"});
    std::vector<double> shares;
    double worst = 0;
    for (const std::size_t r : {1u, 2u, 4u, 8u}) {
        const std::size_t slots = n / r;
        const double width = static_cast<double>(r);
        const Array<double> E = window_means(n, slots);
        shares.push_back(projected_head(q, K, V, E, E).y.value()(0, 0));
        const double e = std::exp(s / width);
        const double formula = e / (e + static_cast<double>(slots) - 1) / width;
        table.row(r, slots, shares.back(), formula);
        worst = larger(worst, std::abs(shares.back() - formula));
    }
    table.print();
    claim(below(worst, 1e-14), "The head gives the answer the share that the formula says.");
    claim(above(shares[0], 0.97) && below(shares[3], 0.05),
          "Full attention takes nearly all of its y from the answer, and the mean of eight less "
          "than a twentieth.");
}

int main(int argc, char** argv) {
    const Page page(argc, argv);
    two_slots();
    scores_of_slots();
    backward_of_slots(page);
    what_it_costs();
    identity();
    windows();
    one_key();
}
