// Lesson 1. Backpropagation: the chain rule on a tape
//
// To train a model is to change its numbers, often millions of them, so that one number falls: the
// loss, which says how wrong the model is. For that one must know of every number how the loss
// changes when it changes. All these derivatives together are called the gradient. How does a
// program get it, exactly, for little more than the price of the loss itself?
//
// The answer is called backpropagation, or reverse-mode automatic differentiation (Linnainmaa 1970;
// Rumelhart, Hinton and Williams 1986 made it known for neural networks). It is the chain rule, the
// rule for the derivative of a function of a function, in a clever order. This lesson builds it in
// some forty lines of C++ and nothing else.
//
// You should know what a derivative is, that of a product and those of $e^x$ and $ln x$. About 30
// minutes.
//
// Run it: build/release/bin/01_scalar_tape
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include "examples/common/larger.hpp"
#include "examples/lessons/lesson.hpp"

using namespace taper::lessons;
using taper::examples::larger;

// ---- 1. A formula is a graph
//
// The example of this lesson is
//
//     y = x t + w t
//     t = tanh(x)
//
// at $x = 0.7$ and $w = -1.5$. A program does not compute it at once. It takes small steps, each of
// which makes one number of one or two others, and each result can have a name:
//
//     t = tanh(x)
//     p = x t
//     q = w t
//     y = p + q
//
// Draw a node for each number, and an arrow from a number to each result that is made of it. This
// drawing is the *computational graph*. Nodes that are made of no others are its *leaves*: here $x$
// and $w$.
//
// ```
//   x ----+----------------> p = x t ----+
//         |                  ^           |
//         |                  |           v
//         +--> t = tanh(x) --+           y = p + q
//                            |           ^
//                            v           |
//   w ---------------------> q = w t ----+
// ```
//
// A derivative is local if it looks at one step alone: how does the result change with one of its
// inputs, while the other stays? A product changes with one factor as many times as the other
// factor says, a sum as much as its term:
//
//     (del p) / (del x) = t
//     (del p) / (del t) = x
//     (del q) / (del w) = t
//     (del q) / (del t) = w
//     (del y) / (del p) = (del y) / (del q) = 1
//
// And tanh, which squeezes every number between -1 and 1, is the quotient of $s = e^x - e^(-x)$ and
// $c = e^x + e^(-x)$. Of these, each is the other's derivative. So the derivative of $t c = s$, by
// the rule for products, is $t' c + t s = c$, and divided by $c$
//
//     (d t) / (d x) = 1 - t s / c = 1 - t^2
//
// There is one local derivative for each arrow. We call it the arrow's *slope*.
const double at_x = 0.7;
const double at_w = -1.5;

static void the_graph() {
    section("1. A formula is a graph");
    const double t = std::tanh(at_x);
    const double p = at_x * t;
    const double q = at_w * t;
    const double y = p + q;
    Table table({"node", "made by", "value", "slopes of the arrows into it"});
    table.row("x", "leaf", at_x, "-");
    table.row("w", "leaf", at_w, "-");
    table.row("t", "tanh(x)", t, "1 - t^2 = " + text_of(1 - t * t));
    table.row("p", "x t", p, "t = " + text_of(t) + " from x, x = " + text_of(at_x) + " from t");
    table.row("q", "w t", q, "t = " + text_of(t) + " from w, w = " + text_of(at_w) + " from t");
    table.row("y", "p + q", y, "1 from p, 1 from q");
    table.print();
    claim(near(y, (at_x + at_w) * std::tanh(at_x), 1e-15),
          "Step by step y is what the formula (x + w) tanh(x) gives at once.");
}

// ---- 2. The chain rule: multiply along a path, add over the paths
//
// Move $w$ a little, by $h$. Then $q$ moves by $h$ times the slope $t$, and $y$ moves by that times
// the slope 1. Along one path the slopes are multiplied. This is the chain rule:
//
//     (d y) / (d w) = (del y) / (del q) (del q) / (del w) = 1 * t
//
// From $x$ three paths lead to $y$. When $x$ moves, all three bring their share, and for a small
// move the shares do not disturb one another. Say $x$ moves by $a$ and $t$ by $b$. Then $p = x t$
// becomes
//
//     (x + a) (t + b) = x t + a t + x b + a b
//
// and $a b$, a small move times a small move, is nothing beside the two others. So the shares are
// added:
//
//     (d y) / (d x) = sum_("paths") prod_("arrows of the path") "slope"
//
// There is another method, which needs no slopes at all: move $x$ a little to both sides and look
// at $y$. It is inexact, and slow where there are many inputs, but it knows nothing of our rules
// and so can judge them:
//
//     (d y) / (d x) ~~ (f(x + h, w) - f(x - h, w)) / (2 h)
//
// This is a *central difference*. With $h = 10^-5$ it is right to about nine digits. Lesson 4 says
// why.
template <class N> N f(N x, N w) {
    using std::tanh;
    const N t = tanh(x);
    const N p = x * t;
    const N q = w * t;
    return p + q;
}

static void the_chain_rule() {
    section("2. The chain rule: multiply along a path, add over the paths");
    const double t = std::tanh(at_x);
    const double direct = 1 * t;
    const double through_t_and_p = 1 * at_x * (1 - t * t);
    const double through_t_and_q = 1 * at_w * (1 - t * t);
    const double dx = direct + through_t_and_p + through_t_and_q;
    const double dw = 1 * t;
    Table table({"path", "slopes from y back", "product"}, 6);
    table.row("x -> p -> y", "1 * t", direct);
    table.row("x -> t -> p -> y", "1 * x * (1 - t^2)", through_t_and_p);
    table.row("x -> t -> q -> y", "1 * w * (1 - t^2)", through_t_and_q);
    table.row("all from x", "sum", dx);
    table.row("w -> q -> y", "1 * t", dw);
    table.print();

    const double h = 1e-5;
    const double measured_dx = (f(at_x + h, at_w) - f(at_x - h, at_w)) / (2 * h);
    const double measured_dw = (f(at_x, at_w + h) - f(at_x, at_w - h)) / (2 * h);
    claim(near(dw, measured_dw, 1e-9),
          "The one path from w has the product that the central difference in w measures.");
    claim(near(dx, measured_dx, 1e-9),
          "The three paths from x have the sum that the central difference in x measures.");
    claim(above(std::abs(direct - measured_dx), 0.1),
          "The direct path from x alone is wrong by more than 0.1.");
}

// ---- 3. Backwards over a tape
//
// To walk each path by itself is too slow, for the paths may be very many (section 4). But they
// share their parts. Both paths from $x$ through $t$ begin with the same arrow, so first find out
// what $t$ means for $y$, once and for all, and then multiply once by the slope of the arrow. Write
// $dv$ for $d y // d v$, the gradient of a node $v$. Then
//
//     dy = 1
//     dv = sum_("results " u " made of " v) du (del u) / (del v)
//
// The second line is the whole of backpropagation. It wants one thing: $du$ must be complete before
// it is handed on, and complete it is when all that was made of $u$ has handed on its own. What is
// made of a number is computed after the number. So note each step in a list as it is computed; go
// through that list *from the last step to the first*; and whenever you come to a step, you have
// already been at all the steps which use its result. (The order of computation is a *topological
// order* of the graph: each node comes after those that it was made of.) Forwards the numbers flow,
// backwards the gradients:
//
// ```
//   dx <---+----------------- dp  <------+
//          |                  |          |
//          |                  v          |
//          +---- dt  <--------+          dy = 1
//                             ^          |
//                             |          |
//   dw <--------------------- dq  <------+
// ```
//
// The list is called a *tape* (also a Wengert list, after Wengert 1964), and a step on it a
// *record*. A record needs neither the formula nor the value: where its inputs stand on the tape
// and the slopes of its arrows are enough.
struct Record {
    std::vector<std::size_t> inputs;  // numbers of records; a leaf has none
    std::vector<double> slopes;       // by each of the inputs
};
static std::vector<Record> tape;

// A number that is computed with carries its place on the tape. A plain double becomes a leaf.
struct Number {
    double value;
    std::size_t index;

    Number(double v) : Number(v, {}) {}
    Number(double v, const Record& record) : value(v), index(tape.size()) {
        tape.push_back(record);
    }
};

// Each operation computes its result and notes its slopes. These three are all that we need; any
// other function is one more of the same kind.
static Number operator+(Number a, Number b) {
    return {a.value + b.value, {{a.index, b.index}, {1, 1}}};
}
static Number operator*(Number a, Number b) {
    return {a.value * b.value, {{a.index, b.index}, {b.value, a.value}}};
}
static Number tanh(Number a) {
    const double t = std::tanh(a.value);
    return {t, {{a.index}, {1 - t * t}}};
}

// Record i hands on its gradient: to each input, times the slope. The += is the sum over the paths.
static void hand_on(std::size_t i, std::vector<double>& gradient) {
    for (std::size_t j = 0; j < tape[i].inputs.size(); ++j)
        gradient[tape[i].inputs[j]] += gradient[i] * tape[i].slopes[j];
}

// The gradient of every record.
static std::vector<double> backward(Number y) {
    std::vector<double> gradient(tape.size(), 0.0);
    gradient[y.index] = 1;
    for (std::size_t i = y.index + 1; i-- > 0;) hand_on(i, gradient);
    return gradient;
}

// The f of section 2 is a template, so that the same text computes with double and with Number.
static void over_a_tape() {
    section("3. Backwards over a tape");
    tape.clear();
    const Number x = at_x;
    const Number w = at_w;
    const Number y = f(x, w);
    const std::vector<double> gradient = backward(y);

    const std::vector<std::string> names{"x", "w", "t", "p", "q", "y"};
    Table table({"record", "node", "inputs", "slopes", "gradient"}, 6);
    for (std::size_t i = 0; i < tape.size(); ++i) {
        std::string inputs;
        std::string slopes;
        for (std::size_t j = 0; j < tape[i].inputs.size(); ++j) {
            inputs += (j > 0 ? ", " : "") + names.at(tape[i].inputs[j]);
            slopes += (j > 0 ? ", " : "") + text_of(tape[i].slopes[j], 6);
        }
        const bool leaf = tape[i].inputs.empty();
        table.row(i, names.at(i), leaf ? "-" : inputs, leaf ? "-" : slopes, gradient[i]);
    }
    table.print();

    const double t = std::tanh(at_x);
    const std::size_t t_index = 2;
    claim(near(gradient[t_index], at_x + at_w, 1e-15),
          "The gradient of t is x + w, the sum of what p and q hand to it.");
    claim(near(gradient[x.index], t + (at_x + at_w) * (1 - t * t), 1e-15) &&
              near(gradient[w.index], t, 1e-15),
          "One loop backward has made both derivatives of section 2, dx and dw.");

    // y, then t too early, then the others
    std::vector<double> early(tape.size(), 0.0);
    early[y.index] = 1;
    for (const std::size_t i : {5u, 2u, 3u, 4u}) hand_on(i, early);
    claim(near(early[x.index], t, 1e-15),
          "If t has its turn before p and q, it hands on nothing, and dx is the direct path's "
          "alone.");
}

// ---- 4. Many paths, few records
//
// Double a number, double the result, and so on, fifty times: $z_(i+1) = z_i + z_i$. At each step a
// path can take the left arrow or the right, so $2^50$ paths lead from $z_0$ to $z_50$. At a
// billion paths a second to walk them takes thirteen days. The tape has a record for each step, and
// the loop visits each once.
//
// A number can also be used twice by one step, as in $z z$, and then that step has two arrows from
// it. Each brings its share: $dz = z + z$, which is the $2 z$ of school.
static void many_paths() {
    section("4. Many paths, few records");
    tape.clear();
    const Number start = 1.0;
    Number z = start;
    for (int i = 0; i < 50; ++i) z = z + z;
    const double dz = backward(z)[start.index];
    Table table({"records on the tape", "paths = dz"}, 17);
    table.row(tape.size(), dz);
    table.print();
    claim(equal(tape.size(), 51u), "Fifty doublings are 51 records: a leaf and fifty sums.");
    claim(equal(dz, std::pow(2.0, 50)),
          "The loop over them has added up all 2^50 paths: the gradient is 2^50.");

    const Number three = 3.0;
    const Number square = three * three;
    claim(equal(backward(square)[three.index], 6.0),
          "Of z z at z = 3 the gradient is 3 + 3 = 6, one share for each use.");
    claim(equal(backward(square)[start.index], 0.0),
          "A number that the result was not made of has the gradient 0.");
}

// ---- 5. What it costs, beside forward mode and differences
//
// The slopes can be multiplied from the other end as well. *Forward mode* carries with every number
// its derivative by one chosen input, from the input on: such a pair $a + b epsi$ is called a dual
// number. It needs no tape. But one pass gives the derivatives by one input alone. So for $n$
// inputs and one result:
//
// - central differences: two passes through the function for each input, and inexact;
// - forward mode: a pass for each input, exact to rounding;
// - reverse mode: one pass that records, and one loop over the records, for all inputs together.
//
// That loop does at most two multiplications and additions for each operation here. Baur and
// Strassen (1983) proved that a bound of this kind holds always: all derivatives of one result cost
// no more than a few times the result (three to five, by what is counted), however many inputs
// there are. What reverse mode pays with is memory, for the tape keeps what the loop will need.
// With one input and many results it is the other way round: then forward mode has all in one pass.
//
// A model has millions of inputs, its weights, and one result, its loss. That is why models are
// trained with reverse mode. Here is a small one, with a thousand weights.
struct Dual {
    double value;
    double slope;  // by the chosen input
};
static Dual operator+(Dual a, Dual b) { return {a.value + b.value, a.slope + b.slope}; }
static Dual operator*(Dual a, Dual b) {
    return {a.value * b.value, a.slope * b.value + a.value * b.slope};
}
static Dual tanh(Dual a) {
    const double t = std::tanh(a.value);
    return {t, (1 - t * t) * a.slope};
}

static int passes = 0;  // through the function

// Each weight w_i has its say in turn: s becomes tanh(s + w_i s).
template <class N> N model(const std::vector<N>& weights) {
    using std::tanh;
    ++passes;
    N s = weights[0];
    for (const N& weight : weights) s = tanh(s + weight * s);
    return s;
}

static std::vector<double> by_differences(std::vector<double> weights) {
    const double h = 1e-5;
    std::vector<double> gradient;
    for (double& weight : weights) {
        const double middle = weight;
        weight = middle + h;
        const double y_above = model(weights);
        weight = middle - h;
        const double y_below = model(weights);
        weight = middle;
        gradient.push_back((y_above - y_below) / (2 * h));
    }
    return gradient;
}

static std::vector<double> by_forward_mode(const std::vector<double>& weights) {
    std::vector<Dual> inputs;
    for (const double weight : weights) inputs.push_back({weight, 0});
    std::vector<double> gradient;
    for (Dual& chosen : inputs) {
        chosen.slope = 1;
        gradient.push_back(model(inputs).slope);
        chosen.slope = 0;
    }
    return gradient;
}

static std::vector<double> by_reverse_mode(const std::vector<double>& weights) {
    tape.clear();
    const std::vector<Number> inputs(weights.begin(), weights.end());
    std::vector<double> gradient = backward(model(inputs));
    gradient.resize(inputs.size());  // the leaves come first on the tape
    return gradient;
}

static double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
    double largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) largest = larger(largest, std::abs(a[i] - b.at(i)));
    return largest;
}

static void the_cost() {
    section("5. What it costs, beside forward mode and differences");
    std::vector<double> weights;
    for (int i = 0; i < 1000; ++i) weights.push_back(0.05 * std::sin(i + 1.0));

    passes = 0;
    const std::vector<double> reverse = by_reverse_mode(weights);
    const int reverse_passes = passes;
    passes = 0;
    const std::vector<double> forward = by_forward_mode(weights);
    const int forward_passes = passes;
    passes = 0;
    const std::vector<double> differences = by_differences(weights);
    const int difference_passes = passes;

    const double forward_apart = largest_difference(forward, reverse);
    const double differences_apart = largest_difference(differences, reverse);
    Table table({"method", "passes forward", "loops backward", "apart from reverse mode"}, 2);
    table.row("central differences", difference_passes, 0, differences_apart);
    table.row("forward mode", forward_passes, 0, forward_apart);
    table.row("reverse mode", reverse_passes, 1, 0.0);
    table.print();
    claim(below(forward_apart, 1e-14),
          "Forward mode gives the same 1000 derivatives, to the rounding of the last digits.");
    claim(below(differences_apart, 1e-8),
          "Differences give them as well, to eight digits behind the point.");
    claim(equal(difference_passes, 2000), "Differences took two passes for each of 1000 weights.");
    claim(equal(forward_passes, 1000), "Forward mode took one pass for each weight.");
    claim(equal(reverse_passes, 1), "Reverse mode took one pass for all weights together.");
}

// ---- 6. A step of gradient descent
//
// What the gradient is good for: move each input against its derivative, by a small number, the
// *learning rate* $r$, times that derivative.
//
//     x <- x - r dx
//     w <- w - r dw
//
// The result falls, and for a small rate one can say by how much: each input brings its move times
// its derivative, $-r dx * dx$, so
//
//     y_("after") ~~ y_("before") - r (dx^2 + dw^2)
//
// With a pencil, for our example and $r = 0.01$: $dx = 0.0966$ and $dw = 0.6044$, so $x$ becomes
// 0.6990, $w$ becomes -1.5060, and $y$ falls from -0.4835 by $0.01 * (0.0093 + 0.3653) = 0.0037$ to
// -0.4872.
//
// Step after step this is *gradient descent*, and training is nothing else. A loss is as a rule
// something that cannot fall below 0. Here we want $y = 1$, and take the square of what is missing:
// $L = (y - 1)^2$. The 1 is a leaf as well, one whose gradient nobody asks for: a *constant*.
static void a_step_down() {
    section("6. A step of gradient descent");
    tape.clear();
    const double small_rate = 0.01;
    const Number x = at_x;
    const Number w = at_w;
    const Number y = f(x, w);
    const std::vector<double> gradient = backward(y);
    const double dx = gradient[x.index];
    const double dw = gradient[w.index];
    const double after = f(at_x - small_rate * dx, at_w - small_rate * dw);
    const double foretold = small_rate * (dx * dx + dw * dw);
    Table one({"when", "x", "w", "y"});
    one.row("before", at_x, at_w, y.value);
    one.row("after one step", at_x - small_rate * dx, at_w - small_rate * dw, after);
    one.print();
    std::cout << "  The derivatives foretell that y falls by " << text_of(foretold)
              << ", and it falls by " << text_of(y.value - after) << ".\n";
    claim(above(y.value - after, 0), "One step against the gradient makes y smaller.");
    claim(near(y.value - after, foretold, 0.01 * foretold),
          "It falls by r (dx^2 + dw^2), to one part in a hundred at this rate.");

    std::cout << "\n  Now the loss is L = (y - 1)^2, and the rate 0.2:\n";
    const double rate = 0.2;
    double next_x = at_x;
    double next_w = at_w;
    Table steps({"step", "x", "w", "y", "loss"});
    std::vector<double> losses;
    for (int step = 0; step <= 20; ++step) {
        tape.clear();
        const Number here_x = next_x;
        const Number here_w = next_w;
        const Number here_y = f(here_x, here_w);
        const Number error = here_y + Number(-1.0);
        const Number loss = error * error;
        const std::vector<double> d = backward(loss);
        losses.push_back(loss.value);
        if (step % 4 == 0) steps.row(step, next_x, next_w, here_y.value, loss.value);
        next_x -= rate * d[here_x.index];
        next_w -= rate * d[here_w.index];
    }
    steps.print();
    int falls = 0;
    for (std::size_t i = 1; i < losses.size(); ++i) falls += losses[i] < losses[i - 1] ? 1 : 0;
    claim(equal(falls, 20), "Each of the 20 steps makes the loss smaller.");
    claim(below(losses.back(), 1e-3), "After 20 steps the loss is below 0.001: y is nearly 1.");
}

int main() {
    the_graph();
    the_chain_rule();
    over_a_tape();
    many_paths();
    the_cost();
    a_step_down();
}
