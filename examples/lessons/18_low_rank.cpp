// Lesson 18. Low rank: how much is in an attention matrix?
//
// The attention matrix $P = "softmax"((Q K^T) // sqrt(d_h))$ has n rows and n columns. Linformer
// works with k columns instead (lesson 19). That can only go well if P, large as it is, holds
// little. This lesson gives "little" a meaning, *rank*, and measures it: on a picture, on P of
// random queries and keys, and on heads that have learned something. It also shows what such a
// measurement does not show.
//
// The words of this lesson: an *outer product* $u v^T$ is the matrix of all products of two
// vectors' entries; the *rank* of a matrix is how many of them one must add to get it; the
// *singular values* say how much each of them matters; the *spectrum* is all singular values
// together. After lessons 3 (products of matrices), 8 (Adam) and 14 (attention). About 40 minutes.
//
// Run it: build/release/bin/18_low_rank
#include <algorithm>
#include <cmath>
#include <iostream>
#include <numeric>
#include <string>
#include <utility>
#include <vector>
#include <xtensor-blas/xlinalg.hpp>

#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"
#include "nn/optim/adam.hpp"

using namespace taper;
using examples::apart, examples::larger;
using lessons::above, lessons::below, lessons::near, lessons::equal, lessons::claim;
using lessons::section, lessons::Table, lessons::text_of;

// ---- 1. A sum of outer products
//
// Take a column u of m numbers and a row $v^T$ of n. Their product is a matrix (m, n), with the
// entries $u_i v_j$:
//
// ```
//       u       v^T              u v^T
//
//       1                       2  0  1
//       2    2  0  1            4  0  2      every row is v^T, times a number
//       3                       6  0  3
// ```
//
// It has 9 entries, and 6 numbers make it. Such a matrix has rank 1. A sum of two has rank 2 (or
// less), a sum of k rank k. For a large n this saves much: $n^2$ entries, but 2 k n numbers.
//
// And it saves work. To multiply u v^T with a vector x one need not make the matrix: $v^T x$ is one
// number, and it scales u. That is 2 n multiplications instead of $n^2$. This is what Linformer is
// after.
static Array<double> outer(const Array<double>& u, const Array<double>& v) {
    return matmul<double>(reshaped(u, {u.size(), 1}), reshaped(v, {1, v.size()})).value();
}

static void outer_products() {
    section("1. A sum of outer products");
    const Array<double> u{1, 2, 3}, v{2, 0, 1};
    const Array<double> A = outer(u, v);
    claim(equal(apart(A, {{2, 0, 1}, {4, 0, 2}, {6, 0, 3}}), 0.0),
          "u v^T is {{2, 0, 1}, {4, 0, 2}, {6, 0, 3}}.");
    const Array<double> x{1, 5, 2};
    const Array<double> long_way = matmul<double>(A, reshaped(x, {3, 1})).value();
    const double inner = v(0) * x(0) + v(1) * x(1) + v(2) * x(2);
    const Array<double> short_way = reshaped(Array<double>(u * inner), {3, 1});
    claim(equal(apart(long_way, short_way), 0.0),
          "(u v^T) x is u times the number v^T x: the matrix need not be made.");
}

// ---- 2. Singular values
//
// Every matrix A (n, n) can be written as
//
//     A = sum_i s_i u_i w_i^T
//
// with $s_1 >= s_2 >= ... >= 0$, where the u's are vectors of length 1 at right angles to each
// other, and so are the w's. This is the singular value decomposition (SVD). The number of singular
// values $s_i$ that are not 0 is the rank. We take them from LAPACK; how it finds them is another
// story.
//
// Why these outer products and no others? Because nothing is better: the first k terms are, of all
// matrices of rank k, the one nearest to A (Eckart and Young 1936). What they miss, as a length
// (the root of the sum of squared entries), is what the other singular values say:
//
//     |A - A_k| = sqrt(s_(k + 1)^2 + ... + s_n^2)
//
// So the spectrum tells at once how good any k could be.
//
// Below are two pictures of 7 x 7, the letter H and a diagonal, and what rank 1 and rank 2 make of
// them. The H has two kinds of rows, so rank 2 is all of it. The diagonal has seven kinds of rows,
// each as important as the others: all seven singular values are 1, nothing can be left out, and
// which two come first is chance.
struct Svd {
    Array<double> U;        // (n, n): u_i is column i
    std::vector<double> s;  // falling
    Array<double> W;        // (n, n): w_i is row i
};
static Svd svd(const Array<double>& A) {
    const auto [U, s, W] = xt::linalg::svd(A);
    return {U, {s.begin(), s.end()}, W};
}

// The first k terms.
static Array<double> of_rank(const Svd& parts, std::size_t k) {
    const std::size_t n = parts.s.size();
    auto A = zeros<double>({n, n});
    for (std::size_t i = 0; i < k; ++i)
        for (std::size_t row = 0; row < n; ++row)
            for (std::size_t column = 0; column < n; ++column)
                A(row, column) += parts.s[i] * parts.U(row, i) * parts.W(i, column);
    return A;
}

static double length(const Array<double>& A) {
    return std::sqrt(std::inner_product(A.begin(), A.end(), A.begin(), 0.0));
}
static double length_of_rest(const std::vector<double>& s, std::size_t k) {
    const auto rest = s.begin() + static_cast<std::ptrdiff_t>(k);
    return std::sqrt(std::inner_product(rest, s.end(), rest, 0.0));
}

// A row of the picture; darker is more. The entries are about 0 to 1.
static std::string shades(const Array<double>& A, std::size_t row) {
    std::string text;
    for (std::size_t column = 0; column < A.shape(1); ++column) {
        const double shade = std::clamp(10 * A(row, column) + 0.5, 0.0, 9.0);
        text += " .:-=+*#%@"[static_cast<std::size_t>(shade)];
        text += ' ';
    }
    return text;
}

static void singular_values() {
    section("2. Singular values");
    const std::size_t n = 7;
    auto H = zeros<double>({n, n});
    auto diagonal = zeros<double>({n, n});
    for (std::size_t i = 0; i < n; ++i) {
        H(i, 1) = H(i, 5) = 1;
        diagonal(i, i) = 1;
    }
    for (std::size_t j = 1; j < 6; ++j) H(3, j) = 1;
    double worst = 0;
    std::vector<Svd> both;
    for (const auto& [name, A] : {std::pair{"the H", &H}, {"the diagonal", &diagonal}}) {
        const Svd parts = svd(*A);
        const Array<double> one = of_rank(parts, 1);
        const Array<double> two = of_rank(parts, 2);
        Table table({name, "rank 1", "rank 2"});
        for (std::size_t i = 0; i < n; ++i)
            table.row(shades(*A, i), shades(one, i), shades(two, i));
        table.print();
        std::cout << "   singular values:";
        for (const double value : parts.s)
            std::cout << " " << text_of(std::round(value * 1e6) / 1e6, 3);
        std::cout << "\n\n";
        for (std::size_t k = 0; k <= n; ++k)
            worst = larger(worst,
                           std::abs(length(*A - of_rank(parts, k)) - length_of_rest(parts.s, k)));
        both.push_back(parts);
    }
    claim(below(apart(of_rank(both[0], 2), H), 1e-14), "Rank 2 is all of the H.");
    claim(near(both[1].s[0], 1, 1e-14) && near(both[1].s[6], 1, 1e-14),
          "All singular values of the diagonal are 1: each further rank brings the same.");
    claim(below(worst, 1e-13),
          "For every k, what rank k misses is what the other singular values "
          "say.");
}

// ---- 3. P of random queries and keys
//
// Now P. Q and K are random, (n, d_h) with d_h = 8. Beside it stands a random matrix of the same
// kind: the softmax of n x n independent scores, as large as those of P, but not made of Q and K.
//
// Two ways to count. The *share* of the first k singular values in the sum of all, as in Figure 1
// of the Linformer paper; and how many are needed for a share of 90 %. Each P has one large
// singular value: all rows sum to 1, and what they have in common, their mean, is a matrix of rank
// 1.
//
// Why should P be any simpler? $Q K^T$ has rank d_h = 8 at most, whatever n: it is a sum of 8 outer
// products. The exponential is bent, so P's rank is not 8. But what made P are still only 8 numbers
// a position, and the larger n, the more rows resemble each other.
static double share(const std::vector<double>& s, std::size_t k) {
    const auto at = s.begin() + static_cast<std::ptrdiff_t>(k);
    return std::accumulate(s.begin(), at, 0.0) / std::accumulate(s.begin(), s.end(), 0.0);
}
static std::size_t rank_of_90(const std::vector<double>& s) {
    std::size_t k = 0;
    while (share(s, k) < 0.9) ++k;
    return k;
}

static constexpr std::size_t d_h = 8;
// P of random Q and K. Its scores have the standard deviation `deviation`.
static Array<double> random_P(std::size_t n, double deviation = 1, std::uint64_t seed = 1) {
    const Var<double> Q = normal<double>(Random(seed, "Q"), {n, d_h});
    const Var<double> K = normal<double>(Random(seed, "K"), {n, d_h});
    const Var<double> scores =
        matmul(Q, K, {.transpose_b = true}) / std::sqrt(static_cast<double>(d_h));
    return softmax(deviation * scores).value();
}

static void random_queries() {
    section("3. P of random queries and keys");
    Table table({"n", "matrix", "share of n/16", "n/8", "n/4", "n/2", "needed for 90 %"}, 3);
    std::vector<double> of_P, of_random;
    for (const std::size_t n : {64u, 128u, 256u}) {
        const std::vector<double> s = svd(random_P(n)).s;
        const std::vector<double> r =
            svd(softmax<double>(normal<double>(Random(1, "scores"), {n, n})).value()).s;
        of_P.push_back(static_cast<double>(rank_of_90(s)));
        of_random.push_back(static_cast<double>(rank_of_90(r)));
        table.row(n, "P", share(s, n / 16), share(s, n / 8), share(s, n / 4), share(s, n / 2),
                  rank_of_90(s));
        table.row(n, "random", share(r, n / 16), share(r, n / 8), share(r, n / 4), share(r, n / 2),
                  rank_of_90(r));
    }
    table.print();
    claim(below(of_P[0], of_random[0]) && below(of_P[1], of_random[1]) &&
              below(of_P[2], of_random[2]),
          "P needs fewer singular values for 90 % than a random matrix, at each n.");
    claim(above(of_random[1], 1.95 * of_random[0]) && above(of_random[2], 1.95 * of_random[1]),
          "With twice the n a random matrix needs twice as many, to a twentieth: it has no low "
          "rank.");
    claim(
        below(of_P[1], 1.75 * of_P[0]) && below(of_P[2], 1.75 * of_P[1]),
        "P needs less than 1.75 times as many: the larger n, the smaller the part that is enough.");
}

// ---- 4. Flat rows and sharp rows
//
// The same Q and K, but scores times a number. Small scores make P nearly uniform: every row is
// about 1/n everywhere, and that is rank 1. So a low rank can have a dull reason, that P is flat. A
// model that has learned nothing may have the lowest rank of all.
//
// Larger scores make a row sharp: it attends to few keys. If each row pointed to a key of its own,
// P would be like the diagonal above. Here it does not come to that. Random keys differ in length,
// and with d_h = 8 the long ones win for many queries, so sharp rows fall together.
static std::size_t winning_keys(const Array<double>& P) {
    std::vector<bool> wins(P.shape(1), false);
    for (std::size_t t = 0; t < P.shape(0); ++t) {
        std::size_t best = 0;
        for (std::size_t j = 0; j < P.shape(1); ++j)
            if (P(t, j) > P(t, best)) best = j;
        wins[best] = true;
    }
    return static_cast<std::size_t>(std::count(wins.begin(), wins.end(), true));
}

static void flat_and_sharp_rows() {
    section("4. Flat rows and sharp rows");
    std::cout << "  n = 128.\n";
    Table table({"deviation of the scores", "largest of a row, mean", "needed for 90 %"}, 3);
    std::vector<double> needed;
    for (const double deviation : {0.1, 1.0, 2.0, 4.0, 8.0, 16.0}) {
        const Array<double> P = random_P(128, deviation);
        const std::size_t rank = rank_of_90(svd(P).s);
        needed.push_back(static_cast<double>(rank));
        table.row(deviation, mean(max(Var<double>(P), {-1})).item(), rank);
    }
    table.print();
    claim(below(needed[0], 13), "Nearly uniform rows need less than a tenth of n.");
    claim(above(needed[2], 4 * needed[0]),
          "Rows with scores of deviation 2 need more than four times as many.");
    claim(below(needed[5], needed[2]), "Still sharper rows, at 16, need fewer again.");
    const std::size_t winners = winning_keys(random_P(128, 16));
    std::cout << "  " << winners << " of the 128 keys have the largest weight of any row.\n";
    claim(below(static_cast<double>(winners), 64),
          "More than half of the keys are the first of no row: the rows fall together.");
}

// ---- 5. Heads that have learned something
//
// Random matrices are not models. So here one head is trained, twice, on texts of n = 32 random
// tokens out of eight. Token and position embedding give x (32 numbers a position), two matrices
// give Q and K (d_h = 8), and as value each token has its one-hot row. Then $y_t$ = row t of P V is
// the share of each token in what position t attends to: a probability. The loss is $- ln$ of the
// share of the right one. There are two tasks:
//
// - *first*: every position is to say the token at position 0;
// - *previous*: every position is to say the token just before it (position 0 its own).
//
// ```
//       first                 previous
//
//     x . . . . .            x . . . . .
//     x . . . . .            x . . . . .
//     x . . . . .            . x . . . .
//     x . . . . .            . . x . . .
//     x . . . . .            . . . x . .
//     x . . . . .            . . . . x .
// ```
//
// Both can be done without fault. The first is a matrix of equal rows, rank 1. The second is a
// diagonal, moved down by one: it needs nearly all of its ranks. Heads of that kind are common in
// trained language models (Olsson et al. 2022, arXiv 2209.11895, call them previous token heads).
// And note that d_h = 8 does not forbid it: the scores have rank 8, and P has not.
static constexpr std::size_t n = 32, vocabulary = 8, width = 32;
enum class Task { first, previous };

struct Head {
    Parameter<double> token{"token", normal<double>(Random(1, "token"), {vocabulary, width})};
    Parameter<double> position{"position", normal<double>(Random(1, "position"), {n, width})};
    Parameter<double> query{"query", normal<double>(Random(1, "query"), {width, d_h}, 0.18)};
    Parameter<double> key{"key", normal<double>(Random(1, "key"), {width, d_h}, 0.18)};

    Var<double> scores(const Ids& tokens) const {  // (B, n, n)
        const Var<double> x = embedding(token, tokens) + position;
        return matmul(matmul(x, query), matmul(x, key), {.transpose_b = true}) /
               std::sqrt(static_cast<double>(d_h));
    }
    Var<double> operator()(const Ids& tokens) const { return softmax(scores(tokens)); }  // P
};

static Ids random_texts(const Random& random, std::size_t B) {
    Ids tokens = empty<std::int64_t>({B, n});
    for (std::size_t i = 0; i < B * n; ++i)
        tokens.data()[i] = static_cast<std::int64_t>(random.below(i, vocabulary));
    return tokens;
}

// -ln of the share of the right token, the mean over all positions.
static Var<double> loss_of(const Head& head, Task task, const Ids& tokens) {
    const std::size_t B = tokens.shape(0);
    auto one_hot = zeros<double>({B, n, vocabulary});
    auto right = empty<std::int64_t>({B, n, 1});
    for (std::size_t b = 0; b < B; ++b)
        for (std::size_t t = 0; t < n; ++t) {
            one_hot(b, t, static_cast<std::size_t>(tokens(b, t))) = 1;
            right(b, t, 0) = tokens(b, task == Task::first || t == 0 ? 0 : t - 1);
        }
    const Var<double> y = matmul<double>(head(tokens), one_hot);  // (B, n, 8)
    return -mean(log(gather(y, 2, right)));
}

static void train(Head& head, Task task) {
    nn::Adam<double> adam({&head.token, &head.position, &head.query, &head.key});
    for (std::uint32_t step = 1; step <= 300; ++step) {
        Tape<double> tape;
        tape.backward(loss_of(head, task, random_texts(Random(1, "texts", step), 8)));
        adam.step(0.02);
    }
}

static std::vector<double> spectrum(const Var<double>& one_text) {  // (1, n, n)
    return svd(reshaped(one_text.value(), {n, n})).s;
}

static void learned_heads() {
    section("5. Heads that have learned something");
    const Ids fresh = random_texts(Random(1, "fresh"), 1);
    Head untrained, first, previous;
    train(first, Task::first);
    train(previous, Task::previous);
    Table table({"head", "loss of its task", "share of the first", "of n/8 = 4", "needed for 90 %"},
                3);
    const auto row = [&](const std::string& name, const Head& head, double loss) {
        const std::vector<double> s = spectrum(head(fresh));
        table.row(name, loss, share(s, 1), share(s, 4), rank_of_90(s));
        return static_cast<double>(rank_of_90(s));
    };
    const double loss_of_first = loss_of(first, Task::first, fresh).item();
    const double loss_of_previous = loss_of(previous, Task::previous, fresh).item();
    row("untrained", untrained, loss_of(untrained, Task::previous, fresh).item());
    const double rank_of_first = row("first", first, loss_of_first);
    const double rank_of_previous = row("previous", previous, loss_of_previous);
    table.print();
    claim(below(loss_of_first, 0.1) && below(loss_of_previous, 0.1),
          "Both heads have learned their task: knowing nothing costs ln 8 = 2.08.");
    claim(equal(rank_of_first, 1.0), "The head that looks at the first token has rank 1, to 90 %.");
    claim(above(rank_of_previous, 24),
          "The head that looks at the previous token needs more than three quarters of its 32 "
          "singular values.");
    const std::vector<double> of_scores = spectrum(previous.scores(fresh));
    claim(
        below(of_scores[8] / of_scores[0], 1e-12),
        "Its scores have rank 8: their ninth singular value is 0, to rounding. The softmax is what "
        "makes a full diagonal of them.");
}

// ---- 6. One projection for all texts?
//
// If P is nearly of rank k, then there are k rows $w_1$ to $w_k$, the first of its singular
// vectors, with which
//
//     P V ~~ (P W^T) (W V)
//
// W V is k sums of values: that is Linformer's F V, with F = W. But this W was made for this P, and
// P is another for every text. Linformer's F is learned once and used for all. That each P has a
// low rank does not say that one W serves them all.
//
// To see it: P of queries and keys, with the W that was made for P of others, and as a measure the
// part of |P| that is missed. A third W is random: k rows at right angles, made for nothing. Here
// the queries are random and two P have little in common; in a trained model a position is a
// position in every text, and more of it is shared.
static double missed(const Array<double>& P, const Array<double>& W) {
    const Array<double> kept =
        matmul<double>(matmul<double>(P, W, {.transpose_b = true}), W).value();
    return length(P - kept) / length(P);
}
static Array<double> first_rows(const Array<double>& W, std::size_t k) {
    return slice<double>(W, 0, {0, static_cast<std::ptrdiff_t>(k)}).value();
}

static void one_projection() {
    section("6. One projection for all texts?");
    const std::size_t size = 128, k = 32;
    const Array<double> P = random_P(size, 2, 1);
    const Array<double> other = random_P(size, 2, 2);
    const Svd parts = svd(P);
    const Array<double> own = first_rows(parts.W, k);
    const Array<double> others = first_rows(svd(other).W, k);
    const Array<double> random =
        first_rows(svd(normal<double>(Random(1, "no P"), {size, size})).W, k);
    Table table({"W (32, 128) made for", "part of |P| that is missed"}, 3);
    table.row("this P", missed(P, own));
    table.row("another P", missed(P, others));
    table.row("nothing: random", missed(P, random));
    table.print();
    claim(near(missed(P, own), length_of_rest(parts.s, k) / length(P), 1e-12),
          "With its own W, P misses what the other singular values say.");
    claim(above(missed(P, others), 2 * missed(P, own)),
          "With another's W it misses more than twice as much.");
    claim(below(missed(P, others), missed(P, random)),
          "That is still less than with a random W, which misses even what all P have in common.");
}

// ---- 7. What was shown
//
// - A matrix of low rank can be had with few columns, and the spectrum says how few.
// - P of random queries and keys has a lower rank than a random matrix, and the more so the larger
//   n.
// - A low rank is no proof of a clever head: a P that is uniform has it, too.
// - A useful head may have a high rank. One that looks at its neighbour does.
// - One projection for all texts is a further demand. That it can be met, the low rank does not
//   say; that is learned by training, and has to be measured on trained models.
//
// `examples/paper/README.md` does that: Figure 1 of the paper again, on trained models of two
// sizes, and Theorem 1, which is about random projections.

int main() {
    outer_products();
    singular_values();
    random_queries();
    flat_and_sharp_rows();
    learned_heads();
    one_projection();
}
