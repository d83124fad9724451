// Lesson 16. LayerNorm: every row on the same scale
//
// A deep network multiplies and adds rows of numbers many times. Soon one row holds numbers near
// 100 and another one near 0.01, and a matrix that suits the one does not suit the other. How can
// each row be brought to the same scale, wherever it comes from, and what does that do to the
// gradient?
//
// *Layer normalisation*, LayerNorm (Ba, Kiros and Hinton, arXiv 1607.06450), subtracts from each
// row its mean and divides by its standard deviation. It looks at one row alone: not at the other
// positions, not at the other texts. It is the richest backward pass so far, since every entry of
// a row has to do with every other one, in two ways. After lesson 5. About 25 minutes.
//
// Run it: build/release/bin/16_layer_norm [--page FILE]
#include <cmath>
#include <numeric>

#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"
#include "examples/lessons/page.hpp"

using namespace taper;
using examples::apart;
using examples::largest;
using lessons::above;
using lessons::below;
using lessons::claim;
using lessons::equal;
using lessons::near;
using lessons::section;
using lessons::Table;

// ---- 1. Mean, variance, standard deviation
//
// Let x be a row of d entries. Three numbers say where it lies and how wide it is:
//
// - the *mean* m, the sum of the entries divided by d;
// - the *variance* v, the mean of the squared distances from m;
// - the *standard deviation*, the root of the variance: how far an entry typically is from the
//   mean, in the unit of x itself.
//
//     m = 1/d sum_i x_i
//     v = 1/d sum_i (x_i - m)^2
//
// LayerNorm makes of x a row z with mean 0 and variance 1. Then each column has a *gain* and a
// *bias*, which are learned, so that the next layer can have another scale where that is better:
//
//     z_i = (x_i - m) / sqrt(v + epsi)
//     y_i = gain_i z_i + bias_i
//
// The small number $epsi$, 0.00001 in taper, keeps a row whose entries are all equal from dividing
// by 0. A new model has gain 1 and bias 0. With a pencil: the row 2 4 4 4 5 5 7 9 has the mean 5,
// the squared distances 9 1 1 1 0 0 4 16, their mean 4, and the standard deviation 2. So z is (x -
// 5) / 2.
static Var<double> norm(const Var<double>& x, double epsilon = 1e-5) {
    const Shape d{x.shape().back()};
    return layer_norm<double>(x, full<double>(d, 1), zeros<double>(d), epsilon);
}

static double mean_of(const Array<double>& x) {
    return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

static double dot(const Array<double>& a, const Array<double>& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

static const Array<double> pencil_row{2, 4, 4, 4, 5, 5, 7, 9};

static void one_row() {
    section("1. Mean, variance, standard deviation");
    const Array<double> x = pencil_row;
    const Array<double> z = norm(x).value();
    const double m = mean_of(x);
    const double v = mean_of((x - m) * (x - m));
    Table table({"x", "x - mean", "squared", "z"});
    for (std::size_t i = 0; i < x.size(); ++i)
        table.row(x(i), x(i) - m, (x(i) - m) * (x(i) - m), z(i));
    table.print();
    claim(near(m, 5, 0) && near(v, 4, 0), "The mean of the row is 5 and its variance 4.");
    claim(below(std::abs(mean_of(z)), 1e-14), "The mean of z is 0.");
    claim(near(dot(z, z) / 8, 1, 1e-5), "The variance of z is 1, but for epsilon.");
    claim(below(apart(z, (x - 5.0) / std::sqrt(4 + 1e-5)), 1e-14),
          "The op layer_norm makes z = (x - 5) / sqrt(4 + 0.00001) of it.");
    const Array<double> of_equal = norm(full<double>({8}, 3)).value();
    claim(near(largest(of_equal), 0, 0),
          "A row of eight equal entries becomes a row of zeros: epsilon keeps 0 / 0 away.");
}

// ---- 2. What it does not see
//
// If a number c is added to all entries, then the mean grows by c, and x - m stays. If all entries
// are multiplied by a > 0, then x - m and the standard deviation are both multiplied by a, and z
// stays. So a row and its image a x + c have the same z: LayerNorm forgets where a row lay and how
// wide it was, and keeps its pattern. (With a < 0 the sign of z changes. All of this is exact for
// $epsi = 0$; from here on the lesson takes an $epsi$ too small to be seen.)
static constexpr double tiny = 1e-30;

static void not_seen() {
    section("2. What it does not see");
    const Var<double> x = pencil_row;
    const Array<double> z = norm(x, tiny).value();
    Table table({"row", "largest difference from z of x"}, 2);
    const auto difference = [&](const std::string& row, const Var<double>& other) {
        const double seen = apart(norm(other, tiny).value(), z);
        table.row(row, seen);
        return seen;
    };
    const double moved = difference("x + 100", x + 100.0);
    const double scaled = difference("3 x", x * 3.0);
    const double squared = difference("x^2", x * x);
    table.print();
    claim(below(moved, 1e-13), "A number added to the whole row changes nothing.");
    claim(below(scaled, 1e-13), "A factor of the whole row changes nothing.");
    claim(above(squared, 0.1), "What changes the pattern of the row, as squaring it, is seen.");
}

// ---- 3. Backward, step by step
//
// The graph of one row, with $u_i = x_i - m$ and $r = 1 / sqrt(v + epsi)$:
//
// ```
//     x -----.
//     |      m            m = mean of x
//     u <----'            u = x - m
//     |
//     +------.
//     |      v            v = mean of u^2
//     |      r            r = (v + epsilon)^(-1/2)
//     z <----'            z = u r
//     |
//     y                   y = gain z + bias
// ```
//
// Each line downward is a way back for the gradient (lesson 1). We go from y up. Let dy be the
// cotangent of y. Gain and bias get
//
//     dgain_i = dy_i z_i
//     dbias_i = dy_i
//
// which are summed over all rows, since all rows share them (broadcasting, lesson 3). The gradient
// of $z_i$ is called $g_i$:
//
//     g_i = dy_i gain_i
//
// Now $z_i = u_i r$. Every $z_i$ was made with the same r, so r gets a sum:
//
//     dr = sum_i g_i u_i
//
// Next $r = (v + epsi)^(-1/2)$. Its derivative is $-1/2 (v + epsi)^(-3/2) = -(r^3) / 2$, so
//
//     dv = -1/2 r^3 dr
//
// The rows $u_i$ have two ways out: into $z_i$, with the factor r, and into $v = 1/d sum_i u_i^2$,
// with the derivative $(2 u_i) / d$. The ways add up. Put dv and dr in, and use $u_i r = z_i$
// twice:
//
//     du_i = r g_i + dv (2 u_i) / d
//     du_i = r g_i - r^3 u_i 1/d sum_j g_j u_j
//     du_i = r (g_i - z_i "mean"(g z))
//
// Last $u_i = x_i - 1/d sum_j x_j$. Each x goes into its own u with the factor 1, and into every u
// with the factor -1/d:
//
//     dx_i = du_i - "mean"(du)
//
// The mean of du is $r "mean"(g)$, since the mean of z is 0. So
//
//     dx_i = r (g_i - "mean"(g) - z_i "mean"(g z))
//
// In words: take the gradient of z, subtract its mean, subtract its part along z, and divide by
// the standard deviation. The program builds the graph from small ops, so that the tape knows the
// gradient of every step, and compares each with its line.
struct Steps {
    Var<double> u, v, r, z, y;
};
static Steps step_by_step(const Var<double>& x, const Var<double>& gain, const Var<double>& bias) {
    Steps s;
    s.u = x - mean(x, {-1}, KeepDims::yes);
    s.v = mean(s.u * s.u, {-1}, KeepDims::yes);
    s.r = 1.0 / sqrt(s.v + tiny);
    s.z = s.u * s.r;
    s.y = gain * s.z + bias;
    return s;
}

static void backward_by_hand(const lessons::Page& page) {
    section("3. Backward, step by step");
    const std::size_t d = 8;
    const Parameter<double> x("x", pencil_row);
    const Parameter<double> gain("gain", Array<double>{1, 2, 1, 1, 0.5, 1, 1, 3});
    const Parameter<double> bias("bias", zeros<double>({d}));
    const Array<double> dy{1, 0, -1, 2, 0, 4, 1, -1};
    Tape<double> tape;
    const Steps s = step_by_step(x, gain, bias);
    tape.backward(s.y, dy, Keep::everything);

    const Array<double> u = s.u.value();
    const Array<double> z = s.z.value();
    const double r = s.r.item();
    const Array<double> g = dy * gain.value();
    const double dr = dot(g, u);
    const double dv = -0.5 * r * r * r * dr;
    const Array<double> du = r * g + dv * 2.0 * u / static_cast<double>(d);
    const double mean_gz = mean_of(g * z);
    const Array<double> dx = r * (g - mean_of(g) - z * mean_gz);
    Table table({"x", "z", "dy", "g", "du", "dx"});
    for (std::size_t i = 0; i < d; ++i) table.row(x.value()(i), z(i), dy(i), g(i), du(i), dx(i));
    table.print();
    std::cout << "  r = " << r << ", dr = " << dr << ", dv = " << dv << "\n";
    claim(below(apart(gain.gradient(), dy * z), 1e-14), "dgain = dy z is what the tape gives.");
    claim(below(apart(bias.gradient(), dy), 1e-14), "dbias = dy is what the tape gives.");
    claim(below(apart(tape.gradient(s.z), g), 1e-14), "The gradient of z is g = dy gain.");
    claim(near(tape.gradient(s.r)(0), dr, 1e-13), "dr is the sum of g u.");
    claim(near(tape.gradient(s.v)(0), dv, 1e-14), "dv = -1/2 r^3 dr is what the tape gives.");
    claim(below(apart(tape.gradient(s.u), du), 1e-14),
          "du = r g + dv 2 u / d: both ways out of u add up.");
    claim(below(apart(Array<double>(r * (g - z * mean_gz)), du), 1e-14),
          "du is r (g - z mean(g z)) as well.");
    claim(below(apart(Array<double>(du - mean_of(du)), x.gradient()), 1e-14),
          "dx = du - mean(du) is what the tape gives.");
    claim(below(apart(dx, x.gradient()), 1e-14),
          "dx = r (g - mean(g) - z mean(g z)) is what the tape gives.");
    page.show(tape, "LayerNorm, step by step");
}

// ---- 4. The op does the same in one record
//
// The op `layer_norm` (`core/ops/layer_norm.cpp`) has this backward pass, and is one record where
// the small ops are many. Here it meets several rows. Each has its own mean and r, and no row has
// to do with another. Only the gradients of gain and bias are sums over the rows.
static void the_op() {
    section("4. The op does the same in one record");
    const std::size_t rows = 5;
    const std::size_t d = 8;
    const Array<double> x_value = normal<double>(Random(1, "x"), {rows, d});
    const Array<double> gain_value = normal<double>(Random(1, "gain"), {d});
    const Array<double> dy = normal<double>(Random(1, "dy"), {rows, d});
    struct Result {
        Array<double> dx, dgain, dbias;
        std::size_t records;
    };
    const auto run = [&](bool by_op) {
        const Parameter<double> x("x", x_value);
        const Parameter<double> gain("gain", gain_value);
        const Parameter<double> bias("bias", zeros<double>({d}));
        Tape<double> tape;
        const Var<double> y =
            by_op ? layer_norm(x, gain, bias, tiny) : step_by_step(x, gain, bias).y;
        const std::size_t records = tape.records().size() - 3;  // without the Parameters
        tape.backward(y, dy);
        return Result{x.gradient(), gain.gradient(), bias.gradient(), records};
    };
    const Result by_op = run(true);
    const Result by_steps = run(false);
    Table table({"made by", "records", "largest |dx|", "largest |dgain|", "largest |dbias|"});
    table.row("layer_norm", by_op.records, largest(by_op.dx), largest(by_op.dgain),
              largest(by_op.dbias));
    table.row("small ops", by_steps.records, largest(by_steps.dx), largest(by_steps.dgain),
              largest(by_steps.dbias));
    table.print();
    claim(equal(by_op.records, 1u), "The op is one record of the tape.");
    claim(below(apart(by_op.dx, by_steps.dx), 1e-13),
          "dx of five rows by the op is dx by the small ops.");
    claim(below(apart(by_op.dgain, by_steps.dgain), 1e-13) &&
              below(apart(by_op.dbias, by_steps.dbias), 1e-13),
          "dgain and dbias, sums over the five rows, are the same too.");

    Array<double> other = x_value;
    for (std::size_t i = 0; i < d; ++i) other(0, i) = static_cast<double>(i * i);
    const Var<double> y = norm(x_value);
    const Var<double> y_other = norm(other);
    const Range rest{.begin = 1};
    claim(near(apart(slice(y_other, 0, rest), slice(y, 0, rest)), 0, 0) &&
              above(apart(y_other, y), 0.1),
          "Another first row changes the first row of y and no other, to the last bit.");
}

// ---- 5. What the gradient cannot say
//
// Section 2 said that x + c and a x give the same z. So if x moves along the row 1 = (1, ..., 1),
// or along z, then y does not move, and the gradient of x can have no part in these two
// directions:
//
//     sum_i dx_i = 0
//     sum_i dx_i z_i = 0
//
// The formula shows it. The rows 1 and z stand at right angles, since the sum of z is 0, and both
// have the squared length d. So $"mean"(g)$ times 1 is the part of g along 1, and $"mean"(g z)$
// times z is the part along z. What remains after both are taken away is called the *projection*
// of g on the rows at right angles to 1 and z. Then r scales it: the wider the row, the smaller
// its gradient.
//
// Three things follow, which surprise in practice. With gain 1 the sum of y is always 0, so a loss
// that is the sum of y has no gradient at all. It is a bad loss to test a backward pass with, and
// that is why lesson 5 took random cotangents. With d = 2 nothing remains of g: z is (1, -1) or
// (-1, 1), whatever x is. And a row ten times as large gets a tenth of the gradient.
static Array<double> gradient_at(const Array<double>& at, const Array<double>& dy) {
    const Parameter<double> x("x", at);
    Tape<double> tape;
    tape.backward(norm(x, tiny), dy);
    return x.gradient();
}

static void projections() {
    section("5. What the gradient cannot say");
    const Array<double> x = pencil_row;
    const Array<double> z = norm(x, tiny).value();
    const Array<double> ones = full<double>({8}, 1);
    const Array<double> dy{1, 0, -1, 2, 0, 4, 1, -1};
    const Array<double> dx = gradient_at(x, dy);
    const Array<double> of_sum = gradient_at(x, ones);
    const Array<double> of_two = gradient_at({3, 8}, {1, 5});
    const Array<double> of_large = gradient_at(x * 10.0, dy);
    Table table({"row", "length", "product with 1", "product with z"});
    table.row("dy", std::sqrt(dot(dy, dy)), dot(dy, ones), dot(dy, z));
    table.row("dx", std::sqrt(dot(dx, dx)), dot(dx, ones), dot(dx, z));
    table.print();
    claim(below(std::abs(dot(dx, ones)), 1e-14), "dx has no part along 1.");
    claim(below(std::abs(dot(dx, z)), 1e-14), "dx has no part along z.");
    // r = 1/2, so 2 dx is the projection of dy. What is projected already stays.
    claim(below(apart(gradient_at(x, dx * 2.0), dx), 1e-14),
          "To project a second time changes nothing.");
    claim(below(largest(of_sum), 1e-14),
          "The sum of y, with dy = 1 everywhere, has no gradient at all.");
    claim(below(largest(of_two), 1e-14), "A row of two entries gets no gradient, whatever dy is.");
    claim(below(apart(of_large, dx / 10.0), 1e-14),
          "A row ten times as large gets a tenth of the gradient.");
}

int main(int argc, char** argv) {
    const lessons::Page page(argc, argv);
    one_row();
    not_seen();
    backward_by_hand(page);
    the_op();
    projections();
}
