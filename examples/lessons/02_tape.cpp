// Lesson 2. taper's tape: the same graph, on arrays
//
// Lesson 1 recorded one number at a time. A model computes with arrays of thousands, and taper's
// tape records operations on whole arrays: a step of the graph is "multiply these two arrays", not
// "multiply these two numbers". What else is new? How does one say which arrays are trained? What
// does the tape hold in memory, and when does it let go?
//
// taper's words beside those of the field:
//
// - `Var`: a value, which is an array, and its place in the computational graph (elsewhere a tensor
//   or a variable);
// - `Parameter`: a leaf that is trained, with a name and a gradient of its own;
// - a *constant*: any other leaf, whose gradient nobody wants;
// - `Tape`, and its *records*: the list of lesson 1, and its entries;
// - `Op`: an operation, with a `forward` that makes $y$ and a `backward` that makes $dx$ from $dy$.
//
// After lesson 1. About 25 minutes.
//
// Run it: build/release/bin/02_tape [--page FILE]
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include "core/ops.hpp"
#include "core/show/inspect.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"
#include "examples/lessons/page.hpp"

using namespace taper;
using namespace taper::lessons;

// ---- 1. The same graph
//
// The example is that of lesson 1:
//
//     t = tanh(x)
//     y = x t + w t
//
// Here the leaves are Parameters. While a `Tape` is alive, it records each op by itself; the
// formula looks as if nobody recorded anything. The numbers in the graph are those of the records:
//
// ```
//   0 x ---+-------------> 2 mul ---+
//          |               ^        |
//          |               |        v
//          +---> 1 tanh ---+        5 add = y
//                          |        ^
//                          v        |
//   3 w -----------------> 4 mul ---+
// ```
//
// A Parameter gets its record where it is first used: so $w$ comes behind the product that does not
// need it. And `backward` is the loop of lesson 1, from the last record to the first. A record
// there had slopes. Here it has an op, which makes the gradients of its inputs from its own.
//
// `as_table` lists a tape: the records that each one reads, and the size of its value and of its
// gradient, by their norm: the root of the sum of squares, for one number its absolute value. A "-"
// says that a value was let go (section 3). A Parameter reads no record, so its place is empty. The
// last column is the line of this file.
struct Example {
    Var<double> t, y;
};
static Example f(const Var<double>& x, const Var<double>& w) {
    const Var<double> t = tanh(x);
    const Var<double> xt = x * t;
    const Var<double> wt = w * t;
    return {t, xt + wt};
}

const double at_x = 0.7;
const double at_w = -1.5;

static void the_same_graph(const Page& page) {
    section("1. The same graph");
    Parameter<double> x("x", full<double>({}, at_x));
    Parameter<double> w("w", full<double>({}, at_w));
    Tape<double> tape;  // records while it is alive
    const Example made = f(x, w);
    tape.backward(made.y, Keep::everything);
    std::cout << as_table(tape);
    page.show(tape, "y = x t + w t, t = tanh(x)");

    const double t = std::tanh(at_x);
    Table table({"gradient", "of the tape", "by hand (lesson 1)"}, 6);
    table.row("dx", x.gradient()(), t + (at_x + at_w) * (1 - t * t));
    table.row("dw", w.gradient()(), t);
    table.row("dt", tape.gradient(made.t)(), at_x + at_w);
    table.print();
    claim(equal(tape.records().size(), 6u),
          "The tape has six records, as in lesson 1: two Parameters and four ops.");
    claim(near(x.gradient()(), t + (at_x + at_w) * (1 - t * t), 1e-14) &&
              near(w.gradient()(), t, 1e-14),
          "The gradients of x and w, which the Parameters hold, are those of lesson 1.");
    claim(
        near(tape.gradient(made.t)(), at_x + at_w, 1e-14),
        "The gradient of t is x + w. The tape has kept it, since it was told to keep everything.");
}

// ---- 2. Arrays: a record for each op, not for each number
//
// Now $x$ is an array of four numbers, of shape `(4)`. The one number $w$, of shape `()`, serves
// all four: it is *broadcast* (lesson 3). An op like `tanh` works on each entry by itself. Behind
// the formula stands a sum, since backward begins at one number:
//
//     L = sum_i (x_i t_i + w t_i)
//
// What is derived is $L$ alone, so every gradient has the shape of what it belongs to: $dx_i$ is
// $del L // del x_i$. The chain rule stands as it stood. If an op makes an array $y$ of an array
// $x$, each $y_i$ that was made of $x_j$ hands it a share:
//
//     dx_j = sum_i dy_i (del y_i) / (del x_j)
//
// For an op that works on each entry by itself only the term $i = j$ is there. So $dx_i$ is what
// lesson 1 said of one number. The one $w$ takes part in all four terms of $L$, and gets the sum of
// four shares.
static void on_arrays() {
    section("2. Arrays: a record for each op, not for each number");
    const Array<double> numbers{at_x, -0.2, 1.3, 0};
    Parameter<double> x("x", numbers);
    Parameter<double> w("w", full<double>({}, at_w));
    Tape<double> tape;
    const Var<double> loss = sum(f(x, w).y);
    tape.backward(loss, Keep::everything);
    std::cout << as_table(tape);

    Array<double> by_hand = zeros<double>({4});
    double sum_of_t = 0;
    Table table({"i", "x_i", "t_i", "dx_i", "dx_i by hand"}, 6);
    for (std::size_t i = 0; i < 4; ++i) {
        const double t = std::tanh(numbers(i));
        by_hand(i) = t + (numbers(i) + at_w) * (1 - t * t);
        sum_of_t += t;
        table.row(i, numbers(i), t, x.gradient()(i), by_hand(i));
    }
    table.print();
    std::cout << "  dw is " << text_of(w.gradient()(), 6) << ", and t_0 + t_1 + t_2 + t_3 is "
              << text_of(sum_of_t, 6) << ".\n";
    claim(
        equal(tape.records().size(), 7u),
        "There are seven records, the six from before and the sum, though x has four entries now.");
    claim(below(examples::apart(x.gradient(), by_hand), 1e-14),
          "Each dx_i is the derivative that lesson 1 has for one number.");
    claim(near(w.gradient()(), sum_of_t, 1e-14),
          "The gradient of w is the sum of the four shares, each of them a t_i.");
}

// ---- 3. What the tape keeps, and what it lets go
//
// Backward needs some of the numbers that forward made. To see which, look at the slopes. That of
// tanh is $1 - t^2$: it needs its own result $t$. Those of a product are its two factors. The
// slopes of a sum are 1, whatever the numbers: it needs none.
//
// In a large model these numbers take most of the memory, so taper's tape keeps what some op's
// backward needs, and no more. Each op says which: a `Var` among its members holds the numbers, a
// `Place` holds a shape alone. The values $x t$, $w t$ and $y$ are needed by nobody, once they are
// summed. And as soon as backward has passed a record, its op and its gradient are let go as well,
// unless it is told `Keep::everything`. What the program itself still has as a `Var` stays of
// course.
static void what_is_kept() {
    section("3. What the tape keeps, and what it lets go");
    Parameter<double> x("x", Array<double>{at_x, -0.2, 1.3, 0});
    Parameter<double> w("w", full<double>({}, at_w));
    Tape<double> tape;
    const Var<double> loss = sum(f(x, w).y);
    const auto holds = [&tape](std::size_t i) { return !tape.records()[i].value.expired(); };
    std::vector<bool> held_before;
    for (std::size_t i = 0; i < tape.records().size(); ++i) held_before.push_back(holds(i));
    tape.backward(loss);

    const std::vector<std::string> names{"x", "t = tanh(x)", "x t", "w", "w t", "y", "L = sum y"};
    const std::vector<std::string> reasons{
        "the program, and x t", "tanh, and both products", "-", "the program, and w t", "-", "-",
        "the program"};
    Table table({"record", "value", "who needs it", "before backward", "after backward"});
    const auto word = [](bool held) { return std::string(held ? "held" : "let go"); };
    for (std::size_t i = 0; i < names.size(); ++i)
        table.row(i, names[i], reasons[i], word(held_before[i]), word(holds(i)));
    table.print();
    std::size_t ops = 0;
    std::size_t gradients = 0;
    for (const Record<double>& record : tape.records()) {
        if (record.op) ++ops;
        if (record.gradient) ++gradients;
    }
    claim(held_before[1], "Before backward t is held, which the program has no more.");
    claim(!held_before[2] && !held_before[4] && !held_before[5],
          "The values x t, w t and y are let go before backward: sums need no numbers.");
    claim(equal(ops, 0u) && equal(gradients, 0u),
          "After backward no record has its op or a gradient any more.");
    claim(!holds(1), "After backward t is let go, too.");
    claim(holds(0) && holds(3) && holds(6),
          "What the program has itself is still there: x, w and L.");
}

// ---- 4. A tape runs backward once
//
// A tape that has let go of its ops cannot run again, and says so: an `Error` tells the rule that
// was broken. For training that is as it should be: each step has new numbers, so it has a tape of
// its own. With `Keep::everything` a tape can run as often as you like, and one can look at what
// was recorded: `as_table`, or the page that `--page` writes.

// The words of the Error that a piece of program ends with, or none.
template <class Program> static std::string error_of(Program program) {
    try {
        program();
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

static void once() {
    section("4. A tape runs backward once");
    Parameter<double> x("x", Array<double>{1, 2});
    Tape<double> tape;
    const Var<double> loss = sum(x * x);
    tape.backward(loss);
    const Array<double> first = x.gradient();
    const std::string error = error_of([&] { tape.backward(loss); });
    std::cout << "  Error: " << error << "\n";
    claim(error.starts_with("backward: a tape runs backward once"),
          "A second run backward is an Error.");
    claim(equal(examples::apart(x.gradient(), first), 0.0),
          "The refused run has left the gradient alone.");
}

// ---- 5. Gradients add up until they are cleared
//
// `backward` adds to the gradient of a Parameter; it does not replace it. Within a pass that is the
// sum over the paths of lesson 1. Over passes it is of use too: the gradient of a sum is the sum of
// the gradients, so a batch of texts that is too large for memory can be run in parts, one tape
// after the other, before one step is taken. The price is that one must clear the gradients before
// the next step, or the old ones go on counting. taper's optimisers (lesson 8) clear them by
// themselves.
static void gradients_add_up() {
    section("5. Gradients add up until they are cleared");
    Parameter<double> z("z", full<double>({}, 3));
    const auto pass = [&z] {
        Tape<double> tape;
        tape.backward(z * z);
        return z.gradient()();
    };
    const double once = pass();
    const double twice = pass();
    z.clear_gradient();
    const double cleared = pass();
    Table table({"pass of z z at z = 3", "gradient of z"});
    table.row("the first", once);
    table.row("the second", twice);
    table.row("the third, after clear_gradient()", cleared);
    table.print();
    claim(equal(once, 6.0), "The first pass gives 3 + 3 = 6, since z z reads z twice.");
    claim(equal(twice, 12.0), "The second pass adds its 6 to that.");
    claim(equal(cleared, 6.0), "After clear_gradient() a pass begins anew.");

    Parameter<double> w("w", full<double>({}, at_w));
    const Array<double> batch{0.7, -0.2, 1.3, 0.1};
    const auto add_gradient = [&w](const Array<double>& x) {
        Tape<double> tape;
        tape.backward(sum(tanh(x * w)));
    };
    add_gradient(batch);
    const double whole = w.gradient()();
    w.clear_gradient();
    add_gradient({0.7, -0.2});
    add_gradient({1.3, 0.1});
    const double in_parts = w.gradient()();
    claim(near(in_parts, whole, 1e-14),
          "Two passes over two numbers each give the gradient of one pass over all four.");
}

// ---- 6. What is not recorded
//
// An op is recorded if a gradient can flow through it to a Parameter, and only then. There are four
// reasons why one is not:
//
// - A *constant*: a number or an array that stands in the formula, as the data of a model does.
//   What is made of constants alone is a constant.
// - `x.detach()`: the value of $x$ as a constant. The number is used, but nothing flows back
//   through this use.
// - `NoGrad`: while one is alive nothing is recorded, although a tape is. For measuring a model in
//   the midst of training.
// - No tape at all: for using a model that has been trained. Then each value is gone with its last
//   `Var`.
static void what_is_not_recorded() {
    section("6. What is not recorded");
    Parameter<double> x("x", Array<double>{1, 2, 4});
    const Array<double> data{5, 6, 7};
    {
        Tape<double> tape;
        const Var<double> constants = exp(Var<double>(data));
        const std::size_t of_constants = tape.records().size();
        const Var<double> y = sum(x * constants);
        std::cout << as_table(tape);
        claim(equal(of_constants, 0u), "Of exp of a constant there is no record.");
        claim(equal(tape.records()[1].inputs.size(), 1u),
              "Of its two inputs the product names one record: x. The constant factor has none.");
        tape.backward(y);
        claim(near(x.gradient()(0), std::exp(5.0), 1e-12),
              "The constant counts all the same: the gradient of x_0 is the factor e^5.");
        x.clear_gradient();
    }
    {
        Tape<double> tape;
        tape.backward(sum(x * x.detach()));
        claim(equal(x.gradient()(2), 4.0),
              "Of x times x.detach() the gradient is x, 4 at x = 4, where x x has 2 x.");
        x.clear_gradient();
    }
    {
        Tape<double> tape;
        const Var<double> y = sum(x * x);
        const std::size_t before = tape.records().size();
        double measured = 0;
        {
            NoGrad<double> values;
            measured = sum(x * x * x).item();
        }
        claim(equal(measured, 73.0) && equal(tape.records().size(), before),
              "Within a NoGrad a value is computed, 1 + 8 + 64 = 73, and no record is added.");
    }
    const Var<double> untaped = sum(x * x);
    Tape<double> late;
    const std::string error = error_of([&] { late.backward(untaped); });
    std::cout << "  Error: " << error << "\n";
    claim(equal(untaped.item(), 21.0), "Without a tape the value is there, 1 + 4 + 16 = 21.");
    claim(
        error.find("is a constant") != std::string::npos,
        "A tape that is begun later takes it for a constant, and refuses to run backward from it.");
}

int main(int argc, char** argv) {
    const Page page(argc, argv);
    the_same_graph(page);
    on_arrays();
    what_is_kept();
    once();
    gradients_add_up();
    what_is_not_recorded();
}
