// Lesson 14. Attention: each position asks, and all of them answer
//
// In "the red cat sat" the word "sat" means more when one knows who sat. How can the row of
// numbers at one position take in what stands at another one, when nobody has said which?
//
// *Attention* (Bahdanau, Cho and Bengio, arXiv 1409.0473; in the form used here Vaswani et al.,
// arXiv 1706.03762) does it with three rows for each position, each of $d_h$ numbers:
//
// - the *query* q says what the position looks for;
// - the *key* k says what the position has to offer;
// - the *value* v is what it hands over to those who look.
//
// Each query meets every key. The better they fit, the more of that position's value flows into
// the result. All of it is made of products and a softmax, so a gradient flows through, and what
// to look for is learned.
//
// This lesson does it by hand, derives the backward pass, and then looks at the mask, at the order
// of positions, at the root in the formula, and at a head that learns. After lessons 3, 10 and 13.
// About 40 minutes.
//
// Run it: build/release/bin/14_attention [--page FILE]
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"
#include "examples/lessons/page.hpp"
#include "nn/optim/adam.hpp"

using namespace taper;
using examples::apart;
using examples::larger;
using examples::largest;
using lessons::above;
using lessons::below;
using lessons::claim;
using lessons::equal;
using lessons::near;
using lessons::section;
using lessons::Table;

// ---- 1. Queries, keys and values of three words
//
// Let Q, K and V have a row for each position. The *score* of query t and key j is their product,
// divided by $sqrt(d_h)$ (section 5 says why). A softmax over the keys turns the scores of one
// query into weights that sum to 1, as in lesson 10. The result is the mean of the values with
// these weights (arXiv 2006.04768, Eq. 2):
//
//     S = (Q K^T) / sqrt(d_h)
//     P = softmax(S)
//     y = P V
//
// Q, K, V and y are (n, $d_h$), S and P are (n, n). As a computational graph:
//
// ```
//     Q (n, d_h)      K (n, d_h)
//          \            /
//     matmul Q K^T, then / sqrt(d_h)
//                |
//             S (n, n)
//                |
//       softmax, row by row
//                |
//             P (n, n)          V (n, d_h)
//                 \               /
//                    matmul P V
//                        |
//                    y (n, d_h)
// ```
//
// Take the three words "red cat sat" and $d_h = 4$, so that the root is 2. Let the entries of a
// key say: I am a noun, an adjective, a verb, a name. Then cat has the key (1, 0, 0, 0). The query
// of sat is (4, 0, 0, 0): it looks for a noun. The query of red is the same, since it wants to
// know what is red. The query of cat is (0, 4, 0, 0): it looks for an adjective. A value has two
// entries, colour and animal. With a pencil: the scores of sat are 0/2, 4/2 and 0/2, and its
// weights $1 / (e^2 + 2)$, $e^2 / (e^2 + 2)$ and $1 / (e^2 + 2)$. In a model nobody writes down
// such meanings. Queries, keys and values are linear maps of x, the rows of lesson 13, and the
// maps are learned.
struct Attended {
    Var<double> S, P, y;
};
struct Manner {
    bool causal = false;  // section 3
    bool scaled = true;   // section 5
};
static Attended attend(const Var<double>& Q, const Var<double>& K, const Var<double>& V,
                       Manner manner = {}) {
    const double d_h = static_cast<double>(Q.shape().back());
    Var<double> S = matmul(Q, K, {.transpose_b = true});
    if (manner.scaled) S = S / std::sqrt(d_h);
    if (manner.causal) {
        const std::size_t n = S.shape().back();
        Mask seen({n, n}, true);
        for (std::size_t t = 0; t < n; ++t)
            for (std::size_t j = t + 1; j < n; ++j) seen(t, j) = false;
        S = select(seen, S, -std::numeric_limits<double>::infinity());
    }
    const Var<double> P = softmax(S);
    return {S, P, matmul(P, V)};
}

static const std::vector<std::string> words{"red", "cat", "sat"};

struct ThreeWords {
    Parameter<double> Q{"Q", Array<double>{{4, 0, 0, 0}, {0, 4, 0, 0}, {4, 0, 0, 0}}};
    Parameter<double> K{"K", Array<double>{{0, 1, 0, 0}, {1, 0, 0, 0}, {0, 0, 1, 0}}};
    Parameter<double> V{"V", Array<double>{{1, 0}, {0, 1}, {0, 0}}};
};

static void three_words() {
    section("1. Queries, keys and values of three words");
    const ThreeWords text;
    const Attended a = attend(text.Q, text.K, text.V);
    const Array<double> P = a.P.value();
    const Array<double> y = a.y.value();
    Table table({"query of", "weight of red", "of cat", "of sat", "y: colour", "y: animal"});
    for (std::size_t t = 0; t < 3; ++t)
        table.row(words[t], P(t, 0), P(t, 1), P(t, 2), y(t, 0), y(t, 1));
    table.print();
    claim(near(apart(sum(a.P, {1}), full<double>({3}, 1)), 0, 1e-15),
          "The weights of each query sum to 1.");
    claim(near(P(2, 1), std::exp(2) / (std::exp(2) + 2), 1e-15),
          "The query of sat gives cat the weight e^2 / (e^2 + 2) = 0.787.");
    claim(near(y(2, 0), 1 / (std::exp(2) + 2), 1e-15) &&
              near(y(2, 1), std::exp(2) / (std::exp(2) + 2), 1e-15),
          "So y of sat is 0.107 colour, the value of red, and 0.787 animal, the value of cat.");
}

// ---- 2. Backward, derived
//
// Let dy be the cotangent of y. The graph is walked back op by op (lesson 5), and each op is one
// that an earlier lesson has derived. First the last product, $y = P V$. Lesson 3 has found for a
// product that each factor gets the cotangent times the other factor, transposed:
//
//     dV = P^T dy
//     dP = dy V^T
//
// In words: value j gets the cotangents of all that looked at it, each times its weight. A weight
// gets the product of the cotangent and the value that it lets in. Next the softmax, row by row
// (lesson 10):
//
//     dS_(t j) = P_(t j) (dP_(t j) - sum_i P_(t i) dP_(t i))
//
// The sum is the mean of the row of dP with the weights P. Where dP is larger than that mean the
// loss grows with the score, so there the score is to fall. All scores of a row cannot fall
// together, since a number added to all of them changes no weight: the row of dS sums to 0. Last
// the scores, $S = (Q K^T) / sqrt(d_h)$, a product again:
//
//     dQ = (dS K) / sqrt(d_h)
//     dK = (dS^T Q) / sqrt(d_h)
//
// One more line is worth a look, since the op `attention` relies on it (`core/ops/attention.cpp`;
// Dao et al., arXiv 2205.14135). The sum in dS needs no row of dP. Put
// $dP_(t i) = sum_c dy_(t c) V_(i c)$ in, and change the order of the sums:
//
//     sum_i P_(t i) dP_(t i) = sum_c dy_(t c) sum_i P_(t i) V_(i c)
//     sum_i P_(t i) dP_(t i) = sum_c dy_(t c) y_(t c)
//
// With `--page FILE` the program writes the page of this tape, where the values and the gradients
// can be seen op by op: Q, K, their product, S after the division, P after the softmax, V and y.
static void backward_by_hand(const lessons::Page& page) {
    section("2. Backward, derived");
    const ThreeWords text;
    const Array<double> dy{{1, -1}, {2, 0.5}, {-3, 1}};
    Tape<double> tape;
    const Attended a = attend(text.Q, text.K, text.V);
    tape.backward(a.y, dy, Keep::everything);

    const Array<double> Q = text.Q.value();
    const Array<double> K = text.K.value();
    const Array<double> V = text.V.value();
    const Array<double> P = a.P.value();
    const double root = 2;
    const NoGrad<double> values;
    const Array<double> dV = matmul<double>(P, dy, {.transpose_a = true}).value();
    const Array<double> dP = matmul<double>(dy, V, {.transpose_b = true}).value();
    auto dS = empty<double>({3, 3});
    double difference_of_sums = 0;
    for (std::size_t t = 0; t < 3; ++t) {
        double mean = 0;
        for (std::size_t i = 0; i < 3; ++i) mean += P(t, i) * dP(t, i);
        for (std::size_t j = 0; j < 3; ++j) dS(t, j) = P(t, j) * (dP(t, j) - mean);
        const double dy_y = dy(t, 0) * a.y.value()(t, 0) + dy(t, 1) * a.y.value()(t, 1);
        difference_of_sums = larger(difference_of_sums, std::abs(mean - dy_y));
    }
    const Array<double> dQ = matmul<double>(dS, K).value() / root;
    const Array<double> dK = matmul<double>(dS, Q, {.transpose_a = true}).value() / root;

    Table table({"query of", "dS with red", "with cat", "with sat"});
    for (std::size_t t = 0; t < 3; ++t) table.row(words[t], dS(t, 0), dS(t, 1), dS(t, 2));
    table.print();
    claim(below(apart(dV, text.V.gradient()), 1e-14), "dV = P^T dy is what the tape gives.");
    claim(below(apart(dP, tape.gradient(a.P)), 1e-14), "dP = dy V^T is what the tape gives.");
    claim(below(difference_of_sums, 1e-14), "In each row the sum of P dP is the sum of dy y.");
    claim(below(largest(sum(Var<double>(dS), {1}).value()), 1e-14), "Each row of dS sums to 0.");
    claim(below(apart(dS, tape.gradient(a.S)), 1e-14),
          "dS = P (dP - sum of P dP) is what the tape gives.");
    claim(below(apart(dQ, text.Q.gradient()), 1e-14),
          "dQ = dS K / sqrt(d_h) is what the tape gives.");
    claim(below(apart(dK, text.K.gradient()), 1e-14),
          "dK = dS^T Q / sqrt(d_h) is what the tape gives.");
    page.show(tape, "attention of three words");
}

// ---- 3. The mask: the past alone
//
// A model that shall predict the next word must not see it. So position t may look at positions
// $j <= t$ alone: the attention is *causal*. A *mask* says which scores count, and all others
// become minus infinity before the softmax. There $e^(-oo) = 0$: such a position gets the weight
// 0, the weights of the others still sum to 1, and dS is 0 where P is 0, so that no gradient flows
// either.
//
// ```
//            red   cat   sat
//     red     S    -oo   -oo
//     cat     S     S    -oo
//     sat     S     S     S
// ```
//
// The op `attention` does all of it for many heads at once (lesson 15), and never holds all of P:
// for n positions P has $n^2$ entries, which is what Linformer is about (lesson 18).
static void the_mask() {
    section("3. The mask: the past alone");
    const ThreeWords text;
    const Array<double> dy{{1, -1}, {2, 0.5}, {-3, 1}};
    Tape<double> tape;
    const Attended a = attend(text.Q, text.K, text.V, {.causal = true});
    tape.backward(a.y, dy);
    const Array<double> P = a.P.value();
    Table table({"query of", "weight of red", "of cat", "of sat"});
    for (std::size_t t = 0; t < 3; ++t) table.row(words[t], P(t, 0), P(t, 1), P(t, 2));
    table.print();
    claim(near(P(0, 1), 0, 0) && near(P(0, 2), 0, 0) && near(P(1, 2), 0, 0),
          "Every weight right of the diagonal is 0, exactly.");

    ThreeWords other;
    other.K.mutable_value()(2, 0) = 5;
    other.V.mutable_value()(2, 0) = 7;
    const Array<double> y = a.y.value();
    const Array<double> y_other = attend(other.Q, other.K, other.V, {.causal = true}).y.value();
    double earlier = 0;
    for (std::size_t t = 0; t < 2; ++t)
        for (std::size_t c = 0; c < 2; ++c)
            earlier = larger(earlier, std::abs(y(t, c) - y_other(t, c)));
    claim(near(earlier, 0, 0),
          "Another key and value of sat change nothing at red and cat, to the last bit.");
    claim(above(y_other(2, 0) - y(2, 0), 1),
          "Another key and value of sat do change the result at sat itself.");

    const ThreeWords early;
    const Array<double> dy_early{{1, -1}, {2, 0.5}, {0, 0}};  // no cotangent at sat
    {
        Tape<double> early_tape;
        early_tape.backward(attend(early.Q, early.K, early.V, {.causal = true}).y, dy_early);
    }
    const Range sat{.begin = 2};
    const double to_key = largest(slice(Var<double>(early.K.gradient()), 0, sat).value());
    const double to_value = largest(slice(Var<double>(early.V.gradient()), 0, sat).value());
    claim(
        near(to_key, 0, 0) && near(to_value, 0, 0),
        "From the results at red and cat no gradient comes back to the key and the value of sat.");

    const ThreeWords again;
    Tape<double> other_tape;
    // The op wants a batch, and values as wide as the keys: two columns of zeros more.
    const auto batch = [](const Var<double>& x) { return reshape(x, {1, 3, 4}); };
    const Var<double> wide =
        attention(batch(again.Q), batch(again.K), batch(pad(again.V, 1, 0, 2)), {.causal = true});
    const Var<double> by_op = slice(reshape(wide, {3, 4}), 1, {.end = 2});
    other_tape.backward(by_op, dy);
    claim(below(apart(by_op, a.y), 1e-14), "The op attention gives the same y.");
    claim(below(apart(again.Q.gradient(), text.Q.gradient()), 1e-14) &&
              below(apart(again.K.gradient(), text.K.gradient()), 1e-14) &&
              below(apart(again.V.gradient(), text.V.gradient()), 1e-14),
          "The op attention gives the same dQ, dK and dV.");
}

// ---- 4. Order: attention sees a set
//
// No formula above mentions a position's number. If the keys and the values are put into another
// order, both alike, then each query finds the same pairs, and the same sum in another order. If
// the queries are put into that order too, the results come in that order, and are otherwise the
// same. Without a mask attention sees a set of positions. That is why a model adds positions to x
// before it (lesson 13).
static Var<double> random(const char* name, const Shape& shape) {
    return normal<double>(Random(1, name), shape);
}

static Var<double> reordered(const Var<double>& x) {
    std::vector<Var<double>> rows;
    for (const std::ptrdiff_t from : {3, 0, 5, 1, 4, 2})
        rows.push_back(slice(x, 0, {from, from + 1}));
    return concat(rows, 0);
}

static void order() {
    section("4. Order: attention sees a set");
    const Var<double> Q = random("Q", {6, 16});
    const Var<double> K = random("K", {6, 16});
    const Var<double> V = random("V", {6, 16});
    const Var<double> Q_moved = reordered(Q);
    const Var<double> K_moved = reordered(K);
    const Var<double> V_moved = reordered(V);
    const Var<double> y = attend(Q, K, V).y;
    Table table({"moved", "largest |y - y before|", "largest |y - y before, moved|"}, 2);
    const auto row = [&](const std::string& moved, const Var<double>& y_now) {
        table.row(moved, apart(y_now, y), apart(y_now, reordered(y)));
    };
    const Var<double> keys_moved = attend(Q, K_moved, V).y;
    const Var<double> pairs_moved = attend(Q, K_moved, V_moved).y;
    const Var<double> all_moved = attend(Q_moved, K_moved, V_moved).y;
    row("keys", keys_moved);
    row("keys and values", pairs_moved);
    row("queries, keys and values", all_moved);
    table.print();
    claim(above(apart(keys_moved, y), 0.1), "If the keys alone are moved, y is another one.");
    claim(below(apart(pairs_moved, y), 1e-13),
          "If keys and values are moved together, y stays as it was.");
    claim(below(apart(all_moved, reordered(y)), 1e-13),
          "If all three are moved, y is moved in the same way and is otherwise the same.");
}

// ---- 5. Why the root of d_h
//
// How large is a score? Let all entries of q and k be independent, with mean 0 and standard
// deviation 1. The *standard deviation* of numbers says how far they typically are from their
// mean: it is the root of the *variance*, the mean squared distance from it. A product $q_c k_c$
// has variance 1 then, and the variances of independent terms add up. So $q * k$, a sum of $d_h$
// products, has variance $d_h$ and standard deviation $sqrt(d_h)$.
//
// Without the division the scores of a wide head are therefore far apart. The softmax then gives
// nearly all weight to one key. Look at dS in section 2: where $P_(t j)$ is near 0, so is dS.
// Where it is near 1, the mean of dP is near $dP_(t j)$, and the difference is near 0. Then dQ and
// dK vanish, and nothing is learned. Divided by $sqrt(d_h)$, scores have standard deviation 1 at
// any width.  The table shows 64 random queries and keys for each width, and dQ for a random dy.
// (At small widths dQ is larger without the division, which would divide it too. Then it
// vanishes.)
struct Scores {
    double deviation;  // of the scores
    double largest_P;  // in a row, mean over the rows
    double dQ;         // the length of a row, geometric mean over the rows
};
static Scores random_scores(std::size_t d_h, bool scaled) {
    const Parameter<double> Q("Q", random("Q", {64, d_h}).value());
    Tape<double> tape;
    const Attended a = attend(Q, random("K", {64, d_h}), random("V", {64, 16}), {.scaled = scaled});
    tape.backward(a.y, random("dy", {64, 16}).value(), Keep::everything);
    const NoGrad<double> values;
    const Var<double> dQ = Q.gradient();
    return {sqrt(variance(a.S)).item(), mean(max(a.P, {1})).item(),
            exp(mean(log(norm(dQ, {1})))).item()};
}

static void why_the_root() {
    section("5. Why the root of d_h");
    Table table({"d_h", "divided by", "deviation of S", "largest weight", "|dQ| of a row"}, 2);
    std::vector<Scores> raw;
    std::vector<Scores> scaled;
    const std::vector<std::size_t> widths{4, 16, 64, 256, 1024};
    for (const std::size_t d_h : widths) {
        raw.push_back(random_scores(d_h, false));
        table.row(d_h, "1", raw.back().deviation, raw.back().largest_P, raw.back().dQ);
    }
    for (const std::size_t d_h : widths) {
        scaled.push_back(random_scores(d_h, true));
        table.row(d_h, "sqrt(d_h)", scaled.back().deviation, scaled.back().largest_P,
                  scaled.back().dQ);
    }
    table.print();
    double worst_raw = 0;
    double worst_scaled = 0;
    for (std::size_t i = 0; i < widths.size(); ++i) {
        const double root = std::sqrt(static_cast<double>(widths[i]));
        worst_raw = larger(worst_raw, std::abs(raw[i].deviation / root - 1));
        worst_scaled = larger(worst_scaled, std::abs(scaled[i].deviation - 1));
    }
    // The deviation of 64 x 64 scores is known to a few hundredths: those of a row share a query.
    claim(below(worst_raw, 0.1),
          "At every width the scores q k have a standard deviation within a tenth of sqrt(d_h).");
    claim(below(worst_scaled, 0.1),
          "Divided by sqrt(d_h) they have a standard deviation within a tenth of 1.");
    claim(above(raw.back().largest_P, 0.9),
          "At d_h = 1024, undivided, a query gives on average more than 0.9 of its weight to one "
          "key.");
    claim(below(scaled.back().largest_P, 0.2),
          "At d_h = 1024, divided, a query gives on average less than 0.2 of its weight to any one "
          "key.");
    claim(
        below(raw.back().dQ, 0.01 * scaled.back().dQ),
        "Where the weights are nearly 1 and 0, less than a hundredth of the gradient comes back.");
}

// ---- 6. A head that learns
//
// What does one learn to look for? Here the texts are eight different letters, and the same eight
// again: "hocusxyz" then "hocusxyz". From the ninth letter on the next one is known to who asks:
// what came after this letter, the last time? A head of attention that does so is called an
// *induction head*, and models of language grow them (Olsson et al., arXiv 2209.11895).
//
// What is built in, and what is learned, must be kept apart here:
//
// - Built in: the key of position j is made of the letter before j, and its value of letter j. In
//   a transformer of two layers the first layer learns to bring the letter before along; here a
//   shift does it. Built in are also the values, one fixed random row for each letter, and the
//   output, which compares y with those rows.
// - Learned: two tables of 27 rows, `query` and `key`, both random at first. Nothing says that the
//   query of "o" has to fit the key of "o". That is what the head must find.
//
// The letters in a text are drawn anew for each step (Adam, lesson 8; cross-entropy, lesson 11),
// so that no text can be learned by heart.
static const std::string letters = "_abcdefghijklmnopqrstuvwxyz";  // _ for the space
static constexpr std::size_t vocabulary = 27, d_h = 16;

struct Head {
    bool shifted;
    Parameter<double> query{"query", random("query", {vocabulary, d_h}).value()};
    Parameter<double> key{"key", random("key", {vocabulary, d_h}).value()};
    Var<double> value = random("value", {vocabulary, d_h});

    explicit Head(bool with_shift) : shifted(with_shift) {}

    Attended operator()(const Ids& ids) const {
        Var<double> keys = embedding(key, ids);
        if (shifted) {
            const Var<double> none = zeros<double>({ids.shape(0), 1, d_h});  // before the first
            keys = concat<double>({none, slice(keys, 1, {.end = -1})}, 1);
        }
        return attend(embedding(query, ids), keys, embedding(value, ids), {.causal = true});
    }
};

struct Texts {
    Ids ids, next;
};
static Texts texts_of_step(std::uint32_t step);

// Trains both tables of the head and returns the loss of the last step.
static double train(Head& head, std::uint32_t steps) {
    nn::Adam<double> adam({&head.query, &head.key});
    double last = 0;
    for (std::uint32_t step = 1; step <= steps; ++step) {
        const Texts texts = texts_of_step(step);
        Tape<double> tape;
        const Var<double> logits = matmul(head(texts.ids).y, head.value, {.transpose_b = true});
        const Var<double> loss = cross_entropy(logits, texts.next);
        last = loss.item();
        tape.backward(loss);
        adam.step(0.05);
    }
    return last;
}

// Counts the letters whose query fits the key of the same letter better than any other key.
static std::size_t matches(const Head& head) {
    const Array<double> fit = matmul(head.query, head.key, {.transpose_b = true}).value();
    std::size_t count = 0;
    for (std::size_t a = 0; a < vocabulary; ++a) {
        std::size_t best = 0;
        for (std::size_t b = 0; b < vocabulary; ++b)
            if (fit(a, b) > fit(a, best)) best = b;
        count += best == a;
    }
    return count;
}

static Ids ids_of(const std::string& text) {
    Ids ids = empty<std::int64_t>({1, text.size()});
    for (std::size_t t = 0; t < text.size(); ++t)
        ids(0, t) = static_cast<std::int64_t>(letters.find(text[t]));
    return ids;
}

static void draw(const std::string& text, const Array<double>& P);

static void a_head_learns() {
    section("6. A head that learns");
    Head untrained(true);
    Head head(true);
    Head unshifted(false);
    const double loss_before = train(untrained, 1);
    const double loss = train(head, 150);
    const double loss_unshifted = train(unshifted, 150);
    Table table({"head", "steps", "loss", "queries that fit their own letter's key best"});
    table.row("untrained", 1, loss_before, std::to_string(matches(Head(true))) + " of 27");
    table.row("keys of the letter before", 150, loss, std::to_string(matches(head)) + " of 27");
    table.row("keys of the letter itself", 150, loss_unshifted,
              std::to_string(matches(unshifted)) + " of 27");
    table.print();
    claim(below(loss, 0.3),
          "The trained head says the next letter with a loss below 0.3; knowing nothing costs ln "
          "27 = 3.3.");
    claim(below(static_cast<double>(matches(Head(true))), 5) && equal(matches(head), vocabulary),
          "It has learned that each of the 27 letters must look for itself.");
    claim(above(loss_unshifted, 1),
          "Without the shift, which is built in, the same training stays above 1.");

    const std::string text = "hocus_pocus";
    const Array<double> P = head(ids_of(text)).P.value();  // (1, n, n)
    draw(text, P);
    double least = 1;
    for (std::size_t t = 7; t < 11; ++t) least = std::min(least, P(0, t, t - 5));
    claim(above(least, 0.9),
          "Each letter of the second \"ocus\" gives more than 0.9 of its weight to what came after "
          "the same letter in the first.");
}

// ---- Helpers

// 16 texts of eight letters drawn without repetition, each twice; and what comes next where it is
// known.
static Texts texts_of_step(std::uint32_t step) {
    const std::size_t B = 16, half = 8;
    Texts texts{empty<std::int64_t>({B, 2 * half}),
                full<std::int64_t>({B, 2 * half}, ignore_index)};
    for (std::uint32_t b = 0; b < B; ++b) {
        const Random random_order = Random(1, "texts", step).substream(b);
        std::string text = letters;
        for (std::size_t i = 0; i < half; ++i)
            std::swap(text[i], text[i + random_order.below(i, vocabulary - i)]);
        for (std::size_t t = 0; t < 2 * half; ++t) {
            texts.ids(b, t) = static_cast<std::int64_t>(letters.find(text[t % half]));
            if (t > half) texts.next(b, t - 1) = texts.ids(b, t);
        }
    }
    return texts;
}

// Row t, column j: how much of letter j goes into y_t.
static void draw(const std::string& text, const Array<double>& P) {
    std::cout << "  The weights P of \"" << text
              << "\": in the row of a query, how much it takes from each letter.\n"
              << "  Ten shades, from a blank for 0 to @ for 1:   . : - = + * # % @\n\n       ";
    for (const char letter : text) std::cout << letter << ' ';
    std::cout << "\n";
    for (std::size_t t = 0; t < text.size(); ++t) {
        std::cout << "   " << text[t] << " | ";
        for (std::size_t j = 0; j < text.size(); ++j)
            std::cout << " .:-=+*#%@"[std::min(9, static_cast<int>(10 * P(0, t, j)))] << ' ';
        std::cout << "|\n";
    }
    std::cout << "\n";
}

int main(int argc, char** argv) {
    const lessons::Page page(argc, argv);
    three_words();
    backward_by_hand(page);
    the_mask();
    order();
    why_the_root();
    a_head_learns();
}
