// Lesson 10. Softmax: from scores to probabilities
//
// A model gives each possible answer a score; we want probabilities. *Softmax* makes them: of a row
// of any numbers it makes a row of positive ones that sum to 1. Language models use it twice: to
// say how likely each next token is, and to say how much attention goes where. This lesson derives
// its backward pass, and shows why the formula must not be computed as it stands.
//
// After lessons 5, 6 and 9. About 30 minutes.
//
// Run it: build/release/bin/10_softmax [--page FILE]
#include <cmath>
#include <numeric>

#include "core/check/gradcheck.hpp"
#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"
#include "examples/lessons/page.hpp"

using namespace taper;
using examples::apart;
using examples::larger;
using lessons::above;
using lessons::below;
using lessons::claim;
using lessons::equal;
using lessons::near;
using lessons::Page;
using lessons::section;
using lessons::Table;

// ---- 1. From scores to probabilities
//
// A *probability distribution* over $n$ classes is a row of $n$ numbers, none below 0, that sum to
// 1. How does one make it of scores $x_1 ... x_n$, which may be any numbers? $e^x$ is above 0 for
// every $x$; dividing by the sum does the rest:
//
//     y_i = e^(x_i) / (sum_j e^(x_j))
//
// The scores are called *logits*, as in lesson 9. Only their differences count:
//
//     y_i / y_j = e^(x_i - x_j)
//
// A logit that is higher by $ln 2 = 0.693$ has twice the probability. So with
// $x = (0, ln 2, ln 4)$, by pencil: the powers of e are 1, 2 and 4, their sum is 7, and
// $y = (1/7, 2/7, 4/7)$.
//
// The name: as a logit runs away from the others, its probability goes to 1 and the others' to 0.
// So softmax is a soft, smooth version of "1 for the largest, else 0". With two classes and the
// logits $(0, z)$ it is the sigmoid of lesson 7, $e^z / (1 + e^z) = 1 / (1 + e^(-z))$.
static const Array<double> pencil{0, std::log(2), std::log(4)};

static void from_scores() {
    section("1. From scores to probabilities");
    const Array<double> y = softmax<double>(pencil).value();
    Table table({"i", "logit x_i", "e^(x_i)", "y_i"});
    for (std::size_t i = 0; i < 3; ++i) table.row(i + 1, pencil(i), std::exp(pencil(i)), y(i));
    table.print();
    claim(below(apart(y, Array<double>{1. / 7, 2. / 7, 4. / 7}), 1e-14),
          "The op softmax makes (1/7, 2/7, 4/7) of (0, ln 2, ln 4).");
    const Array<double> random = normal<double>(Random(1, "x"), {100, 10}, 5);
    const Var<double> rows = softmax<double>(random);
    claim(above(-max(-rows).item(), 0) &&
              below(apart(sum(rows, {-1}).value(), full<double>({100}, 1)), 1e-14),
          "In 100 rows of random logits every y_i is above 0, and every row sums to 1.");
    double worst = 0;
    for (const double z : {-3.0, 0.0, 2.0}) {
        const double second = softmax<double>(Array<double>{0, z}).value()(1);
        worst = larger(worst, std::abs(second - 1 / (1 + std::exp(-z))));
    }
    claim(below(worst, 1e-14), "Of the logits (0, z) it gives the second the sigmoid of z.");
}

// ---- 2. What softmax does not see, and why that saves it
//
// Add one number $c$ to all logits. It comes out of every power as a factor, and cancels:
//
//     e^(x_i + c) / (sum_j e^(x_j + c)) = (e^c e^(x_i)) / (e^c sum_j e^(x_j)) = y_i
//
// On paper this is a remark. In a computer it is what makes softmax work: the largest number that a
// float can hold is about $e^(88.7)$, so the formula as it stands fails for a logit of 89, and one
// of 89 is nothing unusual. But we may choose $c$: with $c = -m$, where $m$ is the largest logit of
// the row, no power is above $e^0 = 1$, and the largest one is exactly 1, so that the sum is not 0.
// Small powers may still become 0, and then they are so small that this is right to all digits that
// a float has.
static Var<float> formula_as_it_stands(const Var<float>& x) {
    const Var<float> e = exp(x);
    return e / sum(e, {-1}, KeepDims::yes);
}

static void shifted() {
    section("2. What softmax does not see, and why that saves it");
    const Array<float> expected = softmax<float>(Array<float>{-2, -1, 0}).value();
    Table table({"logits", "the formula gives", "", "", "softmax gives", "", ""});
    double up_to_88 = 0, by_op = 0;
    std::size_t nan_from_89 = 0;
    for (const float m : {2.f, 88.f, 89.f, 1000.f}) {
        const Var<float> x = Array<float>{m - 2, m - 1, m};
        const Array<float> naive = formula_as_it_stands(x).value();
        const Array<float> y = softmax(x).value();
        table.row(shortest(m - 2) + ", " + shortest(m - 1) + ", " + shortest(m), naive(0), naive(1),
                  naive(2), y(0), y(1), y(2));
        if (m <= 88) up_to_88 = larger(up_to_88, apart(naive, expected));
        else nan_from_89 += std::isnan(naive(2));
        by_op = larger(by_op, apart(y, expected));
    }
    table.print();
    claim(below(up_to_88, 1e-5), "Up to a logit of 88 the formula as it stands is right.");
    claim(equal(nan_from_89, 2u),
          "From a logit of 89 on it divides infinity by infinity, and the largest y_i is nan.");
    claim(below(by_op, 1e-6),
          "The op, which takes the largest logit away first, is right for all four rows.");
}

// ---- 3. The Jacobian
//
// Each $y_i$ depends on each $x_j$. All these derivatives together, a table with $n$ rows and $n$
// columns, are the *Jacobian*. With $S = sum_j e^(x_j)$, and so $y_i = e^(x_i) / S$, the derivative
// of $S$ by $x_j$ is $e^(x_j)$, and the quotient rule says, for $i$ and $j$ that differ:
//
//     (del y_i) / (del x_j) = (0 - e^(x_i) e^(x_j)) / S^2 = -y_i y_j
//
// and for $i = j$, where the numerator depends on $x_j$ too:
//
//     (del y_i) / (del x_i) = (e^(x_i) S - e^(x_i) e^(x_i)) / S^2 = y_i - y_i^2
//
// Both in one line, with $[i = j]$ for 1 where $i = j$ and 0 elsewhere:
//
//     (del y_i) / (del x_j) = y_i ([i = j] - y_j)
//
// Raise one logit: its own probability rises, all others fall, and each by its share. Every row
// sums to 0, because a shift of all logits changes nothing, and every column, because the
// probabilities go on to sum to 1.
static void jacobian() {
    section("3. The Jacobian");
    const std::size_t n = 3;
    const Array<double> y = softmax<double>(pencil).value();
    const double h = 1e-5;
    Table table({"", "by x_1", "by x_2", "by x_3", "by differences: x_1", "x_2", "x_3"});
    double worst = 0, row_sum = 0, column_sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
        std::vector<double> by_formula, by_difference;
        double row = 0, column = 0;
        for (std::size_t j = 0; j < n; ++j) {
            Array<double> up = pencil, down = pencil;
            up(j) += h;
            down(j) -= h;
            const double risen = softmax<double>(up).value()(i) - softmax<double>(down).value()(i);
            by_formula.push_back(y(i) * ((i == j) - y(j)));
            by_difference.push_back(risen / (2 * h));
            worst = larger(worst, std::abs(by_formula[j] - by_difference[j]));
            row += by_formula[j];
            column += y(j) * ((i == j) - y(i));
        }
        table.row("y_" + std::to_string(i + 1), by_formula[0], by_formula[1], by_formula[2],
                  by_difference[0], by_difference[1], by_difference[2]);
        row_sum = larger(row_sum, std::abs(row));
        column_sum = larger(column_sum, std::abs(column));
    }
    table.print();
    claim(below(worst, 1e-10), "The formula and differences of softmax agree in all nine entries.");
    claim(below(row_sum, 1e-14) && below(column_sum, 1e-14),
          "Every row and every column of the Jacobian sums to 0.");
}

// ---- 4. The backward pass
//
// Backpropagation never needs the Jacobian itself. What comes back is the cotangent $dy$ (lesson
// 5), the derivative of the loss by each $y_i$; what is to go on is
//
//     dx_j = sum_i dy_i (del y_i) / (del x_j)
//
// Put the Jacobian in. The part with $[i = j]$ leaves one term of the sum, $i = j$:
//
//     dx_j = sum_i dy_i y_i ([i = j] - y_j) = y_j dy_j - y_j sum_i y_i dy_i
//
// and with $y_j$ taken out:
//
//     dx_j = y_j (dy_j - sum_i y_i dy_i)
//
// One sum for the row, then one product for each entry: $n$ steps instead of the $n^2$ of the
// Jacobian. The sum is the mean of $dy$, each entry weighted by its probability. So $dx_j$ is above
// 0 where $dy_j$ is above that mean, and below 0 where it is below, in proportion to the
// probability. The formula needs $y$ alone, so the op keeps $y$ and lets go of $x$: see
// `core/ops/softmax.cpp`.
static Array<double> backward(const Array<double>& y, const Array<double>& dy) {
    const double mean = std::inner_product(y.begin(), y.end(), dy.begin(), 0.0);
    return y * (dy - mean);
}

static void backward_by_hand(const Page& page) {
    section("4. The backward pass");
    const Array<double> logits = normal<double>(Random(1, "logits"), {3, 4});
    const auto op = [](const std::vector<Var<double>>& in) { return softmax(in[0]); };
    const GradcheckReport report = gradcheck("softmax", op, {logits});

    Parameter<double> x("x", pencil);
    Tape<double> tape;
    const Var<double> y = softmax(x);
    const Array<double> dy{7, 0, 7};
    tape.backward(y, dy, Keep::everything);
    page.show(tape, "softmax of three logits");
    const Array<double> dx = backward(y.value(), dy);
    Table table({"i", "y_i", "dy_i", "dy_i less the mean", "dx_i"});
    for (std::size_t i = 0; i < 3; ++i)
        table.row(i + 1, y.value()(i), dy(i), dx(i) / y.value()(i), dx(i));
    table.print();
    claim(below(apart(dx, Array<double>{2. / 7, -10. / 7, 8. / 7}), 1e-14),
          "By pencil: the mean of dy is (7 + 28) / 7 = 5, and dx = (2, -10, 8) / 7.");
    claim(below(apart(x.gradient(), dx), 1e-14), "The backward of the op gives the same dx.");
    std::cout << report.text() << "\n";
    claim(report.passed && report.entries == 12,
          "gradcheck finds the op's backward right in 12 entries of three random rows.");
}

// ---- 5. Temperature
//
// Divide all logits by one number $T$, the *temperature*, before softmax:
//
//     y_i = e^(x_i / T) / (sum_j e^(x_j / T))
//
// In ratios: $y_i / y_j = e^((x_i - x_j) / T)$, so at $T = 1/2$ every ratio is squared, at $T = 2$
// it is the root of what it was. Cold, the likeliest class takes all; hot, all classes become
// alike. When a model writes (lesson 23), one draws each next token with the probabilities of
// softmax: at a low temperature the text is safe and repeats itself, at a high one it is varied and
// wrong.
static void temperature() {
    section("5. Temperature");
    Table table({"T", "y_1", "y_2", "y_3", "y_3 / y_2"});
    std::vector<Array<double>> at;
    for (const double T : {0.05, 0.5, 1.0, 2.0, 100.0}) {
        at.push_back(softmax(Var<double>(pencil) / T).value());
        const Array<double>& y = at.back();
        table.row(T, y(0), y(1), y(2), y(2) / y(1));
    }
    table.print();
    claim(near(at[1](2) / at[1](1), 4, 1e-14) && near(at[3](2) / at[3](1), std::sqrt(2), 1e-14),
          "The ratio 2 of y_3 and y_2 becomes 4 at T = 1/2, and sqrt(2) at T = 2.");
    claim(above(at[0](2), 0.9999), "At T = 0.05 the likeliest of the three has all but 0.0001.");
    claim(below(apart(at[4], full<double>({3}, 1. / 3)), 0.01),
          "At T = 100 each of the three has a third, to a hundredth.");
}

// ---- 6. When softmax is sure, it is deaf
//
// Look at the Jacobian once more, at $y_i (1 - y_i)$ on its diagonal. It is at most $1/4$, and near
// 0 when $y_i$ is near 0 or near 1. So where softmax is sure, hardly any gradient comes through,
// right or wrong. That is why logits must not begin large. Lesson 14 meets this in attention, which
// divides its scores by the root of their width; lesson 11 shows a loss that gets around it.
static void deaf() {
    section("6. When softmax is sure, it is deaf");
    const Array<double> dy{1, 0, 0};
    Table table({"logits times", "largest y_i", "length of dx for dy = (1, 0, 0)"});
    std::vector<double> lengths;
    for (const double scale : {1.0, 5.0, 10.0, 20.0, 40.0}) {
        Parameter<double> x("x", pencil * scale);
        Tape<double> tape;
        const Var<double> y = softmax(x);
        tape.backward(y, dy);
        lengths.push_back(norm<double>(x.gradient()).item());
        table.row(scale, max(y.detach()).item(), lengths.back());
    }
    table.print();
    claim(above(lengths[0], 0.1) && below(lengths[4], 1e-12),
          "With logits 40 times as large the gradient has fallen from above 0.1 to below 1e-12.");
}

int main(int argc, char** argv) {
    const Page page(argc, argv);
    from_scores();
    shifted();
    jacobian();
    backward_by_hand(page);
    temperature();
    deaf();
}
