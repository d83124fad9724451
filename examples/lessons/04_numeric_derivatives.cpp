// Lesson 4. Derivatives by differences, and how exact they can be
//
// A backward pass is written by people, and people drop terms. What can judge it must know nothing
// of it. Differences are such a judge: move an input a little, run the forward pass alone, and look
// what the output does. Lesson 1 did so, and was content with nine digits. Why nine, and not all
// sixteen that a `double` has? How small should the step be? Why not much smaller?
//
// Two errors pull in opposite directions. A large step makes a *truncation error*: the function
// bends between the two places. A small step makes a *rounding error*: the two values agree in
// nearly all their digits, and their difference keeps only the last, worst ones. This lesson
// measures both, finds the step between them, and then takes two steps together to gain three more
// digits.
//
// After lesson 1. About 25 minutes.
//
// Run it: build/release/bin/04_numeric_derivatives
#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"

using namespace taper;
using namespace taper::lessons;
using examples::larger;

// ---- 1. Truncation, with a pencil
//
// Take $f(x) = x^3$ at $x = 1$, where the derivative $3 x^2$ is 3. The simplest difference looks to
// one side:
//
//     (f(1 + h) - f(1)) / h = (3 h + 3 h^2 + h^3) / h = 3 + 3 h + h^2
//
// It is wrong by $3 h + h^2$. The *central* difference looks to both sides, and what is the same on
// both falls out:
//
//     (f(1 + h) - f(1 - h)) / (2 h) = (6 h + 2 h^3) / (2 h) = 3 + h^2
//
// So it goes with every smooth function. Its Taylor series at $x$ is
//
//     f(x + h) = f(x) + h f'(x) + h^2 / 2 f''(x) + h^3 / 6 f'''(x) + ...
//
// and with $-h$ for $h$ the terms with odd powers change their sign. Of the difference of both only
// those are left, so
//
//     (f(x + h) - f(x - h)) / (2 h) = f'(x) + h^2 / 6 f'''(x) + ...
//
// while the one-sided difference is wrong by $h / 2 f''(x) + ...$. A step ten times smaller makes
// the one ten times more exact, and the other a hundred times.
static double one_sided(double (*f)(double), double x, double h) { return (f(x + h) - f(x)) / h; }
static double central(double (*f)(double), double x, double h) {
    return (f(x + h) - f(x - h)) / (2 * h);
}
static double cube(double x) { return x * x * x; }

static void truncation() {
    section("1. Truncation, with a pencil");
    Table table({"h", "one-sided", "3 + 3 h + h^2", "central", "3 + h^2"}, 8);
    for (const double h : {1.0, 0.1, 0.01})
        table.row(h, one_sided(cube, 1, h), 3 + 3 * h + h * h, central(cube, 1, h), 3 + h * h);
    table.print();
    claim(near(one_sided(cube, 1, 0.1), 3.31, 1e-13),
          "Of x^3 at 1 the one-sided difference with step 0.1 is 3.31, and wrong by 0.31.");
    claim(near(central(cube, 1, 0.1), 3.01, 1e-13),
          "The central difference with the same step is 3.01, and wrong by 0.01.");
}

// ---- 2. Truncation, measured
//
// Now a function that is no polynomial, and whose derivative we know from the rule for products:
//
//     f(x) = e^x tanh(x)
//     f'(x) = e^x tanh(x) + e^x (1 - tanh^2(x))
//
// The table has the largest error of the differences at twenty places between 0.1 and 2. Each
// line's step is a tenth of the line's above.
static double f(double x) { return std::exp(x) * std::tanh(x); }
static double slope(double x) {
    const double t = std::tanh(x);
    return std::exp(x) * (t + 1 - t * t);
}

// The largest error at the twenty places. A difference is a function of the place and the step.
template <class Difference> static double largest_error(Difference difference, double h) {
    double most = 0;
    for (int i = 1; i <= 20; ++i) {
        const double x = 0.1 * i;
        most = larger(most, std::abs(difference(x, h) - slope(x)));
    }
    return most;
}
static double f_one_sided(double x, double h) { return one_sided(f, x, h); }
static double f_central(double x, double h) { return central(f, x, h); }

static void truncation_measured() {
    section("2. Truncation, measured");
    Table table({"h", "error, one-sided", "error, central"}, 3);
    for (const double h : {1e-1, 1e-2, 1e-3})
        table.row(h, largest_error(f_one_sided, h), largest_error(f_central, h));
    table.print();
    claim(near(largest_error(f_one_sided, 1e-2) / largest_error(f_one_sided, 1e-3), 10, 0.5),
          "From h = 0.01 to 0.001 the one-sided difference gets ten times more exact, to one part "
          "in twenty.");
    claim(near(largest_error(f_central, 1e-2) / largest_error(f_central, 1e-3), 100, 5),
          "The central difference gets a hundred times more exact, to one part in twenty.");
}

// ---- 3. Rounding
//
// A `double` has 53 binary digits, so each result is rounded by up to $epsi / 2$ of itself, where
// $epsi$, the *machine epsilon*, is $2^-52 = 2.2 * 10^-16$. A `float` has 24, and its $epsi$ is
// $2^-23 = 1.2 * 10^-7$. So $1 + 10^-8$ is 1 in `float`: if the step is smaller than what the type
// can see, nothing moves at all.
//
// Well before that the difference is spoilt. $f(x + h)$ and $f(x - h)$ are each wrong by about
// $epsi |f(x)|$. Their difference is as wrong, and is divided by a small number:
//
//     "rounding error" ~~ epsi |f(x)| / h
//
// A tenth of the step makes ten times the error. The table shows it for small steps, beside that
// estimate with the largest $|f|$ of the twenty places.
//
// The step is rounded, too. $x + h$ is the number that the type has nearest to it, and so what lies
// between the two places is not quite $2 h$. This error can be avoided: divide by the step that was
// really taken, or take a power of two for $h$, for then $x + h$ is exact, as a rule.
static void rounding() {
    section("3. Rounding");
    const double epsilon = std::numeric_limits<double>::epsilon();
    const auto estimate = [epsilon](double h) { return epsilon * f(2) / h; };
    Table table({"h", "error, central", "epsilon |f| / h"}, 3);
    for (const double h : {1e-6, 1e-8, 1e-10, 1e-12})
        table.row(h, largest_error(f_central, h), estimate(h));
    table.print();
    const float moved = 1.0f + 1e-8f;
    claim(equal(moved, 1.0f), "In float 1 + 1e-8 is 1.");
    claim(above(largest_error(f_central, 1e-12) / largest_error(f_central, 1e-8), 1000),
          "A step of 1e-12 makes an error more than 1000 times as large as one of 1e-8.");
    claim(below(largest_error(f_central, 1e-8) / estimate(1e-8), 3) &&
              below(largest_error(f_central, 1e-12) / estimate(1e-12), 3),
          "At both steps the error is below three times the estimate.");

    const auto identity = [](double x) { return x; };
    const double x = 1.7;
    const double h = 1e-10;
    const double really = (x + h) - (x - h);
    const double power = std::exp2(-33);  // near h
    Table steps({"slope of f(x) = x at 1.7", "what comes, less 1"}, 3);
    steps.row("h = 1e-10, divided by 2 h", central(identity, x, h) - 1);
    steps.row("h = 1e-10, divided by the step really taken",
              (identity(x + h) - identity(x - h)) / really - 1);
    steps.row("h = 2^-33, divided by 2 h", central(identity, x, power) - 1);
    steps.print();
    claim(above(std::abs(central(identity, x, h) - 1), 1e-9),
          "Of f(x) = x, divided by 2 h, the slope is wrong by more than 1e-9.");
    claim(equal((identity(x + h) - identity(x - h)) / really, 1.0),
          "Divided by the step that was really taken, it is exactly 1.");
    claim(equal(central(identity, x, power), 1.0),
          "With a power of two for h it is exactly 1 as well.");
}

// ---- 4. The best step
//
// Add the two errors of the central difference, and look where the sum is smallest: where its
// derivative by $h$ is 0. Where the function and its third derivative are near 1,
//
//     E(h) = h^2 / 6 + epsi / h
//     E'(h) = h / 3 - epsi / h^2 = 0
//     h = (3 epsi)^(1/3) ~~ epsi^(1/3)
//
// There both terms are near $epsi^(2/3)$. So a central difference has two thirds of the digits of
// its type, and no more: some ten of the sixteen of `double`, and four or five of the seven of
// `float`. That is why gradients are checked in `double`. (A one-sided one has half of them, at
// $h = epsi^(1/2)$.)
//
// ```
//   error |  \                       /
//         |    \ rounding          /  truncation
//         |      \  epsilon/h    /   h^2
//         |        \           /
//         |          \_______/
//         +---------------+--------------> h
//                   epsilon^(1/3)
// ```
static double f_central_in_float(double x, double h) {
    const auto in_float = [](float v) { return std::exp(v) * std::tanh(v); };
    const float x_above = static_cast<float>(x + h);
    const float x_below = static_cast<float>(x - h);
    if (x_above == x_below) return 0;  // nothing has moved
    return static_cast<double>((in_float(x_above) - in_float(x_below)) / (x_above - x_below));
}

// A picture of errors between 1e-15 and 1, two letters for a power of ten.
struct Mark {
    double error;
    char letter;
};
static std::string places(const std::vector<Mark>& marks) {
    std::string picture(31, ' ');
    for (const Mark& mark : marks) {
        const double place = std::round(2 * (std::log10(mark.error) + 15));
        if (place >= 0 && place <= 30) picture[static_cast<std::size_t>(place)] = mark.letter;
    }
    return "|" + picture + "|";
}

static void the_best_step() {
    section("4. The best step");
    double best = INFINITY;
    double best_h = 0;
    double best_in_float = INFINITY;
    double best_h_in_float = 0;
    Table table({"h", "error in float", "in double", "1e-15                           1"}, 2);
    for (int k = 0; k <= 13; ++k) {
        const double h = std::pow(10, -k);
        const double in_float = largest_error(f_central_in_float, h);
        const double in_double = largest_error(f_central, h);
        if (in_double < best) {
            best = in_double;
            best_h = h;
        }
        if (in_float < best_in_float) {
            best_in_float = in_float;
            best_h_in_float = h;
        }
        table.row(h, in_float, in_double, places({{in_float, 'o'}, {in_double, '*'}}));
    }
    std::cout << "  The picture has a mark where the error is, 'o' for float and '*' for double:\n";
    table.print();
    std::cout << "  epsilon^(1/3) is "
              << text_of(std::cbrt(std::numeric_limits<double>::epsilon()), 2) << " for double and "
              << text_of(std::cbrt(std::numeric_limits<float>::epsilon()), 2) << " for float.\n";
    claim(between(best_h, 6e-7, 6e-5),
          "In double the best step of the table is within a factor ten of epsilon^(1/3).");
    claim(between(best_h_in_float, 5e-4, 5e-2),
          "In float the best step of the table is within a factor ten of epsilon^(1/3), too.");
    claim(below(best, 1e-9) && above(best, 1e-12),
          "The least error in double is between 1e-12 and 1e-9.");
    claim(below(best_in_float, 1e-3) && above(best_in_float, 1e-5),
          "The least error in float is between 1e-5 and 1e-3.");
}

// ---- 5. Two steps together
//
// The truncation error of the central difference $D(h)$ is known in its form:
// $a h^2 + b h^4 + ...$, with some numbers $a$, $b$ that do not depend on $h$. Then half the step
// has a quarter of the first term,
//
//     D(h) = f' + a h^2 + b h^4 + ...
//     D(h/2) = f' + a h^2 / 4 + b h^4 / 16 + ...
//
// and four times the second less the first has lost it:
//
//     (4 D(h/2) - D(h)) / 3 = f' - b h^4 / 4 + ...
//
// This is *Richardson's extrapolation* (Richardson 1911). Of $x^3$, where $D(h) = 3 + h^2$, it
// leaves nothing but the exact 3. In general it may take a larger step, near $epsi^(1/5)$, where
// rounding does less harm, and reaches about $epsi^(4/5)$.
static double extrapolated(double (*function)(double), double x, double h) {
    return (4 * central(function, x, h / 2) - central(function, x, h)) / 3;
}
static double f_extrapolated(double x, double h) { return extrapolated(f, x, h); }

static void two_steps() {
    section("5. Two steps together");
    claim(near(extrapolated(cube, 1, 0.5), 3, 1e-14),
          "Of x^3 at 1, with the large steps 0.5 and 0.25, the extrapolated slope is 3.");
    double best = INFINITY;
    double best_of_one = INFINITY;
    Table table({"h", "error of one step", "extrapolated", "1e-15                           1"}, 2);
    for (int k = 0; k <= 8; ++k) {
        const double h = std::pow(10, -k);
        const double one = largest_error(f_central, h);
        const double two = largest_error(f_extrapolated, h);
        best_of_one = std::min(best_of_one, one);
        best = std::min(best, two);
        table.row(h, one, two, places({{one, '*'}, {two, '+'}}));
    }
    std::cout << "  The marks are '*' for one step and '+' for two, extrapolated:\n";
    table.print();
    claim(
        near(largest_error(f_extrapolated, 1e-1) / largest_error(f_extrapolated, 1e-2), 1e4, 1e3),
        "From h = 0.1 to 0.01 the extrapolated error falls ten thousandfold, to one part in ten.");
    claim(below(best, 1e-11), "The least error of the table is below 1e-11.");
    claim(below(best, best_of_one / 10), "It is below a tenth of the least error of one step.");
}

// ---- 6. A judge, and no more
//
// Could one train with differences? Each derivative takes two evaluations of the loss, or four; a
// model of a million weights would have to be evaluated some million times for one step of
// training. Reverse mode takes one pass forward and one backward (lesson 1), and is exact to
// rounding besides. So differences do not make gradients. They check them, on small arrays. taper's
// checker does what this lesson did, with steps that are powers of two, and looks by itself for a
// step that is good enough: `core/check/gradcheck.hpp`, in lesson 6.
static void the_judge() {
    section("6. A judge, and no more");
    double apart = 0;
    Table table({"x", "of the tape", "extrapolated, h = 2^-10", "apart"}, 13);
    for (const double at : {0.3, 1.1, 1.9}) {
        Parameter<double> x("x", full<double>({}, at));
        Tape<double> tape;
        tape.backward(exp(x) * tanh(x));
        const double of_tape = x.gradient()();
        const double measured = f_extrapolated(at, std::exp2(-10));
        apart = larger(apart, std::abs(of_tape - measured));
        table.row(at, of_tape, measured, text_of(std::abs(of_tape - measured), 2));
    }
    table.print();
    claim(below(apart, 1e-11),
          "The tape's derivatives agree with extrapolated differences to eleven digits behind the "
          "point.");
}

int main() {
    truncation();
    truncation_measured();
    rounding();
    the_best_step();
    two_steps();
    the_judge();
}
