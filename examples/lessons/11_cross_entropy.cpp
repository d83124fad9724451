// Lesson 11. Cross-entropy: the loss of a guess
//
// A model has given each class a probability, and then the right class is known. How bad was the
// guess? *Cross-entropy* answers: $-ln p$ of the right class. Nearly every classifier and language
// model is trained with it. Its gradient is the simplest that one could wish for, probability minus
// one-hot, and this lesson derives it twice. Then it shows why softmax and logarithm are one op
// here and not two.
//
// After lesson 10. About 30 minutes.
//
// Run it: build/release/bin/11_cross_entropy [--page FILE]
#include <cmath>

#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"
#include "examples/lessons/page.hpp"

using namespace taper;
using examples::apart;
using examples::larger;
using examples::largest;
using lessons::below;
using lessons::claim;
using lessons::equal;
using lessons::near;
using lessons::Page;
using lessons::section;
using lessons::Table;

// ---- 1. What a guess costs
//
// Let $p$ be the probabilities that softmax makes of the logits $x$, one for each of $V$ classes,
// and $t$ the right class, the *target*. The loss of this guess is
//
//     loss = -ln p_t
//
// Why the logarithm? Two guesses that do not depend on each other are both right with the product
// of their probabilities, and the logarithm makes a sum of it: losses add up. A sure and right
// guess, $p_t = 1$, costs nothing; a fair coin costs $ln 2$; and to have called impossible what
// then came costs infinity. The unit of the natural logarithm is the *nat*; lesson 12 says what so
// many nats mean.
//
// Of $N$ guesses the loss is the mean, so that it does not depend on their number. Minimising it is
// the same as choosing the weights under which the data is most probable: *maximum likelihood*.
//
// The name comes from a more general case. If the right answer is itself a distribution $q$, then
// $-sum_j q_j ln p_j$ is the *cross-entropy* of $q$ and $p$. Ours has the whole weight on one
// class: $q$ is 1 at $t$ and 0 elsewhere. Such a row is called *one-hot*, and the sum has one term
// left.
//
// For two classes with the logits $(0, z)$ it is the loss of lesson 9: if class 1 is right,
// $-ln (1 / (1 + e^(-z))) = ln(1 + e^(-z))$.
static const Array<double> pencil{{0, std::log(2), std::log(4)}};  // p = (1/7, 2/7, 4/7)

static void what_a_guess_costs() {
    section("1. What a guess costs");
    Table table({"probability of the right class", "loss in nats"});
    for (const double p : {1.0, 0.5, 0.1, 0.01, 0.001}) table.row(p, -std::log(p));
    table.print();
    claim(near(cross_entropy<double>(pencil, {1}).item(), std::log(7. / 2), 1e-14),
          "Logits (0, ln 2, ln 4), class 1 of 0, 1, 2 is right: p_t = 2/7, and the op gives "
          "-ln(2/7).");
    const Array<double> both{{0, std::log(2), std::log(4)}, {std::log(3), 0, 0}};
    const double together = (2. / 7) * (3. / 5);
    claim(near(2 * cross_entropy<double>(both, {1, 0}).item(), -std::log(together), 1e-14),
          "Guesses with p_t = 2/7 and 3/5: twice their mean loss is -ln of the product, 6/35.");
    double worst = 0;
    for (const double z : {-3.0, 0.5, 4.0}) {
        const double loss = cross_entropy<double>(Array<double>{{0, z}}, {1}).item();
        worst = larger(worst, std::abs(loss - softplus<double>(-z).item()));
    }
    claim(below(worst, 1e-14), "Of two logits (0, z) it is the softplus(-z) of lesson 9.");
}

// ---- 2. The gradient: probability minus one-hot
//
// First way: straight from the definition. With $p_t = e^(x_t) / (sum_j e^(x_j))$,
//
//     loss = -ln p_t = -x_t + ln sum_j e^(x_j)
//
// The first part has the derivative $-1$ by $x_t$ and 0 by all others, which is $-[j = t]$. Of the
// second part the chain rule makes $e^(x_j) / (sum_i e^(x_i))$, and that is $p_j$:
//
//     (del loss) / (del x_j) = p_j - [j = t]
//
// Second way: through the two ops. The logarithm sends back $dp_t = -1 / p_t$, and 0 to the others.
// Softmax has (lesson 10) $dx_j = p_j (dp_j - sum_i p_i dp_i)$, and the sum is $-1$:
//
//     dx_j = p_j ([j = t] (-1 / p_t) + 1) = p_j - [j = t]
//
// The small factor $p_t$ of softmax meets the large $1 / p_t$ of the logarithm, and they cancel. So
// this loss gets around the deafness of lesson 10: a guess that is sure and wrong is pulled with
// the full force of 1.
//
// Read it so: the right logit is to rise by what is missing to 1, each other is to fall by its
// probability. The forces in a row sum to 0. Of a mean over $N$ rows each gets $1 / N$.
static Array<double> minus_one_hot(Array<double> p, const Ids& targets) {
    for (std::size_t row = 0; row < targets.size(); ++row)
        p(row, static_cast<std::size_t>(targets(row))) -= 1;
    return p / static_cast<double>(targets.size());
}

static void the_gradient(const Page& page) {
    section("2. The gradient: probability minus one-hot");
    Parameter<double> x("x", pencil);
    Tape<double> tape;
    const Var<double> loss = cross_entropy(x, {1});
    tape.backward(loss, Keep::everything);
    page.show(tape, "cross-entropy of three logits");
    const Array<double> p = softmax<double>(pencil).value();
    Table table({"j", "p_j", "one-hot", "dx_j"});
    for (std::size_t j = 0; j < 3; ++j) table.row(j, p(0, j), j == 1 ? 1 : 0, x.gradient()(0, j));
    table.print();
    claim(below(apart(x.gradient(), Array<double>{{1. / 7, -5. / 7, 4. / 7}}), 1e-14),
          "Where class 1 is right, dx is (1/7, 2/7 - 1, 4/7).");

    const std::size_t N = 8, V = 1000;
    const Ids targets{3, 1, 4, 1, 5, 9, 2, 6};
    Parameter<double> logits("logits", normal<double>(Random(1, "logits"), {N, V}, 2));
    Tape<double> rows;
    const Var<double> probabilities = softmax<double>(logits.detach());
    rows.backward(cross_entropy(logits, targets));
    const Array<double>& dx = logits.gradient();
    claim(below(largest(sum(Var<double>(dx), {-1}).value()), 1e-14),
          "Each of the 8 rows of dx sums to 0.");
    claim(below(apart(dx, minus_one_hot(probabilities.value(), targets)), 1e-14),
          "In 8 rows of 1000 random logits dx is (p - one-hot) / 8.");

    Parameter<double> wrong("wrong", Array<double>{{0, 40}});
    Tape<double> sure;
    sure.backward(cross_entropy(wrong, {0}));
    claim(near(wrong.gradient()(0, 0), -1, 1e-14),
          "Logits (0, 40) are sure of class 1; if class 0 is right, its logit is pulled with -1.");
}

// ---- 3. Why one op: an improbable class
//
// On paper the loss is softmax, then a logarithm. In floating point the pair breaks where $p_t$ is
// smaller than the smallest number above 0: then $p_t$ is 0, its logarithm minus infinity, and the
// backward pass multiplies 0 by infinity. No shift within softmax helps, since $p_t$ itself is too
// small to be written down. But the loss is not: it is an ordinary number like 120.
//
// So the op `cross_entropy` never computes $p_t$. With $m$ for the largest logit of the row it uses
//
//     loss = (m - x_t) + ln sum_j e^(x_j - m)
//
// where no power overflows and the sum is at least 1. For the logits $(0, gap)$ and $t = 0$, that
// is $gap + ln(1 + e^(-gap))$.
template <class T> static Var<T> minus_log(const Var<T>& p, const Ids& targets) {
    Mask right(p.shape(), false);
    for (std::size_t row = 0; row < targets.size(); ++row)
        right(row, static_cast<std::size_t>(targets(row))) = true;
    return -sum(select(right, log(p), T(0))) / static_cast<T>(targets.size());
}

struct Guess {
    double loss, dx_0;
};
template <class LossOf> static Guess guess(float gap, LossOf loss_of) {
    Parameter<float> logits("logits", Array<float>{{0, gap}});
    Tape<float> tape;
    const Var<float> loss = loss_of(logits);
    tape.backward(loss);
    return {loss.item(), logits.gradient()(0, 0)};
}

static double error_of(const Guess& guess, float gap) {
    const double p = 1 / (1 + std::exp(static_cast<double>(gap)));
    return larger(std::abs(guess.loss + std::log(p)), std::abs(guess.dx_0 - (p - 1)));
}

static void an_improbable_class() {
    section("3. Why one op: an improbable class");
    Table table({"gap", "softmax, -ln: loss", "dx_0", "cross_entropy: loss", "dx_0"});
    double two_ops = 0, one_op = 0;
    Guess at_120{};
    for (const float gap : {10.f, 80.f, 120.f}) {
        const Guess two =
            guess(gap, [](const Var<float>& x) { return minus_log(softmax(x), {0}); });
        const Guess one = guess(gap, [](const Var<float>& x) { return cross_entropy(x, {0}); });
        table.row(gap, two.loss, two.dx_0, one.loss, one.dx_0);
        if (gap < 100) two_ops = larger(two_ops, error_of(two, gap));
        else at_120 = two;
        one_op = larger(one_op, error_of(one, gap));
    }
    table.print();
    claim(below(two_ops, 1e-4), "With a gap of 10 or 80 softmax and -ln are right.");
    claim(std::isinf(at_120.loss) && std::isnan(at_120.dx_0),
          "With a gap of 120 softmax and -ln give an infinite loss, and its gradient is nan.");
    claim(below(one_op, 1e-4), "cross_entropy is right for all three gaps, loss and gradient.");
}

// ---- 4. Large logits
//
// One more trap. The sum $m + ln sum_j e^(x_j - m)$ is often computed first, as one number $l$, the
// "logsumexp", and $x_t$ subtracted from it. When $m$ is large, a float has no digits left for the
// logarithm: floats near $10^8$ are 8 apart. With the two logits $(m, m)$ each probability is $1/2$
// and the loss $ln 2$, whatever $m$ is. The op adds $m - x_t$, which is exact here, to the
// logarithm, and loses nothing. `log_softmax`, which gives all $ln p_j$, does the same.
//
// What no op can bring back: logits that differ by 1 are the same float there. Logits should not
// grow so large in the first place.
static void large_logits() {
    section("4. Large logits");
    Table table({"m", "l - x_t, l one float", "cross_entropy", "(m + 1) - m"});
    double worst = 0, last_sum = 0, last_difference = 0;
    for (const float m : {0.f, 1e3f, 1e6f, 1e8f}) {
        const Var<float> x = Array<float>{{m, m}};
        const float l = m + std::log(2.f);
        const float next = m + 1;
        const double loss = cross_entropy(x, {0}).item();
        const double log_p = log_softmax(x).value()(0, 0);
        table.row(m, l - m, loss, next - m);
        worst = larger(worst, std::abs(loss - std::log(2)));
        worst = larger(worst, std::abs(log_p + std::log(2)));
        last_sum = l - m;
        last_difference = next - m;
    }
    table.print();
    claim(equal(last_sum, 0.0),
          "At m = 1e8 the float l = m + ln 2 is m itself, so the loss l - x_t would be 0.");
    claim(below(worst, 1e-6), "cross_entropy and log_softmax give ln 2 and -ln 2 for every m.");
    claim(equal(last_difference, 0.0), "Adding 1 to the float 1e8 does not change it.");
}

// ---- 5. What the tape holds
//
// The second reason for one op is memory. A language model has a row of $V$ logits for each token,
// and $V$ is tens of thousands: this array is often the largest of all. Each op that is composed
// makes another one of its size. The fused op makes none forward: it keeps the logits, and two
// numbers for each row.
struct Records {
    std::size_t all = 0;   // on the tape
    std::size_t made = 0;  // results of the shape of the logits
    std::size_t held = 0;  // of these: in memory until backward
    double loss = 0;
    Array<double> dx;
};
template <class LossOf> static Records records_of(LossOf loss_of) {
    Parameter<double> logits("logits", normal<double>(Random(1, "logits"), {8, 1000}, 2));
    Tape<double> tape;
    // A model's logits are the output of an op, not a Parameter: it is let go of unless held.
    const Var<double> loss = loss_of(logits + 0.0);
    Records records;
    records.all = tape.records().size();
    for (const auto& record : tape.records()) {
        if (record.leaf || record.shape != logits.shape()) continue;
        ++records.made;
        records.held += !record.value.expired();
    }
    tape.backward(loss);
    records.loss = loss.item();
    records.dx = logits.gradient();
    return records;
}

static void what_the_tape_holds() {
    section("5. What the tape holds");
    const Ids targets{3, 1, 4, 1, 5, 9, 2, 6};
    const auto one = records_of([&](const Var<double>& x) { return cross_entropy(x, targets); });
    const auto two =
        records_of([&](const Var<double>& x) { return minus_log(softmax(x), targets); });
    Table table({"", "records", "arrays of N V numbers made", "held for backward"});
    table.row("cross_entropy", one.all, one.made, one.held);
    table.row("softmax, log, select, sum, neg, div", two.all, two.made, two.held);
    table.print();
    claim(near(one.loss, two.loss, 1e-12) && below(apart(one.dx, two.dx), 1e-12),
          "As one op and composed of six, the loss and its gradient are the same here.");
    claim(equal(two.all, one.all + 5), "Composed, the loss is six records; cross_entropy is one.");
    claim(equal(one.made, 1u) && equal(two.made, 4u),
          "With cross_entropy there is one array of N V numbers, the logits; composed there are "
          "four.");
    claim(equal(one.held, 1u) && equal(two.held, 1u),
          "Both ways hold one such array until backward.");
}

// ---- 6. Rows that do not count
//
// Not every row has a right answer. A masked model (lesson 21) is asked for the hidden tokens
// alone; padding has no next token. Such a row has the target `ignore_index`. It adds nothing to
// the loss, is not counted in $N$, and gets the gradient 0.
static void rows_that_do_not_count() {
    section("6. Rows that do not count");
    Parameter<double> x("x", normal<double>(Random(1, "x"), {3, 5}));
    Tape<double> tape;
    const Var<double> loss = cross_entropy(x, {2, ignore_index, 4});
    tape.backward(loss);
    const double first = cross_entropy(slice(x.detach(), 0, {0, 1}), {2}).item();
    const double third = cross_entropy(slice(x.detach(), 0, {2, 3}), {4}).item();
    Table table({"row", "target", "its loss", "length of its dx"});
    const auto length = [&](std::ptrdiff_t row) {
        return norm(slice<double>(x.gradient(), 0, {row, row + 1})).item();
    };
    table.row("0", "2", first, length(0));
    table.row("1", "ignore_index", "not counted", length(1));
    table.row("2", "4", third, length(2));
    table.print();
    claim(near(loss.item(), (first + third) / 2, 1e-14),
          "The loss is the mean of the two rows that count.");
    claim(equal(length(1), 0.0), "The row that does not count gets the gradient 0.");
}

int main(int argc, char** argv) {
    const Page page(argc, argv);
    what_a_guess_costs();
    the_gradient(page);
    an_improbable_class();
    large_logits();
    what_the_tape_holds();
    rows_that_do_not_count();
}
