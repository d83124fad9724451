// Lesson 25. Where NaN came from
//
// A training run goes well, and then the loss is nan, and a step later so is every weight. Neither
// tells where it began. This lesson has two such runs, and finds what made the first number that
// was not finite: in one it is an op on the way forward, in the other an op on the way back, from a
// loss that looks well. The tool is a tape that checks.
//
// After lessons 9 and 11. About 20 minutes.
//
// Run it: build/release/bin/25_where_nan_came_from [--page FILE]
#include <cmath>

#include "core/ops.hpp"
#include "examples/lessons/lesson.hpp"
#include "examples/lessons/page.hpp"

using namespace taper;
using lessons::claim;
using lessons::equal;
using lessons::near;
using lessons::Page;
using lessons::section;
using lessons::Table;

// ---- 1. A run is lost
//
// *NaN*, not a number, is what floating point answers to a question without an answer: $0 / 0$,
// $oo - oo$, $0 * oo$, the logarithm or the root of a number below 0. The infinities in it come
// from a division by 0, from $ln 0$, or from a number too large to be written down. Once there, NaN
// spreads: whatever is computed of it is NaN, so the loss is, and so is every gradient, and with
// the next step every weight.
//
// The run is *logistic regression*, a classifier with one weight, written as in a textbook. For a
// point $x$ the probability of class 1 is $p = 1 / (1 + e^(-w x))$; the class is $t$, 0 or 1; and
// the loss is the negative logarithm of the probability given to the right class:
//
//     loss = - mean (t ln p + (1 - t) ln (1 - p))
//
// Gradient descent trains it, and the classes are easy to tell apart: of our four points $-2$ and
// $-1$ are of class 0, 1 and 30 of class 1.
static const Var<double> x = Array<double>{-2, -1, 1, 30};
static const Var<double> t = Array<double>{0, 0, 1, 1};
static int log_line = 0;  // of the second logarithm below

static Var<double> textbook_loss(const Var<double>& w) {
    const Var<double> p = 1.0 / (1.0 + exp(-(w * x)));
    const Var<double> log_p = log(p);
    log_line = here().line + 1;
    const Var<double> log_not_p = log(1.0 - p);
    return -mean(t * log_p + (1.0 - t) * log_not_p);
}

// Returns the weight of the step whose loss is nan.
static double a_run_is_lost() {
    section("1. A run is lost");
    Parameter<double> w("w", zeros<double>({1}));
    double before = 0, loss = 0;
    Table table({"step", "w", "loss", "w after the step"});
    for (int step = 1; step <= 100 && !std::isnan(loss); ++step) {
        before = w.value()(0);
        Tape<double> tape;
        const Var<double> y = textbook_loss(w);
        tape.backward(y);
        w.mutable_value() -= 0.15 * w.gradient();
        w.clear_gradient();
        loss = y.item();
        if (step % 5 == 1 || std::isnan(loss)) table.row(step, before, loss, w.value()(0));
    }
    table.print();
    claim(std::isfinite(before), "The weight before the last step was an ordinary number.");
    claim(std::isnan(loss) && std::isnan(w.value()(0)),
          "The loss of the last step is nan, and so is the weight after it.");
    return before;
}

// ---- 2. The last step again, on a tape that checks
//
// `Tape<double> tape(Finite::checked)` reads every result as it is made, and every gradient. At the
// first one that is not finite it stops with an Error, which names the op, its line in the source,
// and what its inputs were, with the least and the largest number in each. It costs one more
// reading of every number, so one uses it to look for a cause, and does without it otherwise.
//
// It stops at every infinity, also at one that was meant. Where $-oo$ stands in a mask on purpose
// (as in lesson 14), use it on the other part of the program.
//
// The message here says: the op `log`, on this line, from an input that was a difference and
// reaches down to 0. There is the cause: for $x = 30$ the probability $p$ has been rounded to 1, so
// that $1 - p$ is 0, and $ln 0$ is $-oo$. The factor $1 - t$ before it is 0 for this point, and
// $0 * oo$ is NaN. It was made one op later; the check has found what led to it.
//
// The page of the lesson's tape shows this step without the check: there one sees NaN spread.
template <class F> static std::string complaint(F f) {
    Tape<double> tape(Finite::checked);
    try {
        tape.backward(f());
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

static bool says(const std::string& text, const std::string& words) {
    return text.find(words) != std::string::npos;
}
static std::string at(int line) { return "25_where_nan_came_from.cpp:" + std::to_string(line); }

static void the_step_again(double before, const Page& page) {
    section("2. The last step again, on a tape that checks");
    Parameter<double> w("w", full<double>({1}, before));
    const std::string error = complaint([&] { return textbook_loss(w); });
    std::cout << "Error: " << error << "\n";
    claim(says(error, "log: every result must be finite"),
          "The tape stops at log, before the product that made the nan.");
    claim(says(error, at(log_line)), "The message names the line of log(1.0 - p).");
    claim(says(error, "input 0 (4): sub") && says(error, ", 0 to "),
          "The message says that the input of log was a difference, and its least number 0.");

    const double p = 1 / (1 + std::exp(-before * 30));
    Table table({"at x = 30", "value"});
    table.row("p", p);
    table.row("1 - p", 1 - p);
    table.row("ln(1 - p)", std::log(1 - p));
    table.row("0 ln(1 - p)", 0 * std::log(1 - p));
    table.print();
    claim(equal(p, 1.0) && equal(std::isnan(0 * std::log(1 - p)), true),
          "At x = 30, p has been rounded to 1, and 0 times the logarithm of 1 - p is nan.");

    Tape<double> unchecked;
    const Var<double> loss = textbook_loss(w);
    unchecked.backward(loss, Keep::everything);
    page.show(unchecked, "a step that makes a nan");
}

// ---- 3. The cure
//
// The loss itself is no monster: it is the $ln(1 + e^(-s z))$ of lesson 9, with the logit $z = w x$
// and $s$ 1 or $-1$. Written with $t$ in place of $s$:
//
//     loss = mean (ln(1 + e^z) - t z)
//
// For $t = 0$ it is $-ln(1 - p)$; for $t = 1$, since $ln(1 + e^z) - z = ln(1 + e^(-z))$, it is
// $-ln p$. No difference of two near numbers stands under a logarithm any more, and `softplus`
// computes $ln(1 + e^z)$ without overflow. This is the usual cure: not a check for NaN, and not a
// small number added somewhere, but another way to write the same function. `cross_entropy` in
// lesson 11 is another case of it.
static Var<double> stable_loss(const Var<double>& w) {
    const Var<double> z = w * x;
    return mean(softplus(z) - t * z);
}

static void the_cure(double before) {
    section("3. The cure");
    Parameter<double> w("w", full<double>({1}, before));
    const std::string error = complaint([&] { return stable_loss(w); });
    Table table({"w", "textbook loss", "stable loss"});
    Parameter<double> half("half", full<double>({1}, 0.5));
    const double textbook_at_half = textbook_loss(half).item();
    const double stable_at_half = stable_loss(half).item();
    table.row(0.5, textbook_at_half, stable_at_half);
    table.row(before, textbook_loss(w).item(), stable_loss(w).item());
    table.print();
    claim(near(stable_at_half, textbook_at_half, 1e-14), "At w = 0.5 both losses are the same.");
    claim(equal(error, std::string()),
          "At the weight of the lost run the checked tape finds the stable loss and its gradient "
          "finite.");
}

// ---- 4. A loss that looks well
//
// The second case is made on the way back. The length of a vector is $sqrt(sum_i v_i^2)$, and
// somebody adds it to a loss as a penalty. At $v = 0$ the length is 0, a fine number. But the root
// has the derivative
//
//     (d sqrt(s)) / (d s) = 1 / (2 sqrt(s))
//
// which is infinite at $s = 0$; and $s = sum_i v_i^2$ has the derivative $2 v_i = 0$. Backward
// multiplies the two: $oo * 0$ is NaN. The picture behind it: the length is a cone, and a cone has
// no slope at its tip.
//
// The checked tape stops in the backward of `sqrt`, one op before the NaN. The cure is to round the
// tip off, $sqrt(sum_i v_i^2 + 10^(-12))$, or to use an op which says what it wants there: the
// `norm` of taper has the gradient 0 at 0.
static int sqrt_line = 0;

static Var<double> length(const Var<double>& v, double eps) {
    const Var<double> squares = sum(v * v) + eps;
    sqrt_line = here().line + 1;
    return sqrt(squares);
}

static void a_loss_that_looks_well() {
    section("4. A loss that looks well");
    Parameter<double> v("v", zeros<double>({3}));
    {
        Tape<double> tape;
        const Var<double> penalty = length(v, 0);
        tape.backward(penalty);
        std::cout << "The length is " << penalty.item() << ", the gradient of each v_i is "
                  << lessons::text_of(v.gradient()(0)) << ".\n";
        claim(equal(penalty.item(), 0.0), "The length of (0, 0, 0) is 0.");
        claim(std::isnan(v.gradient()(0)), "The gradient of the length at (0, 0, 0) is nan.");
        v.clear_gradient();
    }
    const std::string error = complaint([&] { return length(v, 0); });
    std::cout << "Error: " << error << "\n";
    claim(says(error, "backward of sqrt") && says(error, at(sqrt_line)),
          "The checked tape stops in the backward of sqrt, and names its line.");
    claim(says(error, "is inf"), "The message says that the gradient which sqrt made is infinite.");
    v.clear_gradient();
    claim(equal(complaint([&] { return length(v, 1e-12); }), std::string()),
          "With 1e-12 under the root the checked tape finds all gradients finite.");
    v.clear_gradient();
    claim(equal(complaint([&] { return norm(v); }), std::string()),
          "With the op norm the checked tape finds all gradients finite, too.");
}

int main(int argc, char** argv) {
    const Page page(argc, argv);
    const double before = a_run_is_lost();
    the_step_again(before, page);
    the_cure(before);
    a_loss_that_looks_well();
}
