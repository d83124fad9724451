// Lesson 6. The gradient check: reading what it says
//
// Whoever writes a backward by hand wants to know whether it is right, before a model is trained
// with it. A wrong gradient often does not look wrong: the loss may fall all the same, only more
// slowly, and end higher. The *gradient check* puts together what the last lessons had: differences
// as a judge (lesson 4), taken of random cotangents (lesson 5), for every entry of every input.
//
// It answers with more than yes or no. It says which entries are wrong, and what they should be,
// and the pattern of that often names the line. This lesson reads such reports: of a forgotten
// factor, of a mistake in the eighth digit, of a kink, where there is no derivative at all. And it
// shows what no gradient check can see.
//
// After lessons 4 and 5. About 25 minutes.
//
// Run it: build/release/bin/06_gradient_check
#include <algorithm>
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include "core/check/gradcheck.hpp"
#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"

using namespace taper;
using namespace taper::lessons;
using examples::larger;

// ---- 1. A check is one call
//
// `gradcheck` takes a name for the report, a function of a list of inputs, and the inputs. It runs
// the function on a tape, with two random cotangents $dy$. For each entry $x_i$ it takes central
// differences of $sum_j dy_j y_j$ and extrapolates them, with steps that it chooses. Then it
// compares:
//
//     "relative error" = |"analytic" - "numeric"| / (sum_j |dy_j (del y_j) / (del x_i)|)
//
// *Analytic* is what backward says, *numeric* what the differences say. The denominator adds up the
// sizes of all terms of the derivative; the size of their sum might be 0 by chance. The check
// passes where no error is above $10^-9$.
//
// The report is one line, if all is well: the name, how many entries were checked, and the worst
// error.
using Inputs = std::vector<Var<double>>;

static Var<double> right_softmax(const Inputs& in) { return softmax(in[0]); }

static const Array<double> x = normal<double>(Random(1, "x"), {3, 4});

static void one_call() {
    section("1. A check is one call");
    const GradcheckReport report = gradcheck("softmax", right_softmax, {x});
    std::cout << "  " << report.text() << "\n";
    claim(report.passed, "taper's softmax passes the check.");
    claim(equal(report.entries, 12u), "All 12 entries of its 3 x 4 inputs were checked.");
    claim(below(report.worst, 1e-9), "The worst relative error is below 1e-9.");
}

// ---- 2. A mistake, and its trace
//
// Now some backward passes that are wrong. To have them without writing an op (that is lesson 7),
// take the value of the right $y$ and the gradient of some other $u$. With `detach` of lesson 2
// that is one line: `u - u.detach()` is 0, and its gradient is that of $u$.
//
// The first is the softmax of lesson 5, whose backward has forgotten the factor $y_i$:
//
//     dx_i = dy_i - sum_j y_j dy_j
//
// This is what would be right for $u_j = x_j - y_j sum_i x_i$, with $y$ a constant. (The slope of
// $u_j$ by $x_i$ is 1 where $i = j$, else 0, less $y_j$.)
//
// The report of a failed check has a line for each of the first ten entries that are wrong. Divide
// numeric by analytic: that is the factor by which backward is wrong.
static Var<double> with_gradient_of(const Var<double>& y, const Var<double>& u) {
    return y.detach() + (u - u.detach());
}
static Var<double> broken_softmax(const Inputs& in) {
    const Var<double> y = softmax(in[0]);
    const Var<double> u = in[0] - y.detach() * sum(in[0], 1, KeepDims::yes);
    return with_gradient_of(y, u);
}

static void a_mistake() {
    section("2. A mistake, and its trace");
    const GradcheckReport report = gradcheck("y_i forgotten", broken_softmax, {x});
    const std::string text = report.text();
    std::cout << "  " << text.substr(0, text.find('\n', text.find('\n') + 1)) << "\n\n";

    const Array<double> y = softmax<double>(x).value();
    double ratio_apart = 0;
    Table table({"entry", "analytic", "numeric", "numeric / analytic", "y there"}, 6);
    for (std::size_t i = 0; i < report.failures.size(); ++i) {
        const GradcheckFailure& failure = report.failures[i];
        const double ratio = failure.numeric / failure.analytic;
        ratio_apart = larger(ratio_apart, std::abs(ratio - y.data()[i]));
        if (i < 4) table.row(failure.entry, failure.analytic, failure.numeric, ratio, y.data()[i]);
    }
    table.print();
    claim(!report.passed, "The softmax with the forgotten factor does not pass.");
    claim(equal(report.wrong, 12u), "All of its 12 entries are wrong.");
    claim(equal(report.failures.at(0).entry, std::string("(0,0)")),
          "The report begins with the first wrong entry, (0,0).");
    claim(below(ratio_apart, 1e-9),
          "In each line of the report numeric / analytic is y at that entry: the missing factor.");
}

// ---- 3. What a pattern tells
//
// Four more mistakes, in the backward of $y = w x^2$, with $x$ of shape (4, 3) and one row $w$ of
// three, which serves all four rows of $x$ (lesson 3). What is right is $dx = 2 w x dy$, and $dw$
// is the sum of $x^2 dy$ over the rows. Their traces:
//
// - a constant factor: the ratio is the same number at each entry of one input, here 2;
// - a wrong sign: the ratio is -1;
// - an input that gets nothing: analytic is 0 at each entry, so the ratio is infinite, of either
//   sign;
// - a sum over the rows that is a mean: the ratio is the number of rows.
//
// In each case one input is wrong and the other is right, and the report names it.
static Var<double> product(const Inputs& in) { return in[1] * square(in[0]); }

// Its gradient in two parts: this has the right dx and nothing for w,
static Var<double> for_x(const Inputs& in) { return in[1].detach() * square(in[0]); }
// and this has the right dw and nothing for x.
static Var<double> for_w(const Inputs& in) { return in[1] * square(in[0].detach()); }

static Var<double> no_factor(const Inputs& in) {
    return with_gradient_of(product(in), for_x(in) / 2.0 + for_w(in));
}
static Var<double> wrong_sign(const Inputs& in) {
    return with_gradient_of(product(in), for_x(in) - for_w(in));
}
static Var<double> nothing_for_w(const Inputs& in) {
    return with_gradient_of(product(in), for_x(in));
}
static Var<double> mean_for_w(const Inputs& in) {
    return with_gradient_of(product(in), for_x(in) + for_w(in) / 4.0);
}

static void patterns() {
    section("3. What a pattern tells");
    const Array<double> w{0.5, -1, 2};
    const Array<double> rows = normal<double>(Random(1, "rows"), {4, 3});
    Table table({"mistake", "wrong of checked", "first wrong", "ratios from", "to"}, 6);
    // Checks, adds a line to the table, and returns the report.
    const auto check = [&](const std::string& name, Var<double> (*f)(const Inputs&)) {
        const GradcheckReport report = gradcheck(name, f, {rows, w}, {.names = {"x", "w"}});
        double least = INFINITY;
        double most = -INFINITY;
        for (const GradcheckFailure& failure : report.failures) {
            least = std::min(least, failure.numeric / failure.analytic);
            most = std::max(most, failure.numeric / failure.analytic);
        }
        table.row(name, std::to_string(report.wrong) + " of " + std::to_string(report.entries),
                  report.failures.at(0).input + " " + report.failures.at(0).entry, least, most);
        return report;
    };
    const GradcheckReport factor = check("2 forgotten in dx", no_factor);
    const GradcheckReport sign = check("wrong sign in dw", wrong_sign);
    const GradcheckReport nothing = check("nothing for w", nothing_for_w);
    const GradcheckReport averaged = check("mean for sum in dw", mean_for_w);
    table.print();
    const auto ratio = [](const GradcheckReport& report) {
        return report.failures.at(0).numeric / report.failures.at(0).analytic;
    };
    claim(equal(factor.wrong, 12u) && near(ratio(factor), 2, 1e-8),
          "With the forgotten 2 the twelve entries of x are wrong, with the ratio 2.");
    claim(equal(sign.wrong, 3u) && near(ratio(sign), -1, 1e-8),
          "With the wrong sign the three entries of w are wrong, with the ratio -1.");
    claim(equal(nothing.wrong, 3u) && equal(nothing.failures.at(0).analytic, 0.0),
          "Where w gets nothing, its three entries are wrong, and analytic is 0.");
    claim(
        equal(averaged.wrong, 3u) && near(ratio(averaged), 4, 1e-8),
        "With a mean over the four rows of x the three entries of w are wrong, with the ratio 4.");
}

// ---- 4. How small a mistake it sees
//
// Here the value is that of softmax, and the gradient is too large by three parts in a hundred
// million. The best that differences in `float` can do is four digits (lesson 4), so there nobody
// would see it. In `double`, extrapolated, it does not. That is why `gradcheck` works in `double`
// alone, though models are trained in `float`: taper's ops are templates, and it is the same code.
static Var<double> steeper_softmax(const Inputs& in) {
    const Var<double> y = softmax(in[0]);
    return with_gradient_of(y, y * (1 + 3e-8));
}

static void a_small_mistake() {
    section("4. How small a mistake it sees");
    const GradcheckReport report = gradcheck("steeper by 3e-8", steeper_softmax, {x});
    const std::string text = report.text();
    std::cout << "  " << text.substr(0, text.find('\n')) << "\n";
    claim(equal(report.wrong, 12u),
          "With a gradient too large by 3e-8 all 12 entries are refused.");
    claim(near(report.worst, 3e-8, 1e-10), "The worst relative error is reported as 3e-8.");
}

// ---- 5. Kinks
//
// The function relu, $max(x, 0)$, has the slope 0 below 0 and 1 above. At 0 it has a kink, and no
// derivative:
//
// ```
//          |     /
//          |   /
//          | /
//  --------+--------> x
//   slope 0  slope 1
// ```
//
// A backward must say something there. taper's `relu` says 0, and its `maximum(x, 0)` says one half
// of $dy$, since both arguments are equally large. A central difference would say one half: the
// mean of both sides. So the check looks at both sides when a difference does not settle, and at a
// kink it takes any gradient between the two slopes. It passes, and the report tells where it was,
// and the slopes (times $dy$). A line about kinks is no fault. It is a place to look at.
//
// Not every formula made of such functions has a kink. $max(x, 0) - max(-x, 0)$ is $x$, with slope
// 1 everywhere. But at 0 each relu says 0, and so does their difference. There the check finds a
// fault, and rightly: the slope is 1. With one half from each side it is.
static void kinks() {
    section("5. Kinks");
    const Array<double> places{-1, 0, 1e-4, 2};
    Table table({"function of x at -1, 0, 0.0001 and 2", "passed", "kinks", "wrong"});
    const auto check = [&](const std::string& name, Var<double> (*f)(const Inputs&)) {
        const GradcheckReport report = gradcheck(name, f, {places});
        table.row(name, report.passed ? "yes" : "no", report.kinks.size(), report.wrong);
        return report;
    };
    const GradcheckReport ramp = check("relu(x)", [](const Inputs& in) { return relu(in[0]); });
    const GradcheckReport half =
        check("maximum(x, 0)", [](const Inputs& in) { return maximum(in[0], 0.0); });
    const GradcheckReport ramps =
        check("relu(x) - relu(-x)", [](const Inputs& in) { return relu(in[0]) - relu(-in[0]); });
    const GradcheckReport halves = check("maximum(x, 0) - maximum(-x, 0)", [](const Inputs& in) {
        return maximum(in[0], 0.0) - maximum(-in[0], 0.0);
    });
    table.print();
    std::cout << "  " << ramp.text() << "\n";
    claim(ramp.passed && half.passed,
          "relu and maximum pass, though they say different things at 0.");
    claim(equal(ramp.kinks.size(), 2u) && equal(ramp.kinks.at(0).entry, std::string("(1)")),
          "The report names two kinks, at entry (1), which is 0, and near it, at 0.0001.");
    const std::string wrong_at = ramps.failures.empty() ? "nowhere" : ramps.failures[0].entry;
    claim(equal(ramps.wrong, 1u) && equal(wrong_at, std::string("(1)")),
          "relu(x) - relu(-x) is wrong at 0, and there alone.");
    claim(halves.passed, "maximum(x, 0) - maximum(-x, 0), with its two halves, passes.");
}

// ---- 6. A whole model
//
// The same for a model with its Parameters: the function takes none and returns the loss, and the
// Parameters are listed. Each has its name, so the report says which layer is wrong. Here is a
// network of two layers. In the second run the gradient of its first bias is averaged over the four
// rows where it should be summed.
static void a_model() {
    section("6. A whole model");
    const Var<double> data = normal<double>(Random(1, "data"), {4, 2});
    Parameter<double> W1("W1", normal<double>(Random(1, "W1"), {3, 2}));
    Parameter<double> b1("b1", normal<double>(Random(1, "b1"), {3}));
    Parameter<double> W2("W2", normal<double>(Random(1, "W2"), {1, 3}));
    Parameter<double> b2("b2", normal<double>(Random(1, "b2"), {1}));
    const std::vector<Parameter<double>*> parameters{&W1, &b1, &W2, &b2};
    const auto loss_with = [&](const Var<double>& bias) {
        return mean(square(linear(tanh(linear(data, W1, bias)), W2, b2)));
    };
    const GradcheckReport right = gradcheck(
        "model", [&] { return loss_with(b1); }, parameters);
    const GradcheckReport wrong = gradcheck(
        "model", [&] { return loss_with(with_gradient_of(b1, b1 / 4.0)); }, parameters);
    std::cout << "  " << right.text() << "\n  " << wrong.text() << "\n";
    claim(right.passed, "The network passes.");
    claim(equal(right.entries, 13u), "Its 6 + 3 + 3 + 1 = 13 weights were checked.");
    bool all_b1 = !wrong.failures.empty();
    for (const GradcheckFailure& failure : wrong.failures)
        all_b1 = all_b1 && failure.input == "b1 (3)";
    claim(all_b1, "With the averaged gradient each line of the report names b1.");
    claim(near(wrong.failures.at(0).numeric / wrong.failures.at(0).analytic, 4, 1e-8),
          "The ratio is 4, the number of rows.");
}

// ---- 7. What it cannot see
//
// A gradient check holds backward against forward, at the places that it is given. So it says
// nothing of:
//
// - *a forward that is wrong.* A softmax that has forgotten to divide is another function, with
//   another derivative, and if backward has it, all is well as far as the check can see. Forward
//   needs a test of its own, against numbers by hand or another program.
// - *places that it was not given.* A function of several branches must be checked on each. With
//   positive inputs alone nobody sees what relu's backward does below 0.
static Var<double> without_division(const Inputs& in) { return exp(in[0]); }
static Var<double> relu_that_lets_all_through(const Inputs& in) {
    return with_gradient_of(relu(in[0]), in[0]);
}

static void blind_spots() {
    section("7. What it cannot see");
    const GradcheckReport forward = gradcheck("softmax without division", without_division, {x});
    const Array<double> positive{0.5, 1, 2};
    const Array<double> mixed{-0.5, 1, 2};
    const GradcheckReport above =
        gradcheck("relu at 0.5, 1, 2", relu_that_lets_all_through, {positive});
    const GradcheckReport both =
        gradcheck("relu at -0.5, 1, 2", relu_that_lets_all_through, {mixed});
    for (const GradcheckReport& report : {forward, above, both}) {
        const std::string text = report.text();
        std::cout << "  " << text.substr(0, text.find('\n')) << "\n";
    }
    claim(forward.passed,
          "A softmax that has forgotten to divide passes: its gradient is that of e^x.");
    claim(above.passed, "A relu whose backward lets everything through passes at 0.5, 1 and 2.");
    claim(!both.passed, "With -0.5 among the inputs it does not pass.");
}

int main() {
    one_call();
    a_mistake();
    patterns();
    a_small_mistake();
    kinks();
    a_model();
    blind_spots();
}
