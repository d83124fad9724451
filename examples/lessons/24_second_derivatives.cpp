// Second derivatives without a second tape: reverse mode run over dual numbers. A dual number a + b
// eps, eps^2 = 0, carries a derivative along (forward mode). Run the tape of lesson 1 on them at x
// + v eps: the gradient comes out as g + (H v) eps, the Hessian times v, for the price of about two
// gradients (Pearlmutter 1994). H itself, n x n, is never made, unless one asks for n such
// products. The tape here is a template on its number type and needs the standard library alone.
// Run it: build/release/bin/24_second_derivatives
#include <array>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <vector>

#include "examples/lessons/lesson.hpp"

using taper::lessons::claim;

// NaN counts as infinitely large.
static double larger(double a, double b) {
    if (std::isnan(a) || std::isnan(b)) return INFINITY;
    return a > b ? a : b;
}

// a + b eps. Every function f: f(a + b eps) = f(a) + f'(a) b eps.
struct Dual {
    double a = 0, b = 0;
};
static Dual operator+(Dual x, Dual y) { return {x.a + y.a, x.b + y.b}; }
static Dual operator*(Dual x, Dual y) { return {x.a * y.a, x.a * y.b + x.b * y.a}; }
static Dual exp(Dual x) { return {std::exp(x.a), std::exp(x.a) * x.b}; }
static Dual sin(Dual x) { return {std::sin(x.a), std::cos(x.a) * x.b}; }
static Dual cos(Dual x) { return {std::cos(x.a), -std::sin(x.a) * x.b}; }

// A tape of scalars. Each node has up to two inputs, and its slope in each: numbers, be they double
// or Dual.
template <class Number> struct Node {
    std::array<std::size_t, 2> inputs;
    std::array<Number, 2> slopes;
};
template <class Number> struct Scalar {
    std::vector<Node<Number>>* tape;
    std::size_t index;
    Number value;
};
template <class N> Scalar<N> record(std::vector<Node<N>>* tape, N value, Node<N> node) {
    tape->push_back(node);
    return {tape, tape->size() - 1, value};
}
template <class N> Scalar<N> operator+(Scalar<N> x, Scalar<N> y) {
    return record(x.tape, x.value + y.value, {{x.index, y.index}, {N{1}, N{1}}});
}
template <class N> Scalar<N> operator*(Scalar<N> x, Scalar<N> y) {
    return record(x.tape, x.value * y.value, {{x.index, y.index}, {y.value, x.value}});
}
template <class N> Scalar<N> unary(Scalar<N> x, N value, N slope) {
    return record(x.tape, value, {{x.index, x.index}, {slope, N{0}}});
}
template <class N> Scalar<N> exp(Scalar<N> x) {
    using std::exp;  // and for a Dual the one above
    return unary(x, exp(x.value), exp(x.value));
}
template <class N> Scalar<N> sin(Scalar<N> x) {
    using std::cos, std::sin;
    return unary(x, sin(x.value), cos(x.value));
}

// The gradient of f at x: forward, then from the last node to the first. For Dual numbers, H v
// stands behind eps.
template <class N, class F> std::vector<N> gradient(F f, const std::vector<N>& x) {
    std::vector<Node<N>> tape;
    std::vector<Scalar<N>> inputs;
    for (const N& value : x) inputs.push_back(record(&tape, value, {{0, 0}, {N{0}, N{0}}}));
    const Scalar<N> y = f(inputs);
    std::vector<N> d(tape.size(), N{0});
    d[y.index] = N{1};
    for (std::size_t i = y.index + 1; i-- > x.size();)
        for (std::size_t side : {0u, 1u}) {
            N& dx = d[tape[i].inputs[side]];
            dx = dx + d[i] * tape[i].slopes[side];
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

int main() {
    // Any number of variables: f = sum_i e^(x_i x_{i+1}) + sin(x_i) x_{i+1}^2, i + 1 around the
    // end.
    const auto f = [](const auto& x) {
        auto y = exp(x[0] * x[1]);
        for (std::size_t i = 0; i < x.size(); ++i) {
            const auto next = x[(i + 1) % x.size()];
            if (i > 0) y = y + exp(x[i] * next);
            y = y + sin(x[i]) * next * next;
        }
        return y;
    };
    const std::vector<double> x{0.3, -0.7, 1.1, 0.5}, v{1, -2, 0.5, 3};
    const std::size_t n = x.size();
    std::cout << std::fixed << std::setprecision(6);

    std::cout << "1. H v in one run, and from differences of the gradient\n           x         v  "
                 "      dx       H v  "
                 "by differences\n";
    const double h = 1e-5;
    std::vector<double> above = x, below = x;
    for (std::size_t i = 0; i < n; ++i) above[i] += h * v[i], below[i] -= h * v[i];
    const auto Hv = hessian_times(f, x, v);
    const auto g = gradient(f, x);
    const auto g_above = gradient(f, above);
    const auto g_below = gradient(f, below);
    double worst = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const double numeric = (g_above[i] - g_below[i]) / (2 * h);
        worst = larger(worst, std::abs(numeric - Hv[i]));
        std::cout << "  " << std::setw(10) << x[i] << std::setw(10) << v[i] << std::setw(10) << g[i]
                  << std::setw(10) << Hv[i] << std::setw(16) << numeric << "\n";
    }
    claim(worst < 1e-7, "they agree as far as differences can");

    std::cout << "2. All of H: one product a column\n";
    std::vector<std::vector<double>> columns;
    for (std::size_t j = 0; j < n; ++j) {
        std::vector<double> unit(n, 0);
        unit[j] = 1;
        columns.push_back(hessian_times(f, x, unit));
    }
    double asymmetry = 0, from_columns = 0;
    for (std::size_t i = 0; i < n; ++i) {
        double sum = 0;
        for (std::size_t j = 0; j < n; ++j) {
            std::cout << std::setw(12) << columns[j][i];
            asymmetry = larger(asymmetry, std::abs(columns[j][i] - columns[i][j]));
            sum += columns[j][i] * v[j];
        }
        from_columns = larger(from_columns, std::abs(sum - Hv[i]));
        std::cout << "\n";
    }
    claim(asymmetry < 1e-12 && columns[0][1] != 0,
          "H is symmetric, though nothing in the code says so");
    claim(columns[2][0] == 0 && columns[3][1] == 0,
          "x_0 and x_2 never meet, nor x_1 and x_3: exactly 0");
    claim(from_columns < 1e-12, "H times v is the H v of 1, which made no H");

    std::cout
        << "3. At work: Newton's method on e^x + x^2, slope and curvature from one run a step\n";
    const auto bowl = [](const auto& z) { return exp(z[0]) + z[0] * z[0]; };
    double at = 2, slope = 1;
    int steps = 0;
    for (; std::abs(slope) > 1e-14 && steps < 20; ++steps) {
        const Dual d = gradient(bowl, std::vector<Dual>{{at, 1}})[0];
        slope = d.a;
        std::cout << "  x " << std::setw(9) << at << "  slope " << std::scientific << std::setw(14)
                  << slope << std::fixed << "\n";
        at -= d.a / d.b;
    }
    claim(steps <= 8 && std::abs(std::exp(at) + 2 * at) < 1e-12,
          "the digits double at each step: the minimum in at most 8");
}
