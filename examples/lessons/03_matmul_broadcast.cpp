// Lesson 3. The backward of a matrix product, and of broadcasting
//
// Nearly all the work of a model is in products of matrices, forward and backward. Their backward
// is two products more: $dA = dC B^T$ and $dB = A^T dC$. Where does this come from, and how does
// one remember it? And one bias serves many rows, one weight many texts: what is the gradient of
// something that was used in many places at once?
//
// *Broadcasting* is the field's word for the second: an array of few numbers is used as if it was
// copied to the shape of a larger one. Both answers follow from the rule of lessons 1 and 2: each
// number gets a share from all that was made of it. By the end you can write down the backward of a
// linear layer without looking it up, and tell the usual mistakes by what they print.
//
// After lessons 1 and 2. You should know how to multiply two matrices. About 45 minutes.
//
// Run it: build/release/bin/03_matmul_broadcast [--page FILE]
#include <cmath>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"
#include "examples/lessons/page.hpp"

using namespace taper;
using namespace taper::lessons;
using examples::apart;

// ---- 1. A product of matrices, entry by entry
//
// $A$ has $m$ rows and $k$ columns, $B$ has $k$ rows and $n$ columns, and $C = A B$ has $m$ rows
// and $n$ columns. Each entry of $C$ is a row of $A$ times a column of $B$:
//
//     C_(ij) = sum_l A_(il) B_(lj)
//
// Rows and columns are counted from 0, as in C++. Here $m = 2$, $k = 3$, $n = 2$, with numbers for
// a pencil.
static const Array<double> A{{1, 2, 3}, {4, 5, 6}};
static const Array<double> B{{1, 0}, {2, -1}, {0, 3}};

static void the_product() {
    section("1. A product of matrices, entry by entry");
    Array<double> C = zeros<double>({2, 2});
    for (std::size_t i = 0; i < 2; ++i)
        for (std::size_t j = 0; j < 2; ++j)
            for (std::size_t l = 0; l < 3; ++l) C(i, j) += A(i, l) * B(l, j);
    std::cout << "  A is " << to_string(A) << ",\n  B is " << to_string(B) << ",\n  C is "
              << to_string(C) << ".\n";
    claim(equal(C(0, 1), 7.0),
          "C_01, row 0 of A times column 1 of B, is 1 * 0 - 2 * 1 + 3 * 3 = 7.");
    claim(equal(apart(matmul<double>(A, B).value(), C), 0.0), "taper's matmul gives the same C.");
}

// ---- 2. Backward, entry by entry
//
// For a backward there must be a loss. Let it be the entries of $C$, each times some number
// $g_(ij)$, added up. Then the gradient $dC$ is plain to see, and it can be any numbers that we
// like:
//
//     L = sum_(ij) g_(ij) C_(ij)
//     dC_(ij) = (del L) / (del C_(ij)) = g_(ij)
//
// Now look for one entry of $A$, say $A_(il)$, in the formula of $C$. It occurs in row $i$ of $C$
// and nowhere else, in each entry $C_(ij)$ of this row once, and its factor there is $B_(lj)$. That
// is the slope. So the row of $C$ sends it
//
//     dA_(il) = sum_j dC_(ij) (del C_(ij)) / (del A_(il)) = sum_j dC_(ij) B_(lj)
//
// In the same way $B_(lj)$ occurs in column $j$ of $C$, in each $C_(ij)$ once, with the factor
// $A_(il)$:
//
//     dB_(lj) = sum_i dC_(ij) A_(il)
//
// ```
//                         B    .    .
//                              .    .
//                             B_l0 B_l1   row l: the slopes
//
//    A    .    .   A_il   C   C_i0 C_i1   row i: all that A_il is in
//         .    .    .          .    .
// ```
//
// Each of these sums is a row times a column again, with one matrix read the other way round:
// $B_(lj)$, summed over its second index, is $B^T$, and $A_(il)$, summed over its first, is $A^T$.
// So
//
//     dA = dC B^T
//     dB = A^T dC

// The central differences of lesson 1, for each entry of x. These losses are linear in each entry:
// such a difference is exact but for rounding.
static Array<double> differences(const std::function<double(const Array<double>&)>& loss,
                                 Array<double> x) {
    const double h = 1e-3;
    Array<double> dx = zeros<double>(x.shape());
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double middle = x.data()[i];
        x.data()[i] = middle + h;
        const double loss_above = loss(x);
        x.data()[i] = middle - h;
        const double loss_below = loss(x);
        x.data()[i] = middle;
        dx.data()[i] = (loss_above - loss_below) / (2 * h);
    }
    return dx;
}

static void backward_of_a_product() {
    section("2. Backward, entry by entry");
    const Array<double> g{{1, 0}, {-1, 2}};
    const Array<double>& dC = g;
    Array<double> dA = zeros<double>({2, 3});
    Array<double> dB = zeros<double>({3, 2});
    for (std::size_t i = 0; i < 2; ++i)
        for (std::size_t j = 0; j < 2; ++j)
            for (std::size_t l = 0; l < 3; ++l) {
                dA(i, l) += dC(i, j) * B(l, j);
                dB(l, j) += dC(i, j) * A(i, l);
            }

    Parameter<double> a("A", A);
    Parameter<double> b("B", B);
    Tape<double> tape;
    tape.backward(sum(matmul(a, b) * g));
    Table table({"gradient", "entry by entry", "of the tape"});
    table.row("dA", to_string(dA), to_string(a.gradient()));
    table.row("dB", to_string(dB), to_string(b.gradient()));
    table.print();

    claim(equal(dA(1, 2), 6.0), "dA_12, row 1 of dC times row 2 of B, is -1 * 0 + 2 * 3 = 6.");
    claim(equal(dB(0, 0), -3.0),
          "dB_00, column 0 of A times column 0 of dC, is 1 * 1 - 4 * 1 = -3.");
    const Array<double> dC_Bt = matmul<double>(dC, B, {.transpose_b = true}).value();
    const Array<double> At_dC = matmul<double>(A, dC, {.transpose_a = true}).value();
    claim(equal(apart(dC_Bt, dA), 0.0), "All of dA is the product of dC and B^T.");
    claim(equal(apart(At_dC, dB), 0.0), "All of dB is the product of A^T and dC.");
    claim(equal(apart(a.gradient(), dA), 0.0) && equal(apart(b.gradient(), dB), 0.0),
          "The tape has the same gradients.");

    const auto loss_of_A = [&g](const Array<double>& moved) {
        return sum(matmul<double>(moved, B) * g).item();
    };
    const auto loss_of_B = [&g](const Array<double>& moved) {
        return sum(matmul<double>(A, moved) * g).item();
    };
    claim(below(apart(differences(loss_of_A, A), dA), 1e-9) &&
              below(apart(differences(loss_of_B, B), dB), 1e-9),
          "Central differences measure the same gradients, to nine digits behind the point.");
}

// ---- 3. How to remember it: the shapes
//
// A gradient has the shape of what it belongs to. $dA$ is `(m, k)`, and it must be made of $dC$,
// which is `(m, n)`, and of $B$, which is `(k, n)`, since the slopes are entries of $B$. There are
// eight ways to multiply the two: each as it is or transposed, in either order. If $m$, $k$ and $n$
// are three different numbers, one way alone gives `(m, k)`, and that is $dC B^T$: `(m, n)` times
// `(n, k)`.
//
// That is the memory aid. But where all matrices are square, every way fits, and no error will tell
// that one has taken the wrong one. Then what helps is the derivation, and a gradient check.
static int ways_that_fit(std::size_t m, std::size_t k, std::size_t n) {
    const Array<double> dC = zeros<double>({m, n});
    const Array<double> right = zeros<double>({k, n});
    Table table({"product", "its shape", "is it that of dA?"});
    int fit = 0;
    for (const bool dC_first : {true, false})
        for (const bool turn_dC : {false, true})
            for (const bool turn_B : {false, true}) {
                const std::string dC_text = turn_dC ? "dC^T" : "dC";
                const std::string B_text = turn_B ? "B^T" : "B";
                const Array<double>& first = dC_first ? dC : right;
                const Array<double>& second = dC_first ? right : dC;
                const Transposed turned{.transpose_a = dC_first ? turn_dC : turn_B,
                                        .transpose_b = dC_first ? turn_B : turn_dC};
                std::string shape = "none: the inner axes differ";
                bool fits = false;
                try {
                    const Array<double> product = matmul<double>(first, second, turned).value();
                    shape = to_string(product.shape());
                    fits = product.shape() == Shape{m, k};
                } catch (const Error&) {
                    // it has no product
                }
                fit += fits ? 1 : 0;
                table.row(dC_first ? dC_text + " " + B_text : B_text + " " + dC_text, shape,
                          fits ? "yes" : "no");
            }
    std::cout << "  dC is " << to_string(dC.shape()) << ", B is " << to_string(right.shape())
              << ", and dA is " << to_string(Shape{m, k}) << ":\n";
    table.print();
    return fit;
}

static void the_shapes() {
    section("3. How to remember it: the shapes");
    claim(equal(ways_that_fit(2, 3, 4), 1),
          "With three different numbers one product of eight fits.");
    claim(equal(ways_that_fit(2, 2, 2), 8), "With square matrices all eight fit.");
}

// ---- 4. A batch of products
//
// With more than two axes `matmul` multiplies matrix by matrix: the last two axes are those of the
// matrices, and all before them count the matrices, as the texts of a batch. Nothing new happens
// backward, if each has a $B$ of its own. But a weight is one matrix for the whole batch:
//
//     C_(t i j) = sum_l A_(t i l) B_(lj)
//
// Now $B_(lj)$ occurs in column $j$ of every $C_t$. So the sum runs over $t$ as well:
//
//     dB_(lj) = sum_t sum_i A_(t i l) dC_(t i j)
//
// That is $A_t^T dC_t$, summed over the batch. To say the same in another way: put all rows of the
// batch one below the other, in one tall matrix; then one product $A^T dC$ does it all.
static void a_batch() {
    section("4. A batch of products");
    const Array<double> a = normal<double>(Random(1, "a"), {5, 2, 3});
    const Array<double> g = normal<double>(Random(1, "g"), {5, 2, 4});
    Parameter<double> b("b", normal<double>(Random(1, "b"), {3, 4}));
    Tape<double> tape;
    tape.backward(sum(matmul<double>(a, b) * g));

    Array<double> db = zeros<double>({3, 4});
    for (std::size_t t = 0; t < 5; ++t)
        for (std::size_t i = 0; i < 2; ++i)
            for (std::size_t l = 0; l < 3; ++l)
                for (std::size_t j = 0; j < 4; ++j) db(l, j) += a(t, i, l) * g(t, i, j);
    const Array<double> tall =
        matmul<double>(reshaped(a, {10, 3}), reshaped(g, {10, 4}), {.transpose_a = true}).value();
    std::cout << "  The batch is " << to_string(a.shape()) << ", the one b for all is "
              << to_string(b.shape()) << ", and so is its gradient.\n";
    // 10 products of numbers near 1, each rounded
    claim(below(apart(b.gradient(), db), 1e-14),
          "The gradient of the shared matrix is a_t^T dC_t, summed over the batch.");
    claim(below(apart(b.gradient(), tall), 1e-14),
          "It is also one product, of all 10 rows of the batch in one tall matrix.");
}

// ---- 5. Broadcasting copies, so backward adds
//
// The shared $B$ was a first case of broadcasting. The general rule is NumPy's: write the two
// shapes one below the other, so that their last axes meet. Where an axis of one is 1, or missing,
// the array is repeated along that axis.
//
// ```
//    x       (2, 3)        x       (2, 3)        x       (2, 3)
//    bias       (3)        scale   (2, 1)        s           ()
//             ^ along               ^ along             along
//               axis 0                axis 1            both
// ```
//
// Think of it as two steps: first copy, then add or multiply entry by entry. The copy has a graph
// of its own. One number $b_j$ goes to many places, along an arrow of slope 1 to each, and so
//
//     y_(ij) = b_j
//     db_j = sum_i dy_(ij)
//
// *Backward is the sum over what was copied.* For a product the slope comes first: in
// $y_(ij) = x_(ij) s_i$ each copy of $s_i$ has the gradient $dy_(ij) x_(ij)$, and then these are
// summed over $j$. The result has the shape of $s$, `(2, 1)` as before: the summed axis stays as 1.
// To keep it is called *keepdims*.
static void copies_and_sums() {
    section("5. Broadcasting copies, so backward adds");
    const Array<double> x{{1, 2, 3}, {4, 5, 6}};
    const Array<double> g{{1, 0, 2}, {-1, 3, 1}};
    Parameter<double> bias("bias", Array<double>{0.1, 0.2, 0.3});
    Parameter<double> scale("scale", reshaped<double>({10, 100}, {2, 1}));
    Parameter<double> s("s", full<double>({}, 2));
    Tape<double> tape;
    tape.backward(sum((x * scale * s + bias) * g));

    Array<double> dscale = zeros<double>({2, 1});
    double ds = 0;
    for (std::size_t i = 0; i < 2; ++i)
        for (std::size_t j = 0; j < 3; ++j) {
            dscale(i, 0) += g(i, j) * x(i, j) * s.value()();
            ds += g(i, j) * x(i, j) * scale.value()(i, 0);
        }
    std::cout << "  y = x scale s + bias, with x " << to_string(x) << " and dy " << to_string(g)
              << ":\n";
    Table table({"input", "shape", "copied along", "gradient"});
    table.row("bias", to_string(bias.shape()), "axis 0", to_string(bias.gradient()));
    table.row("scale", to_string(scale.shape()), "axis 1", to_string(scale.gradient()));
    table.row("s", to_string(s.shape()), "both", to_string(s.gradient()));
    table.print();
    claim(equal(apart(bias.gradient(), {0, 3, 3}), 0.0),
          "The gradient of the bias is the sum of the rows of dy: 1 - 1, 0 + 3, 2 + 1.");
    claim(equal(apart(scale.gradient(), dscale), 0.0),
          "The gradient of scale is that of its copies, summed along axis 1, which stays as 1.");
    claim(equal(s.gradient()(), ds),
          "The gradient of the number s is the sum of those of all its six copies.");
}

// ---- 6. Keepdims, and a mistake that is silent
//
// To take from each row of $x$ its mean, one writes `x - mean(x, 1, KeepDims::yes)`: `(2, 3)` less
// `(2, 1)`. Without keepdims the means are `(2)`, which do not fit beside `(2, 3)`: an error, and a
// lucky one. For with three rows of three the means are `(3)`, and they fit. But the last axes
// meet, so they are taken from the columns, and nobody complains.
static void keepdims() {
    section("6. Keepdims, and a mistake that is silent");
    const Var<double> wide = Array<double>{{1, 2, 3}, {4, 5, 6}};
    std::string error;
    try {
        wide - mean(wide, 1);
    } catch (const Error& refused) {
        error = refused.what();
    }
    std::cout << "  Error: " << error.substr(0, error.find(" [")) << "\n";
    claim(error.starts_with("sub: "),
          "The means of two rows without keepdims are refused beside (2,3).");

    const Var<double> square = Array<double>{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}};
    const Array<double> meant = (square - mean(square, 1, KeepDims::yes)).value();
    const Array<double> silent = (square - mean(square, 1)).value();
    Table table({"x less the means of its rows", "numbers"});
    table.row("with keepdims", to_string(meant));
    table.row("without", to_string(silent));
    table.print();
    claim(equal(apart(meant, {{-1, 0, 1}, {-1, 0, 1}, {-1, 0, 1}}), 0.0),
          "With keepdims each row of 3 x 3 numbers has lost its own mean.");
    claim(equal(silent(0, 2), -5.0),
          "Without, 3 in row 0 has lost 8, the mean of row 2, and no error says so.");
}

// ---- 7. Sum and copy are each other's backward
//
// What is the backward of a sum, $y_j = sum_i x_(ij)$? Each $x_(ij)$ is in $y_j$ once, with slope
// 1, so $dx_(ij) = dy_j$: the gradient is copied along the summed axis. So the backward of a copy
// is a sum, and the backward of a sum is a copy.
//
// This is no accident. Both are linear: each can be written as a matrix $M$ that is applied to the
// entries of $x$, put in one column. The backward of $y = M x$ is $dx = M^T dy$, as you can read
// off section 2. And the matrix of the sum is the transposed matrix of the copy. The field calls
// two such operations *adjoint*. They have a test that needs no derivative: for all $x$ and $dy$,
//
//     sum_i dy_i (M x)_i = sum_j (M^T dy)_j x_j
//
// A transpose of axes and a reshape are linear as well. They move numbers and change none, and
// backward moves the gradients to where the numbers came from: $dx = dy^T$, and $dx$ is $dy$ in the
// shape of $x$.
static void linear_pairs() {
    section("7. Sum and copy are each other's backward");
    const Var<double> x = normal<double>(Random(1, "x"), {3});
    const Var<double> dy = normal<double>(Random(1, "dy"), {2, 3});
    const double left = sum(dy * broadcast_to(x, {2, 3})).item();
    const double right = sum(sum(dy, 0) * x).item();
    std::cout << "  sum of dy * copy(x) is " << text_of(left, 6) << ", sum of sum(dy) * x is "
              << text_of(right, 6) << ".\n";
    claim(near(left, right, 1e-14), "Sum and copy pass the test: both sides are the same.");

    Parameter<double> moved("moved", normal<double>(Random(1, "moved"), {2, 3}));
    const Array<double> g = normal<double>(Random(1, "g"), {3, 2});
    {
        Tape<double> tape;
        tape.backward(sum(transpose(moved) * g));
    }
    claim(equal(apart(moved.gradient(), matrices_transposed(g)), 0.0),
          "Of y = x^T the gradient is dx = dy^T.");
    moved.clear_gradient();
    {
        Tape<double> tape;
        tape.backward(sum(reshape(moved, {3, 2}) * g));
    }
    claim(equal(apart(moved.gradient(), reshaped(g, {2, 3})), 0.0),
          "Of a reshape the gradient is dy in the shape of x.");
}

// ---- 8. A linear layer
//
// The layer that models are made of has a row of $x$ for each position or each example, a weight
// $W$ of shape (out, in), and a bias:
//
//     y = x W^T + b
//
// All its gradients are here already. Put $A = x$ and $B = W^T$ in section 2:
//
//     dx = dy B^T = dy W
//     dB = A^T dC = x^T dy
//     dW = dB^T = dy^T x
//     db_j = sum_i dy_(ij)
//
// Check the shapes: $dW$ is (out, rows) times (rows, in). In words: $dW_(o i)$ adds up, over all
// rows, what the output $o$ wants, $dy_o$, times what the input $i$ brought, $x_i$.
//
// Below, the layer is written with three ops. taper has one op for it, `linear`, with these three
// lines as its backward, in `core/ops/matmul.cpp`.
static const Array<double> layer_x{{1, 2}, {3, -1}, {0, 2}};
static const Array<double> layer_W{{2, 1}, {-1, 3}};
static const Array<double> layer_b{0.5, -0.5};
static const Array<double> layer_dy{{1, 0}, {2, 1}, {-1, 3}};

static void a_linear_layer(const Page& page) {
    section("8. A linear layer");
    Parameter<double> x("x", layer_x);
    Parameter<double> W("W", layer_W);
    Parameter<double> b("b", layer_b);
    Tape<double> tape;
    const Var<double> y = matmul(x, transpose(W)) + b;
    tape.backward(sum(y * layer_dy), Keep::everything);
    page.show(tape, "a linear layer, y = x W^T + b");

    const Array<double> dx = matmul<double>(layer_dy, layer_W).value();
    const Array<double> dW = matmul<double>(layer_dy, layer_x, {.transpose_a = true}).value();
    Array<double> db = zeros<double>({2});
    for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t j = 0; j < 2; ++j) db(j) += layer_dy(i, j);
    Table table({"gradient", "by hand", "of the tape"});
    table.row("dx = dy W", to_string(dx), to_string(x.gradient()));
    table.row("dW = dy^T x", to_string(dW), to_string(W.gradient()));
    table.row("db = sum of rows", to_string(db), to_string(b.gradient()));
    table.print();
    claim(equal(dW(0, 0), 7.0),
          "dW_00 is what output 0 wants times what input 0 brought: 1 * 1 + 2 * 3 - 1 * 0 = 7.");
    claim(equal(apart(x.gradient(), dx), 0.0), "The dx of the tape is dy W.");
    claim(equal(apart(W.gradient(), dW), 0.0), "The dW of the tape is dy^T x.");
    claim(equal(apart(b.gradient(), db), 0.0), "The db of the tape is the sum of the rows of dy.");

    clear_gradients({&x, &W, &b});
    Tape<double> again;
    again.backward(sum(linear(x, W, b) * layer_dy));
    claim(equal(apart(x.gradient(), dx), 0.0) && equal(apart(W.gradient(), dW), 0.0) &&
              equal(apart(b.gradient(), db), 0.0),
          "taper's op linear has the same three gradients.");
}

// ---- 9. The usual mistakes, and what they print
//
// $W$ of section 8 is square, so no shape protects it. Here are four mistakes that everybody makes
// once. Each is compared with central differences, entry by entry, as a gradient check does it
// (lesson 6). The pattern of what is wrong tells which mistake it was:
//
// - *transposed*: the right numbers stand at the mirrored places, and the diagonal is right;
// - *not summed*: the gradient of one row alone, as if the others had not used the bias;
// - *averaged*: every entry is the right one times the same factor, 1 / rows;
// - *the other side of W*: $dy W^T$ for $dx = dy W$: wrong wherever $W$ is not its own mirror
//   image.
//
// A verdict says WRONG where the two are more than $10^-8$ apart.
static double loss(const Array<double>& x, const Array<double>& W, const Array<double>& b) {
    return sum(linear<double>(x, W, b) * layer_dy).item();
}

// Lists backward's entries beside the differences, and returns how many are right.
static int right_entries(const std::string& mistake, const Array<double>& backward,
                         const Array<double>& measured) {
    std::cout << "  " << mistake << ":\n";
    Table table({"entry", "backward", "differences", "ratio", "verdict"});
    int right = 0;
    for (std::size_t i = 0; i < measured.size(); ++i) {
        const double said = backward.data()[i];
        const double seen = measured.data()[i];
        const bool agree = std::abs(said - seen) < 1e-8;
        right += agree ? 1 : 0;
        table.row(index_text(measured.shape(), i), said, seen, said / seen,
                  agree ? "right" : "WRONG");
    }
    table.print();
    return right;
}

static void mistakes() {
    section("9. The usual mistakes, and what they print");
    const Array<double> dW =
        differences([](const Array<double>& W) { return loss(layer_x, W, layer_b); }, layer_W);
    const Array<double> db =
        differences([](const Array<double>& b) { return loss(layer_x, layer_W, b); }, layer_b);
    const Array<double> dx =
        differences([](const Array<double>& x) { return loss(x, layer_W, layer_b); }, layer_x);

    const Array<double> transposed =
        matmul<double>(layer_x, layer_dy, {.transpose_a = true}).value();
    const Array<double> first_row{layer_dy(0, 0), layer_dy(0, 1)};
    const Array<double> averaged = mean(Var<double>(layer_dy), 0).value();
    const Array<double> other_side =
        matmul<double>(layer_dy, layer_W, {.transpose_b = true}).value();

    const int right_transposed = right_entries("dW transposed, x^T dy for dy^T x", transposed, dW);
    claim(equal(right_transposed, 2),
          "Of the transposed dW the diagonal is right, and nothing else.");
    claim(near(transposed(0, 1), dW(1, 0), 1e-8) && near(transposed(1, 0), dW(0, 1), 1e-8),
          "The two wrong entries of the transposed dW have each other's number.");
    const int right_first = right_entries("db not summed, the first row of dy", first_row, db);
    claim(equal(right_first, 0), "Of the db that is not summed no entry is right.");
    right_entries("db averaged over the 3 rows", averaged, db);
    claim(near(averaged(0) / db(0), 1.0 / 3, 1e-8) && near(averaged(1) / db(1), 1.0 / 3, 1e-8),
          "Both entries of the averaged db are a third of the right ones.");
    const int right_other = right_entries("dx with the other side of W, dy W^T", other_side, dx);
    claim(equal(right_other, 1), "Of this dx one entry of six is right, by chance.");
}

int main(int argc, char** argv) {
    const Page page(argc, argv);
    the_product();
    backward_of_a_product();
    the_shapes();
    a_batch();
    copies_and_sums();
    keepdims();
    linear_pairs();
    a_linear_layer(page);
    mistakes();
}
