// Lesson 22. Causal attention: how the future leaks, and running sums that do not
//
// A model that writes must foretell the next token from those before it. In training the whole text
// is there, also what is to be foretold, and whatever the model can see it will use. This lesson
// shows how the future is kept out of attention, why the usual way fails for Linformer, and what
// works: sums that run along the text.
//
// The words of this lesson: *causal* is what depends on the past alone; *teacher forcing* is
// training on the right text before each position, instead of on what the model would have written;
// a *leak* is a way from the future to a prediction; a *prefix sum* adds up all entries to the
// left, a *suffix sum* all to the right. After lessons 11 (cross-entropy), 14 (attention) and 19 (E
// and F). About 40 minutes.
//
// Run it: build/release/bin/22_causal [--page FILE]
#include <cmath>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"
#include "examples/lessons/page.hpp"
#include "nn/optim/adam.hpp"

using namespace taper;
using examples::apart, examples::larger;
using lessons::above, lessons::below, lessons::near, lessons::equal, lessons::claim;
using lessons::Page, lessons::section, lessons::Table;

// ---- 1. One row trains all of its positions
//
// A text of n + 1 tokens gives n tasks: after the first token say the second, after the first two
// the third, and so on. They could be n rows of a batch. But if the output at position t depends on
// the tokens 0 to t alone, then one pass over the text does all n tasks at once:
//
// ```
//     position     0     1     2     3     4
//     reads        h     o     r     s     e
//     is to say    o     r     s     e     .
// ```
//
// That is teacher forcing: position 3 has read "hors", which is right, whatever the model would
// have said after "hor".
//
// It all hangs on the "if". The target of position t is the input of position t + 1. A model that
// sees one position to the right needs to learn nothing: it copies. Its loss in training is low,
// and when it writes, where there is nothing on the right, it says nonsense.
//
// In attention a query must therefore not see the keys behind it. Their scores become -infinity, so
// that their weights after the softmax are exactly 0. What is left is a triangle (x is seen):
//
// ```
//             keys  0  1  2  3
//     query 0       x  .  .  .
//     query 1       x  x  .  .
//     query 2       x  x  x  .
//     query 3       x  x  x  x
// ```
static Var<double> triangle(const Var<double>& scores) {  // entry (t, j) is -inf for j > t
    auto seen = empty<bool>({scores.shape()[1], scores.shape()[2]});
    for (std::size_t t = 0; t < seen.shape(0); ++t)
        for (std::size_t j = 0; j < seen.shape(1); ++j) seen(t, j) = j <= t;
    return select(seen, scores, -std::numeric_limits<double>::infinity());
}

// A product of matrices that counts its multiplications, for section 6.
static std::size_t multiplications = 0;
static Var<double> product(const Var<double>& a, const Var<double>& b, Transposed stored = {}) {
    const Var<double> y = matmul(a, b, stored);
    multiplications += count(y.shape()) * a.shape().back();
    return y;
}

// Attention of Q (B, n, d) over keys and values (B, n or k, d), with or without the triangle.
enum class Causal { no, triangle };
static Var<double> weights(const Var<double>& Q, const Var<double>& keys, Causal mask) {
    const Var<double> scores =
        product(Q, keys, {.transpose_b = true}) / std::sqrt(static_cast<double>(Q.shape().back()));
    return softmax(mask == Causal::triangle ? triangle(scores) : scores);
}
static Var<double> attend(const Var<double>& Q, const Var<double>& keys, const Var<double>& values,
                          Causal mask) {
    return product(weights(Q, keys, mask), values);
}

static constexpr std::size_t n = 8, k = 4, d = 6;
static Var<double> random(const std::string& name, const Shape& shape, double deviation = 1) {
    return normal<double>(Random(1, name), shape, deviation);
}

static void the_triangle() {
    section("1. One row trains all of its positions");
    const Var<double> x = random("x", {1, 4, d});
    const Array<double> P = weights(x, x, Causal::triangle).value();
    Table table({"query", "key 0", "key 1", "key 2", "key 3"}, 3);
    double future = 0;
    for (std::size_t t = 0; t < 4; ++t) {
        table.row(t, P(0, t, 0), P(0, t, 1), P(0, t, 2), P(0, t, 3));
        for (std::size_t s = t + 1; s < 4; ++s) future = larger(future, P(0, t, s));
    }
    table.print();
    claim(equal(future, 0.0),
          "With the triangle all weights of keys behind the query are exactly 0.");
    claim(equal(P(0, 0, 0), 1.0), "Query 0 has only key 0 to see, with weight 1.");
}

// ---- 2. The triangle on n x k
//
// With Linformer the scores are n x k (lesson 19). It is tempting to lay the triangle over these,
// and public programs have done it. But column j is no position. It is slot j, and
//
//     bar K_j = sum_i E_(j i) K_i
//
// runs over all positions, future ones too:
//
// ```
//     position    0     1     2     3     4     5     6     7
//                 |     |     |     |     |     |     |     |
//                 +-----+-----+-----+-----+-----+-----+-----+    E: every position
//                 |           |           |           |          goes into every slot
//               slot 0      slot 1      slot 2      slot 3
//                 |
//              query 0      the triangle leaves it slot 0, where position 7 is, too
// ```
//
// The mask hides slots, and what is in a slot cannot be unmixed. To see a leak, change one position
// and look which outputs move; or ask backward, what the gradient of output t is at that position.
// Both must be exactly 0 for all t before it.
static const Var<double> fixed_E = random("E", {k, n}, 0.5);
static const Var<double> fixed_F = random("F", {k, n}, 0.5);

static Var<double> full_attention(const Var<double>& x) {
    return attend(x, x, x, Causal::triangle);
}
static Var<double> masked_linformer(const Var<double>& x) {
    return attend(x, matmul(fixed_E, x), matmul(fixed_F, x), Causal::triangle);
}

// How far output t moves when position `changed` of x is another, and the norm of its gradient
// there.
struct Leak {
    double moved = 0, gradient = 0;
};
static constexpr std::size_t changed = 6;

using Layer = Var<double> (*)(const Var<double>& x);  // x, y (1, n, d); here Q = K = V = x

static std::vector<Leak> leaks(Layer layer) {
    const Array<double> x = random("x", {1, n, d}).value();
    Array<double> other = x;
    for (std::size_t c = 0; c < d; ++c) other(0, changed, c) += 1;
    const Array<double> y = layer(x).value();
    const Array<double> z = layer(other).value();
    std::vector<Leak> leak(n);
    for (std::size_t t = 0; t < n; ++t) {
        Parameter<double> input("x", x);
        Tape<double> tape;
        const Var<double> out = layer(input);
        auto dy = zeros<double>(out.shape());
        for (std::size_t c = 0; c < d; ++c) {
            dy(0, t, c) = 1;
            leak[t].moved = larger(leak[t].moved, std::abs(y(0, t, c) - z(0, t, c)));
        }
        tape.backward(out, dy);
        for (std::size_t c = 0; c < d; ++c)
            leak[t].gradient = std::hypot(leak[t].gradient, input.gradient()(0, changed, c));
    }
    return leak;
}

// The largest of the outputs before the changed position.
static double past(const std::vector<Leak>& leak) {
    double most = 0;
    for (std::size_t t = 0; t < changed; ++t)
        most = larger(larger(most, leak[t].moved), leak[t].gradient);
    return most;
}

static void print_leaks(const std::vector<Leak>& a, const std::string& name_a,
                        const std::vector<Leak>& b, const std::string& name_b) {
    Table table({"output", name_a + ": moved", "gradient", name_b + ": moved", "gradient"}, 3);
    for (std::size_t t = 0; t < n; ++t)
        table.row(t, a[t].moved, a[t].gradient, b[t].moved, b[t].gradient);
    table.print();
}

static void the_leak() {
    section("2. The triangle on n x k");
    std::cout << "  Position 6 of 8 is changed. The outputs 0 to 5 must not move.\n";
    const std::vector<Leak> full = leaks(full_attention);
    const std::vector<Leak> masked = leaks(masked_linformer);
    print_leaks(full, "n x n", masked, "n x k");
    claim(equal(past(full), 0.0),
          "In n x n with the triangle the outputs 0 to 5 do not move, and "
          "their gradient at position 6 is exactly 0.");
    claim(above(full[6].moved, 0.01) && above(full[7].moved, 0.01),
          "The outputs 6 and 7 move: they may see position 6.");
    claim(above(masked[0].moved, 0.01) && above(masked[0].gradient, 0.01),
          "In n x k with the triangle even output 0 moves, and training would teach it to read "
          "position 6.");
}

// ---- 3. Running sums
//
// What may the slots of query t hold? The sum over the positions up to t. So there is not one
// K-bar, but one for each t:
//
//     bar K_t = sum_(i <= t) e_i k_i^T
//     bar V_t = sum_(i <= t) f_i v_i^T
//
// $e_i$ is column i of E: how much of position i goes into each of the k slots. $k_i$ is the key at
// position i, of $d_h$ numbers. The product $e_i k_i^T$ is a matrix (k, d_h) of rank 1, row j of it
// is $E_(j i) k_i$. Written so, E K is a sum of n such products (lesson 18), one a position. A
// causal Linformer is then Eq. 7 with the slots of its own prefix:
//
//     y_t = "softmax"((q_t bar K_t^T) / sqrt(d_h)) bar V_t
//
// n matrices of slots look like n times the work. But each differs from the one before by one
// product:
//
//     bar K_t = bar K_(t - 1) + e_t k_t^T
//
// ```
//     e_0 k_0^T    e_1 k_1^T    e_2 k_2^T    e_3 k_3^T
//         |            |            |            |
//         v            v            v            v
//      K-bar_0 --->   (+) ------>  (+) ------>  (+)
//                   K-bar_1      K-bar_2      K-bar_3
//         |            |            |            |
//         v            v            v            v
//        y_0          y_1          y_2          y_3
// ```
//
// With a pencil: two slots, keys of one number. The columns of E are (1, 0), (1, 1), (0, 2) and (1,
// -1); the keys are 3, 1, 2, 4. So K-bar goes through (3, 0), (4, 1), (4, 5), (8, 1). Such a sum
// from the left is a prefix sum; the op `cumsum` computes it.
static const Array<double> pencil_E{{1, 1, 0, 1}, {0, 1, 2, -1}};  // (k, n) = (2, 4)
static const Array<double> pencil_keys{3, 1, 2, 4};

static void running_sums_by_pencil() {
    section("3. Running sums");
    // Entry (j, t): what position t brings to slot j.
    const Var<double> brought = Var<double>(pencil_E) * Var<double>(pencil_keys);
    const Array<double> K_bar = cumsum(brought, 1).value();
    Table table({"t", "key", "column of E", "K-bar: slot 0", "slot 1"});
    for (std::size_t t = 0; t < 4; ++t)
        table.row(
            t, pencil_keys(t),
            "(" + lessons::text_of(pencil_E(0, t)) + ", " + lessons::text_of(pencil_E(1, t)) + ")",
            K_bar(0, t), K_bar(1, t));
    table.print();
    claim(equal(apart(K_bar, {{3, 4, 4, 8}, {0, 1, 5, 1}}), 0.0),
          "The running sums are those of the pencil.");
    const Array<double> all =
        matmul<double>(pencil_E, reshaped(pencil_keys, {4, 1})).value();  // (2, 1)
    claim(equal(K_bar(0, 3), all(0, 0)) && equal(K_bar(1, 3), all(1, 0)),
          "The last one is E K of lesson 19: the slots of the whole text.");
}

// ---- 4. Backward: sums from the other end
//
// Backward brings $G_t$, the gradient of $bar K_t$, for every t. What is the gradient of the key
// $k_i$? It was added into $bar K_i$, and from there it is in every later one. It is in none
// before. With the factor $e_i$ each time, the chain rule gives
//
//     d k_i = sum_(t >= i) G_t^T e_i
//     d e_i = sum_(t >= i) G_t k_i
//
// The sum can be taken first. Let
//
//     S_i = sum_(t >= i) G_t = G_i + S_(i + 1)
//     d k_i = S_i^T e_i
//     d e_i = S_i k_i
//
// S is a suffix sum, and one loop from the last position to the first makes it. Forward the past
// runs to the right, backward the blame runs to the left: position i answers for all that came
// after it, and for nothing before.
//
// With the numbers above, let $G_t$ be (1, 0) for all four t: only slot 0 has a gradient, and the
// same everywhere. Then slot 0 of S is 4, 3, 2, 1. Key 0 with $e_0$ = (1, 0) gets 4, key 1 with (1,
// 1) gets 3, key 2 with (0, 2) gets 0, key 3 with (1, -1) gets 1.
static void suffix_sums_by_pencil(const Page& page) {
    section("4. Backward: sums from the other end");
    Parameter<double> keys("keys", pencil_keys);
    Parameter<double> columns("E", pencil_E);
    const Array<double> G{{1, 1, 1, 1}, {0, 0, 0, 0}};  // (j, t)
    Tape<double> tape;
    const Var<double> K_bar = cumsum(columns * keys, 1);
    tape.backward(K_bar, G, Keep::everything);
    page.show(tape, "Running sums, and back");
    auto S = zeros<double>({2, 5});
    for (std::size_t t = 4; t-- > 0;)
        for (std::size_t j = 0; j < 2; ++j) S(j, t) = S(j, t + 1) + G(j, t);
    Table table({"t", "S: slot 0", "slot 1", "dk", "de: slot 0", "slot 1"});
    double wrong = 0;
    for (std::size_t t = 0; t < 4; ++t) {
        table.row(t, S(0, t), S(1, t), keys.gradient()(t), columns.gradient()(0, t),
                  columns.gradient()(1, t));
        for (std::size_t j = 0; j < 2; ++j)
            wrong = larger(wrong, std::abs(columns.gradient()(j, t) - S(j, t) * pencil_keys(t)));
    }
    table.print();
    claim(equal(apart(keys.gradient(), {4, 3, 0, 1}), 0.0),
          "The tape's dk is that of the pencil: 4, 3, 0, 1.");
    claim(equal(wrong, 0.0), "The tape's de_i is S_i k_i.");
}

// ---- 5. The layer
//
// Now with real widths, in two ways. By hand: op by op, position after position. And by the op
// `causal_attention`, which does the same in chunks of C positions. Within a chunk it uses the
// triangle on C x C scores, where positions are positions; from chunk to chunk it carries the sums.
// Its backward goes through the chunks from the last to the first with the suffix sums above
// (`core/ops/causal_attention.cpp`).
static Var<double> running_sums(const Var<double>& x, const Var<double>& E, const Var<double>& F) {
    Var<double> K_bar = zeros<double>({1, k, x.shape().back()});
    Var<double> V_bar = K_bar;
    std::vector<Var<double>> rows;
    for (std::ptrdiff_t t = 0; t < static_cast<std::ptrdiff_t>(x.shape()[1]); ++t) {
        const Range now{t, t + 1};
        const Var<double> x_t = slice(x, 1, now);
        K_bar = K_bar + product(slice(E, 1, now), x_t);  // += e_t k_t^T
        V_bar = V_bar + product(slice(F, 1, now), x_t);  // += f_t v_t^T
        rows.push_back(attend(x_t, K_bar, V_bar, Causal::no));
    }
    return concat(rows, 1);
}
static Var<double> by_hand(const Var<double>& x) { return running_sums(x, fixed_E, fixed_F); }
static Var<double> by_op(const Var<double>& x) {
    return causal_attention(x, x, x, fixed_E, fixed_F);
}

// What both are to compute: row t is Eq. 7 on the positions 0 to t alone, projected anew.
static Var<double> prefixes_anew(const Var<double>& x, const Var<double>& E, const Var<double>& F) {
    std::vector<Var<double>> rows;
    for (std::ptrdiff_t t = 0; t < static_cast<std::ptrdiff_t>(x.shape()[1]); ++t) {
        const Range seen{0, t + 1};
        const Var<double> prefix = slice(x, 1, seen);
        const Var<double> keys = product(slice(E, 1, seen), prefix);
        const Var<double> values = product(slice(F, 1, seen), prefix);
        rows.push_back(attend(slice(x, 1, {t, t + 1}), keys, values, Causal::no));
    }
    return concat(rows, 1);
}

struct Pass {
    Array<double> y, dx;
    std::size_t ops;
};
static Pass pass(Layer layer) {
    Parameter<double> x("x", random("x", {1, n, d}).value());
    Tape<double> tape;
    const Var<double> y = layer(x);
    const std::size_t ops = tape.records().size() - 1;
    tape.backward(y, random("dy", {1, n, d}).value());
    return {y.value(), x.gradient(), ops};
}

static void the_layer() {
    section("5. The layer");
    const std::vector<Leak> hand = leaks(by_hand);
    const std::vector<Leak> op = leaks(by_op);
    std::cout << "  Position 6 is changed again.\n";
    print_leaks(hand, "by hand", op, "op");
    claim(equal(past(hand), 0.0),
          "Running sums by hand do not leak: all is exactly 0 before position 6.");
    claim(equal(past(op), 0.0), "The op does not leak either: all is exactly 0 before position 6.");

    const Var<double> x = random("x", {1, n, d});
    claim(below(apart(by_hand(x), prefixes_anew(x, fixed_E, fixed_F)), 1e-14),
          "Running sums give what the projection of each prefix anew gives, to rounding.");
    const Pass of_hand = pass(by_hand);
    const Pass of_op = pass(by_op);
    claim(below(apart(of_hand.y, of_op.y), 1e-13), "The op computes the same y as we by hand.");
    claim(below(apart(of_hand.dx, of_op.dx), 1e-13), "Its backward gives the same dx.");
    claim(equal(of_op.ops, 1u) && above(static_cast<double>(of_hand.ops), 8.0 * n),
          "By hand the tape has more than eight ops a position; with the op it has one in all.");
    const Var<double> whole = attend(x, matmul(fixed_E, x), matmul(fixed_F, x), Causal::no);
    claim(below(apart(slice(by_hand(x), 1, {.begin = -1}), slice(whole, 1, {.begin = -1})), 1e-14),
          "The last row sees the whole text: it is that of the Linformer that is not causal.");
}

// ---- 6. Still linear
//
// Count the multiplications of one head, with $d_h$ = d:
//
// - a step of the sums takes k d for $e_t k_t^T$ and k d for $f_t v_t^T$;
// - a query takes k d for its scores and k d for its y.
//
// That is 4 k d a position and 4 n k d in all, exactly as much as the Linformer of lesson 19, which
// is not causal. If every prefix were projected anew, t + 1 positions for query t, it would be
// about $n^2 k d$. And to write on, K-bar and V-bar are all that must be kept: 2 k d numbers,
// however long the text is (lesson 23), where full attention keeps all n keys and values.
static std::size_t cost_of(Var<double> (*layer)(const Var<double>&, const Var<double>&,
                                                const Var<double>&),
                           std::size_t length) {
    multiplications = 0;
    layer(random("x", {1, length, d}), random("E", {k, length}), random("F", {k, length}));
    return multiplications;
}

static void still_linear() {
    section("6. Still linear");
    std::vector<double> running, anew;
    Table table({"n", "running sums", "prefixes anew", "ratio"});
    for (const std::size_t length : {32u, 64u, 128u}) {
        const std::size_t a = cost_of(running_sums, length);
        const std::size_t b = cost_of(prefixes_anew, length);
        running.push_back(static_cast<double>(a));
        anew.push_back(static_cast<double>(b));
        table.row(length, a, b, anew.back() / running.back());
    }
    table.print();
    claim(equal(running[1], 4.0 * 64 * k * d), "At n = 64 running sums take 4 n k d.");
    claim(equal(running[2], 2 * running[1]),
          "Twice the text, 128 instead of 64, is twice the work.");
    claim(near(anew[1] / anew[0], 4, 0.3),
          "With every prefix anew 64 positions are about four times the work of 32.");
}

// ---- 7. A cheat is found
//
// A leak is easy to miss: the loss just falls well. There is a test that no cheat passes. Take
// texts of independent random tokens, all V of them equally likely. Nothing can be foretold, and
// nothing below
//
//     ln V = ln 8 = 2.08
//
// is honest, on texts that were not trained on. Here a small model is trained on such texts with
// each of the three layers: token and position embedding, one attention with learned E and F, a
// residual, a linear map to the logits.
static constexpr std::size_t V = 8, width = 16, B = 16, steps = 400;
enum class Kind { full, masked, running };

struct Model {
    Kind kind;
    Parameter<double> token{"token", random("token", {V, width}).value()};
    Parameter<double> position{"position", random("position", {n, width}).value()};
    Parameter<double> query{"query", random("query", {width, width}, 0.25).value()};
    Parameter<double> key{"key", random("key", {width, width}, 0.25).value()};
    Parameter<double> value{"value", random("value", {width, width}, 0.25).value()};
    Parameter<double> out{"out", random("out", {width, V}, 0.25).value()};
    Parameter<double> E{"E", random("E of a model", {k, n}, 0.5).value()};
    Parameter<double> F{"F", random("F of a model", {k, n}, 0.5).value()};

    nn::Parameters<double> parameters() {
        return {&token, &position, &query, &key, &value, &out, &E, &F};
    }
    Var<double> operator()(const Ids& tokens) const {
        const Var<double> x = embedding(token, tokens) + position;  // (B, n, width)
        const Var<double> Q = matmul(x, query);
        const Var<double> K = matmul(x, key);
        const Var<double> U = matmul(x, value);
        Var<double> y;
        if (kind == Kind::full) y = attend(Q, K, U, Causal::triangle);
        else if (kind == Kind::masked) y = attend(Q, matmul(E, K), matmul(F, U), Causal::triangle);
        else y = causal_attention(Q, K, U, E, F);
        return matmul(x + y, out);
    }
};

static Var<double> loss_on(const Model& model, const Random& texts) {
    Ids tokens = empty<std::int64_t>({B, n});
    Ids targets = full<std::int64_t>({B, n}, ignore_index);
    for (std::size_t b = 0; b < B; ++b)
        for (std::size_t t = 0; t < n; ++t) {
            tokens(b, t) = static_cast<std::int64_t>(texts.below(b * n + t, V));
            if (t > 0) targets(b, t - 1) = tokens(b, t);
        }
    return cross_entropy(model(tokens), targets);
}

// The loss on texts that were not trained on.
static double fresh_loss(const Model& model) {
    double sum = 0;
    for (std::uint32_t i = 0; i < 50; ++i) sum += loss_on(model, Random(1, "fresh", i)).item();
    return sum / 50;
}

static double trained(Kind kind) {
    Model model{kind};
    nn::Adam<double> adam(model.parameters());
    for (std::uint32_t step = 1; step <= steps; ++step) {
        Tape<double> tape;
        tape.backward(loss_on(model, Random(1, "texts", step)));
        adam.step(0.01);
    }
    return fresh_loss(model);
}

static void a_cheat_is_found() {
    section("7. A cheat is found");
    const double ln_V = std::log(static_cast<double>(V));
    const double full = trained(Kind::full);
    const double masked = trained(Kind::masked);
    const double running = trained(Kind::running);
    Table table({"layer", "loss on fresh texts", "less ln 8"});
    table.row("n x n, triangle", full, full - ln_V);
    table.row("n x k, triangle", masked, masked - ln_V);
    table.row("n x k, running sums", running, running - ln_V);
    table.print();
    claim(above(full, ln_V), "Full attention with the triangle stays above ln 8.");
    claim(below(masked, ln_V - 0.1),
          "Linformer with the triangle foretells random numbers: it reads them in its slots.");
    claim(above(running, ln_V), "Linformer with running sums stays above ln 8.");
}

int main(int argc, char** argv) {
    const Page page(argc, argv);
    keep_freed_memory();
    the_triangle();
    the_leak();
    running_sums_by_pencil();
    suffix_sums_by_pencil(page);
    the_layer();
    still_linear();
    a_cheat_is_found();
}
