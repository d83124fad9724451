// Lesson 24. Second derivatives: backpropagation of dual numbers
//
// The gradient says which way is down; how the slope itself changes, only second derivatives say:
// the *curvature* that set the limit to the learning rate in lesson 8. A loss of $n$ weights has
// $n^2$ of them, the *Hessian matrix* $H$. This lesson gets $H v$, the product with any vector $v$,
// from one run of the small tape of lesson 1, without ever making $H$. All it takes is another kind
// of number. The lesson needs the standard library alone.
//
// After lessons 1 and 8. About 25 minutes.
//
// Run it: build/release/bin/24_second_derivatives
#include <array>
#include <cmath>
#include <iostream>
#include <vector>

#include "examples/common/larger.hpp"
#include "examples/lessons/lesson.hpp"

using taper::examples::larger;
using taper::lessons::below;
using taper::lessons::claim;
using taper::lessons::equal;
using taper::lessons::near;
using taper::lessons::section;
using taper::lessons::Table;

// ---- 1. Dual numbers: a derivative travels along
//
// A *dual number* is $a + b epsi$, with a new symbol $epsi$ (`eps` in the program) whose square is
// 0: something so small that its square does not count. Multiply two of them:
//
//     (a + b epsi) (c + d epsi) = a c + (a d + b c) epsi
//
// Behind $epsi$ stands the product rule. In general, by the Taylor series, where all later terms
// have $epsi^2$ and vanish:
//
//     f(a + b epsi) = f(a) + f'(a) b epsi
//
// So who computes $f$ at $x + 1 epsi$, each step by its rule for dual numbers, gets $f(x)$ and
// behind $epsi$ the derivative $f'(x)$. That is *forward mode*: the derivative travels along with
// the value, from the input to the result. By pencil: $(3 + epsi)^2 = 9 + 6 epsi$, and $2 x$ is 6
// at $x = 3$.
//
// Forward mode needs a run for each input. Backpropagation (*reverse mode*) gives the derivatives
// by all inputs in one run, of one result. We shall need both at once.
struct Dual {
    double a = 0, b = 0;
};
static Dual operator+(Dual x, Dual y) { return {x.a + y.a, x.b + y.b}; }
static Dual operator*(Dual x, Dual y) { return {x.a * y.a, x.a * y.b + x.b * y.a}; }
static Dual exp(Dual x) { return {std::exp(x.a), std::exp(x.a) * x.b}; }
static Dual sin(Dual x) { return {std::sin(x.a), std::cos(x.a) * x.b}; }
static Dual cos(Dual x) { return {std::cos(x.a), -std::sin(x.a) * x.b}; }

static void dual_numbers() {
    section("1. Dual numbers: a derivative travels along");
    const Dual x{3, 1};
    const Dual square = x * x;
    claim(equal(square.a, 9.0) && equal(square.b, 6.0), "(3 + eps) (3 + eps) is 9 + 6 eps.");
    const Dual y = exp(sin(x) * cos(x));
    const double s = std::sin(3), c = std::cos(3);
    claim(near(y.a, std::exp(s * c), 1e-14) && near(y.b, std::exp(s * c) * (c * c - s * s), 1e-14),
          "Of e^(sin x cos x) at 3 + eps comes the value, and behind eps its derivative.");
}

// ---- 2. The tape of lesson 1, for any kind of number
//
// The gradient $g(x)$ is a function of $x$ like any other: it takes $n$ numbers and gives $n$. Its
// own derivatives are the second derivatives of $f$,
//
//     H_(i j) = (del g_i) / (del x_j) = (del^2 f) / (del x_i del x_j)
//
// and by the Taylor series, as above,
//
//     g(x + v epsi) = g(x) + (H v) epsi
//
// So it is enough to compute the gradient at the dual numbers $x + v epsi$. Backpropagation is sums
// and products of values and local derivatives, nothing more; a program for it does not mind what
// kind of number it adds and multiplies. The tape below is that of lesson 1 as a template: `Number`
// is `double`, and out comes the gradient; or `Number` is `Dual`, and out come the gradient and,
// behind $epsi$, the Hessian times $v$ (Pearlmutter 1994). Forward mode runs through reverse mode.
// The cost is a small multiple of one gradient's, since a product of two dual numbers is three
// products; it does not grow with $n$.
//
// By pencil: $f = x_0^2 x_1$ has $g = (2 x_0 x_1, x_0^2)$, and the rows of $H$ are $(2 x_1, 2 x_0)$
// and $(2 x_0, 0)$. At $(2, 3)$ that is $g = (12, 4)$, and with $v = (1, 0)$ the first column of
// $H$, $(6, 4)$.
template <class Number> struct Record {
    std::array<std::size_t, 2> inputs;
    std::array<Number, 2> derivatives;  // of the result by each input
};
template <class Number> struct Scalar {
    std::vector<Record<Number>>* tape;
    std::size_t index;
    Number value;
};
template <class N> Scalar<N> recorded(std::vector<Record<N>>* tape, N value, Record<N> record) {
    tape->push_back(record);
    return {tape, tape->size() - 1, value};
}
template <class N> Scalar<N> operator+(Scalar<N> x, Scalar<N> y) {
    return recorded(x.tape, x.value + y.value, {{x.index, y.index}, {N{1}, N{1}}});
}
template <class N> Scalar<N> operator*(Scalar<N> x, Scalar<N> y) {
    return recorded(x.tape, x.value * y.value, {{x.index, y.index}, {y.value, x.value}});
}
// A function of one input: the second one gets nothing.
template <class N> Scalar<N> unary(Scalar<N> x, N value, N derivative) {
    return recorded(x.tape, value, {{x.index, x.index}, {derivative, N{0}}});
}
template <class N> Scalar<N> exp(Scalar<N> x) {
    using std::exp;  // and for a Dual the one above
    return unary(x, exp(x.value), exp(x.value));
}
template <class N> Scalar<N> sin(Scalar<N> x) {
    using std::cos, std::sin;
    return unary(x, sin(x.value), cos(x.value));
}

// Forward, then from the last record back to the inputs.
template <class N, class F> std::vector<N> gradient(F f, const std::vector<N>& x) {
    std::vector<Record<N>> tape;
    std::vector<Scalar<N>> inputs;
    for (const N& value : x) inputs.push_back(recorded(&tape, value, {{0, 0}, {N{0}, N{0}}}));
    const Scalar<N> y = f(inputs);
    std::vector<N> d(tape.size(), N{0});
    d[y.index] = N{1};
    for (std::size_t i = y.index + 1; i-- > x.size();)
        for (const std::size_t side : {0u, 1u}) {
            N& dx = d[tape[i].inputs[side]];
            dx = dx + d[i] * tape[i].derivatives[side];
        }
    d.resize(x.size());
    return d;
}

// H v, at x.
template <class F>
std::vector<double> hessian_times(F f, const std::vector<double>& x, const std::vector<double>& v) {
    std::vector<Dual> dual;
    for (std::size_t i = 0; i < x.size(); ++i) dual.push_back({x[i], v[i]});
    std::vector<double> product;
    for (const Dual& d : gradient(f, dual)) product.push_back(d.b);
    return product;
}

static void the_tape() {
    section("2. The tape of lesson 1, for any kind of number");
    const auto f = [](const auto& x) { return x[0] * x[0] * x[1]; };
    const std::vector<double> at{2, 3};
    const auto g = gradient(f, at);
    claim(equal(g[0], 12.0) && equal(g[1], 4.0),
          "With Number = double, the gradient of x_0^2 x_1 at (2, 3) is (12, 4).");
    const auto column = hessian_times(f, at, {1, 0});
    claim(equal(column[0], 6.0) && equal(column[1], 4.0),
          "With Number = Dual and v = (1, 0), (6, 4) stands behind eps: the first column of H.");
}

// ---- 3. Against differences
//
// The same for a function of as many variables as one likes,
//
//     f = sum_i (e^(x_i x_(i+1)) + x_(i+1)^2 sin x_i)
//
// where behind the last variable comes the first one again. $H v$ is how fast the gradient changes
// when $x$ moves along $v$, so differences of the gradient must say the same, to about nine digits:
//
//     H v ~~ (g(x + h v) - g(x - h v)) / (2 h)
template <class N> N ring(const std::vector<N>& x) {
    N y = exp(x[0] * x[1]);
    for (std::size_t i = 0; i < x.size(); ++i) {
        const N next = x[(i + 1) % x.size()];
        if (i > 0) y = y + exp(x[i] * next);
        y = y + sin(x[i]) * next * next;
    }
    return y;
}
static const auto f_ring = [](const auto& x) { return ring(x); };
static const std::vector<double> x{0.3, -0.7, 1.1, 0.5};
static const std::vector<double> v{1, -2, 0.5, 3};

static void against_differences() {
    section("3. Against differences");
    const double h = 1e-5;
    std::vector<double> ahead, behind;
    for (std::size_t i = 0; i < x.size(); ++i) {
        ahead.push_back(x[i] + h * v[i]);
        behind.push_back(x[i] - h * v[i]);
    }
    const auto g = gradient(f_ring, x);
    const auto g_ahead = gradient(f_ring, ahead);
    const auto g_behind = gradient(f_ring, behind);
    const auto Hv = hessian_times(f_ring, x, v);
    Table table({"i", "x_i", "v_i", "g_i", "(H v)_i", "by differences"}, 8);
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double numeric = (g_ahead[i] - g_behind[i]) / (2 * h);
        table.row(i, x[i], v[i], g[i], Hv[i], numeric);
        worst = larger(worst, std::abs(numeric - Hv[i]));
    }
    table.print();
    claim(below(worst, 1e-7), "H v of one run and differences of two gradients agree to 1e-7.");
}

// ---- 4. All of H
//
// Who wants $H$ itself asks for its columns: $H$ times the vector that is 1 in one place and 0
// elsewhere. That is $n$ runs for $n$ columns. For a model with a million weights nobody can afford
// it, or could even store $H$; but $H v$ costs no more than a few gradients there too.
static void all_of_H() {
    section("4. All of H");
    const std::size_t n = x.size();
    const auto Hv = hessian_times(f_ring, x, v);
    std::vector<std::vector<double>> columns;
    for (std::size_t j = 0; j < n; ++j) {
        std::vector<double> unit(n, 0);
        unit[j] = 1;
        columns.push_back(hessian_times(f_ring, x, unit));
    }
    Table table({"H", "by x_0", "by x_1", "by x_2", "by x_3"});
    double asymmetry = 0, apart = 0;
    for (std::size_t i = 0; i < n; ++i) {
        double sum = 0;
        for (std::size_t j = 0; j < n; ++j) {
            asymmetry = larger(asymmetry, std::abs(columns[j][i] - columns[i][j]));
            sum += columns[j][i] * v[j];
        }
        apart = larger(apart, std::abs(sum - Hv[i]));
        table.row("g_" + std::to_string(i), columns[0][i], columns[1][i], columns[2][i],
                  columns[3][i]);
    }
    table.print();
    claim(below(asymmetry, 1e-14),
          "H is symmetric to 14 decimals, though nothing in the program says that it should be.");
    claim(equal(columns[2][0], 0.0) && equal(columns[3][1], 0.0),
          "x_0 and x_2 stand in no term together, nor do x_1 and x_3: H is exactly 0 there.");
    claim(below(apart, 1e-13), "The columns times v add up to the H v of section 3.");
}

// ---- 5. At work: Newton's method
//
// Gradient descent must be told how far to go. With the curvature at hand one can go to where the
// slope would be 0 if the curvature stayed what it is. For one variable:
//
//     x <- x - f'(x) / f''(x)
//
// Near the lowest point each step doubles the number of right digits. Slope and curvature come from
// one run at $x + 1 epsi$: the slope, and behind $epsi$ the curvature. The function is $e^x + x^2$.
static void newton() {
    section("5. At work: Newton's method");
    const auto bowl = [](const auto& z) { return exp(z[0]) + z[0] * z[0]; };
    Table table({"step", "x", "slope", "curvature"}, 10);
    double at = 2;
    std::vector<double> slopes;
    for (int step = 0; step <= 20 && (slopes.empty() || std::abs(slopes.back()) > 1e-14); ++step) {
        const Dual d = gradient(bowl, std::vector<Dual>{{at, 1}})[0];
        table.row(step, at, d.a, d.b);
        slopes.push_back(d.a);
        at -= d.a / d.b;
    }
    table.print();
    claim(below(std::abs(std::exp(at) + 2 * at), 1e-14),
          "The slope e^x + 2 x is 0 at the last x, to 14 decimals.");
    claim(below(static_cast<double>(slopes.size()), 10),
          "Newton's method took fewer than ten steps.");
    double worst = 0;
    for (std::size_t i = 3; i + 1 < slopes.size(); ++i)
        worst = larger(worst, std::abs(slopes[i + 1]) / (slopes[i] * slopes[i]));
    claim(below(worst, 1),
          "From step 3 on each slope is smaller than the square of the one before.");
}

int main() {
    dual_numbers();
    the_tape();
    against_differences();
    all_of_H();
    newton();
}
