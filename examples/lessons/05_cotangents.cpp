// Lesson 5. Cotangents: what flows back through an op
//
// A loss is one number. But an op inside a model makes many numbers of many, and each output
// depends on each input: those derivatives are a whole matrix, the *Jacobian*. For an op on a
// thousand numbers it has a million entries. Does backward need it? What is it that an op gets from
// behind and hands on to the front? And when one tests an op alone, without a loss behind it, with
// what does one begin?
//
// The answers hang together. What comes back is a *cotangent*, an array $dy$ of the shape of the
// output. What is handed on is its product with the Jacobian, the *vector-Jacobian product*
// $dy^T J$, which is cheap, while $J$ itself is dear. And what one begins with must be chosen with
// care, or it does not see what is wrong.
//
// After lessons 2 to 4. About 30 minutes.
//
// Run it: build/release/bin/05_cotangents [--page FILE]
#include <cmath>
#include <functional>
#include <iostream>
#include <string>

#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"
#include "examples/lessons/page.hpp"

using namespace taper;
using namespace taper::lessons;
using examples::apart;
using examples::largest;

// ---- 1. The Jacobian
//
// A function that makes $m$ numbers $y_j$ of $n$ numbers $x_i$ has $m n$ derivatives. Written as a
// matrix, with a row for each output and a column for each input, they are the Jacobian $J$:
//
//     J_(ji) = (del y_j) / (del x_i)
//
// Here are two numbers, of which three are made:
//
//     y_0 = x_0 x_1
//     y_1 = x_0 + x_1^2
//     y_2 = 3 x_1
//
// At $x = (2, 3)$, with a pencil, line by line:
//
//     (del y_0) / (del x_0) = x_1 = 3    (del y_0) / (del x_1) = x_0 = 2
//     (del y_1) / (del x_0) = 1    (del y_1) / (del x_1) = 2 x_1 = 6
//     (del y_2) / (del x_0) = 0    (del y_2) / (del x_1) = 3
//
// A column of $J$ can be measured: move one input, and look what all outputs do.
static Var<double> three_of_two(const Var<double>& x) {
    const Var<double> x_0 = slice(x, 0, {0, 1});
    const Var<double> x_1 = slice(x, 0, {1, 2});
    return concat({x_0 * x_1, x_0 + x_1 * x_1, 3.0 * x_1}, 0);
}
static const Array<double> at{2, 3};
static const Array<double> J_by_hand{{3, 2}, {1, 6}, {0, 3}};

static void the_jacobian() {
    section("1. The Jacobian");
    const double h = 1e-5;
    Array<double> measured = zeros<double>({3, 2});
    for (std::size_t i = 0; i < 2; ++i) {
        Array<double> step = zeros<double>({2});
        step(i) = h;
        const Array<double> y_above = three_of_two(Array<double>(at + step)).value();
        const Array<double> y_below = three_of_two(Array<double>(at - step)).value();
        for (std::size_t j = 0; j < 3; ++j) measured(j, i) = (y_above(j) - y_below(j)) / (2 * h);
    }
    Table table({"output", "by x_0, by hand", "measured", "by x_1, by hand", "measured"});
    for (std::size_t j = 0; j < 3; ++j)
        table.row("y_" + std::to_string(j), J_by_hand(j, 0), measured(j, 0), J_by_hand(j, 1),
                  measured(j, 1));
    table.print();
    claim(below(apart(measured, J_by_hand), 1e-9),
          "The Jacobian that was derived by hand is the one that differences measure.");
}

// ---- 2. The cotangent, and the product that an op makes
//
// Somewhere behind $y$ a loss $L$ is made. By the time backward comes to our function, it knows how
// $L$ changes with each output: $dy_j = del L // del y_j$. This array, of the shape of $y$, is the
// cotangent. It says how much each output matters. An input reaches $L$ through every output, so by
// the chain rule
//
//     dx_i = sum_j dy_j J_(ji)
//
// a row times a matrix, $dx = dy^T J$: the vector-Jacobian product. That is all that backward ever
// asks of an op. With $dy = (1, -1, 2)$ for the function above:
//
//     dx_0 = 1 * 3 - 1 * 1 + 2 * 0 = 2
//     dx_1 = 1 * 2 - 1 * 6 + 2 * 3 = 2
//
// The tape takes a cotangent beside $y$: `tape.backward(y, dy)`. It is the same as to end in the
// loss $L = sum_j dy_j y_j$, for of this $L$ the derivative by $y_j$ is the number $dy_j$. Lesson 3
// ended its products so.
static void the_product(const Page& page) {
    section("2. The cotangent, and the product that an op makes");
    const Array<double> dy{1, -1, 2};
    Parameter<double> x("x", at);
    {
        Tape<double> tape;
        const Var<double> y = three_of_two(x);
        tape.backward(y, dy, Keep::everything);
        page.show(tape, "three numbers of two, with the cotangent (1, -1, 2)");
    }
    const Array<double> of_cotangent = x.gradient();
    x.clear_gradient();
    {
        Tape<double> tape;
        tape.backward(sum(three_of_two(x) * dy));
    }
    std::cout << "  dx is " << to_string(of_cotangent) << " by the cotangent, and "
              << to_string(x.gradient()) << " by the loss sum_j dy_j y_j.\n";
    claim(equal(apart(of_cotangent, {2, 2}), 0.0),
          "With dy = (1, -1, 2) the tape has dx = (2, 2), which is dy^T J by hand.");
    claim(equal(apart(x.gradient(), of_cotangent), 0.0),
          "The loss sum_j dy_j y_j has the same gradient.");
}

// ---- 3. The whole Jacobian, a row for each cotangent
//
// If $dy$ is 1 at one output and 0 at all others, $dy^T J$ is one row of $J$. So $m$ passes
// backward give the whole matrix, one for each output. One does that to look at it, and only where
// it is small. (Forward mode, lesson 1, is the other way round: it carries a *tangent* $v$ from the
// inputs on and gives the Jacobian-vector product $J v$, so that one pass gives a column.)
//
// Below is the Jacobian of softmax, on three numbers. Softmax makes of a row of any numbers a row
// of positive ones that add up to 1, $y_j = e^(x_j) / (sum_l e^(x_l))$. Lesson 10 derives its
// backward. Here look at the sums of the columns: if one input moves, some outputs rise and others
// fall, by as much.
using Function = std::function<Var<double>(const Var<double>&)>;

static Array<double> jacobian(const Function& f, const Array<double>& x_value) {
    Parameter<double> x("x", x_value);
    Tape<double> tape;
    const Var<double> y = f(x);
    const std::size_t m = count(y.shape());
    const std::size_t n = x_value.size();
    Array<double> J = zeros<double>({m, n});
    for (std::size_t j = 0; j < m; ++j) {
        Array<double> dy = zeros<double>(y.shape());
        dy.data()[j] = 1;
        x.clear_gradient();
        tape.backward(y, dy, Keep::everything);
        for (std::size_t i = 0; i < n; ++i) J(j, i) = x.gradient().data()[i];
    }
    return J;
}
static Var<double> softmax_of(const Var<double>& x) { return softmax(x); }

static void row_by_row() {
    section("3. The whole Jacobian, a row for each cotangent");
    claim(equal(apart(jacobian(three_of_two, at), J_by_hand), 0.0),
          "Three passes backward, one for each output, give the Jacobian of section 1.");

    const Array<double> scores{1, 2, 0};
    const Array<double> y = softmax<double>(scores).value();
    const Array<double> J = jacobian(softmax_of, scores);
    Table table({"softmax", "y_j", "by x_0", "by x_1", "by x_2"});
    for (std::size_t j = 0; j < 3; ++j)
        table.row("y_" + std::to_string(j), y(j), J(j, 0), J(j, 1), J(j, 2));
    table.print();
    double largest_sum = 0;
    for (std::size_t i = 0; i < 3; ++i)
        largest_sum = examples::larger(largest_sum, std::abs(J(0, i) + J(1, i) + J(2, i)));
    claim(below(largest_sum, 1e-14), "Each column of softmax's Jacobian adds up to 0.");
}

// ---- 4. Why one asks for the product and never for the matrix
//
// Of many a Jacobian most is 0, and what is not 0 has a pattern. `tanh` works on each number alone,
// so all but the diagonal is 0, and $dy^T J$ is $dy_i (1 - y_i^2)$: $n$ multiplications, where the
// matrix has $n^2$ entries. In a matrix product an entry of $A$ touches one row of $C$; the product
// with all of $J$ is $dC B^T$ (lesson 3), and its multiplications are as many as the entries of $J$
// that are not 0.
//
// At the size of a model this decides. A layer that makes 64 rows of 256 numbers with a weight of
// 256 x 256 has a Jacobian by its weight of 16384 x 65536 entries, eight gigabytes, to be read
// once. The product $dW = dy^T x$ is four million multiplications.
static void the_matrix_is_dear() {
    section("4. Why one asks for the product and never for the matrix");
    const auto count_of = [](const Array<double>& J) {
        std::size_t not_zero = 0;
        for (const double entry : J) not_zero += entry != 0 ? 1 : 0;
        return not_zero;
    };
    const Array<double> x = normal<double>(Random(1, "x"), {100});
    const Array<double> J_tanh = jacobian([](const Var<double>& v) { return tanh(v); }, x);
    const Var<double> B = normal<double>(Random(1, "B"), {5, 6});
    const Array<double> A = normal<double>(Random(1, "A"), {4, 5});
    const Array<double> J_product =
        jacobian([&B](const Var<double>& a) { return matmul(a, B); }, A);
    Table table({"op", "entries of J", "not 0", "multiplications of backward"});
    table.row("tanh of 100 numbers", J_tanh.size(), count_of(J_tanh), "dy_i (1 - y_i^2): 100");
    table.row("A B, (4,5) and (5,6), by A", J_product.size(), count_of(J_product),
              "dC B^T: 4 * 6 * 5 = 120");
    table.print();
    claim(equal(count_of(J_tanh), 100u), "Of 100 x 100 entries of tanh's Jacobian 100 are not 0.");
    claim(equal(count_of(J_product), 120u), "Of 24 x 20 entries of the product's 120 are not 0.");

    const Array<double> dy = normal<double>(Random(1, "dy"), {100});
    Array<double> by_matrix = zeros<double>({100});
    Array<double> by_formula = zeros<double>({100});
    for (std::size_t i = 0; i < 100; ++i) {
        for (std::size_t j = 0; j < 100; ++j) by_matrix(i) += dy(j) * J_tanh(j, i);
        by_formula(i) = dy(i) * (1 - std::tanh(x(i)) * std::tanh(x(i)));
    }
    claim(below(apart(by_matrix, by_formula), 1e-14),
          "dy times all of tanh's Jacobian is what the 100 multiplications give.");
}

// ---- 5. A chain of ops: multiply from the left
//
// If $y$ is made of $u$ and $u$ of $x$, the Jacobian of the whole is the product $J_y J_u$, and
// backward wants $dy^T J_y J_u$. There are two orders:
//
//     (dy^T J_y) J_u
//     dy^T (J_y J_u)
//
// The first has a row times a matrix, twice: $2 n^2$ multiplications. The second multiplies two
// matrices: $n^3$, and more. The loop of backward takes the first, because it starts at the loss,
// where there is but one number. That is why reverse mode suits a function with one output (lesson
// 1), told in matrices.
static void from_the_left() {
    section("5. A chain of ops: multiply from the left");
    const std::size_t n = 30;
    const Var<double> V = normal<double>(Random(1, "V"), {n, n}, 0.2);
    const Var<double> W = normal<double>(Random(1, "W"), {n, n}, 0.2);
    const Array<double> x = normal<double>(Random(1, "x"), {1, n});
    const Array<double> dy = normal<double>(Random(1, "dy"), {1, n});
    const Function first = [&V](const Var<double>& v) { return tanh(matmul(v, V)); };
    const Function second = [&W](const Var<double>& v) { return tanh(matmul(v, W)); };
    const Array<double> u = first(x).value();
    const Array<double> J_u = jacobian(first, x);
    const Array<double> J_y = jacobian(second, u);

    long multiplications = 0;
    const auto times = [&multiplications](const Array<double>& a, const Array<double>& b) {
        multiplications += static_cast<long>(a.shape()[0] * a.shape()[1] * b.shape()[1]);
        return matmul<double>(a, b).value();
    };
    const Array<double> left = times(times(dy, J_y), J_u);
    const long from_left = multiplications;
    multiplications = 0;
    const Array<double> right = times(dy, times(J_y, J_u));
    const long from_right = multiplications;

    Parameter<double> p("x", x);
    Tape<double> tape;
    tape.backward(second(first(p)), dy);
    Table table({"order", "multiplications", "apart from the tape"}, 2);
    table.row("(dy^T J_y) J_u", from_left, apart(left, p.gradient()));
    table.row("dy^T (J_y J_u)", from_right, apart(right, p.gradient()));
    table.print();
    // sums of 30 products of numbers near 1
    claim(below(apart(left, p.gradient()), 1e-14) && below(apart(right, p.gradient()), 1e-14),
          "Both orders give the gradient of the tape.");
    claim(equal(from_left, 1800L), "From the left it takes 2 * 30^2 = 1800 multiplications.");
    claim(equal(from_right, 27900L), "From the right it takes 30^3 + 30^2 = 27900.");
}

// ---- 6. Which dy to test with
//
// To test the backward of an op one chooses a $dy$, and compares $dy^T J$ with differences of the
// one number $sum_j dy_j y_j$. The handiest $dy$ is all ones: that is `sum(y)`. It is a bad one.
//
// A row of softmax adds up to 1, whatever its inputs. So the sum does not move, and $dx$ is 0: the
// columns of section 3. LayerNorm (lesson 16) shifts each row so that its mean is 0, and there it
// is the same. A backward that forgets a factor, or returns plain zeros, says 0 as well, and
// passes. Look at softmax, with the right backward and with one that has forgotten the first
// factor:
//
//     dx_i = y_i (dy_i - sum_j y_j dy_j)
//     dx_i = dy_i - sum_j y_j dy_j
//
// If $dy$ is the same number along a row, both brackets are 0. In general a wrong backward with the
// matrix $J'$ passes if $dy^T (J - J') = 0$, and the $dy$ that do so are a thin set: in three
// dimensions a plane through 0, a line, or 0 alone. A $dy$ of random numbers is not in it, unless
// by a miracle. So one tests with random $dy$, and takes a second one against miracles.
static Array<double> softmax_backward(const Array<double>& y, const Array<double>& dy,
                                      bool forget_y) {
    Array<double> dx = zeros<double>(y.shape());
    for (std::size_t row = 0; row < y.shape()[0]; ++row) {
        double sum_of_y_dy = 0;
        for (std::size_t j = 0; j < y.shape()[1]; ++j) sum_of_y_dy += y(row, j) * dy(row, j);
        for (std::size_t i = 0; i < y.shape()[1]; ++i)
            dx(row, i) = (forget_y ? 1 : y(row, i)) * (dy(row, i) - sum_of_y_dy);
    }
    return dx;
}

// The differences of the one number sum_j dy_j y_j, for each entry of x.
static Array<double> differences(const Function& f, Array<double> x, const Array<double>& dy) {
    const double h = 1e-5;
    Array<double> dx = zeros<double>(x.shape());
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double middle = x.data()[i];
        x.data()[i] = middle + h;
        const double sum_above = sum(f(x) * dy).item();
        x.data()[i] = middle - h;
        const double sum_below = sum(f(x) * dy).item();
        x.data()[i] = middle;
        dx.data()[i] = (sum_above - sum_below) / (2 * h);
    }
    return dx;
}

static void which_dy() {
    section("6. Which dy to test with");
    const Array<double> x = normal<double>(Random(1, "x"), {3, 4});
    const Array<double> y = softmax<double>(x).value();
    const Array<double> ones = full<double>({3, 4}, 1);
    const Array<double> by_row = expand(reshaped<double>({2, -1, 0.5}, {3, 1}), {3, 4});
    const Array<double> random = normal<double>(Random(1, "dy"), {3, 4});

    Table table({"dy", "backward", "largest dx", "apart from differences"}, 2);
    // How far dx is from differences.
    const auto test = [&](const std::string& name, const Array<double>& dy, bool forget_y) {
        const Array<double> dx = softmax_backward(y, dy, forget_y);
        const double error = apart(dx, differences(softmax_of, x, dy));
        table.row(name, forget_y ? "y_i forgotten" : "right", largest(dx), error);
        return error;
    };
    const double right_ones = test("all ones", ones, false);
    const double wrong_ones = test("all ones", ones, true);
    const double right_by_row = test("a number for each row", by_row, false);
    const double wrong_by_row = test("a number for each row", by_row, true);
    const double right_random = test("random", random, false);
    const double wrong_random = test("random", random, true);
    table.print();
    claim(below(right_ones, 1e-9) && below(right_by_row, 1e-9) && below(right_random, 1e-9),
          "The right backward of softmax agrees with differences for each of the three dy.");
    claim(below(wrong_ones, 1e-9),
          "With all ones the wrong backward agrees as well: the test does not see the mistake.");
    claim(below(wrong_by_row, 1e-9), "With a number for each row it is not seen either.");
    claim(above(wrong_random, 0.1), "With a random dy the wrong backward is off by more than 0.1.");

    Parameter<double> p("x", x);
    Tape<double> tape;
    tape.backward(sum(layer_norm<double>(p, full<double>({4}, 1), zeros<double>({4}))));
    claim(
        below(largest(p.gradient()), 1e-14),
        "The sum of LayerNorm's outputs has no gradient either: all of dx is 0, but for rounding.");
}

int main(int argc, char** argv) {
    const Page page(argc, argv);
    the_jacobian();
    the_product(page);
    row_by_row();
    the_matrix_is_dear();
    from_the_left();
    which_dy();
}
