// Lesson 7. An op of your own
//
// You need a function that taper does not have. You may compose it of the ops that are there, and
// then backward comes for nothing. But each op of a composition is a record, and keeps arrays for
// its backward; and a composition may lose digits where one formula would not. How does one write
// it as one op, with a backward of one's own? What must it keep from forward? And how does one know
// that it is right?
//
// The op here is *swish*, $y = x s(x)$ with the logistic function $s(x) = 1 / (1 + e^(-x))$, which
// taper calls `sigmoid` (Ramachandran, Zoph and Le 2017, arXiv 1710.05941). Like relu it lets large
// numbers through and stops negative ones, but without a kink. To begin an op of your own, copy the
// file and change section 2.
//
// After lesson 6. About 30 minutes.
//
// Run it: build/release/bin/07_your_own_op [--page FILE]
#include <algorithm>
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include "core/check/gradcheck.hpp"
#include "core/kernels/map.hpp"
#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"
#include "examples/lessons/page.hpp"

using namespace taper;
using namespace taper::lessons;
using examples::apart;

// ---- 1. The slope, with a pencil
//
// First the slope of $s$. Multiply $s = 1 / (1 + e^(-x))$ by the denominator, and take the
// derivative of both sides, by the rule for products on the left:
//
//     s (1 + e^(-x)) = 1
//     s' (1 + e^(-x)) - s e^(-x) = 0
//     s' = s e^(-x) / (1 + e^(-x)) = s (1 - s)
//
// The last step holds since $1 - s = e^(-x) / (1 + e^(-x))$. Then $y = x s$ is a product again, so
//
//     y' = s + x s' = s + x s (1 - s)
//
// At $x = 0$ that is $1/2$. For large $x$ it comes near 1, where $s$ does; for very negative $x$
// near 0. A gradient $dy$ that comes back is multiplied by it, entry by entry:
// $dx = dy (s + x s (1 - s))$.
template <class T> static T logistic(T x) { return 1 / (1 + std::exp(-x)); }
static double swish_of(double x) { return x * logistic(x); }
static double slope_of(double x) {
    const double s = logistic(x);
    return s + x * s * (1 - s);
}

static void the_slope() {
    section("1. The slope, with a pencil");
    const double h = 1e-5;
    double error = 0;
    Table table({"x", "s", "y", "slope", "central difference"}, 6);
    for (const double x : {-8.0, -2.0, 0.0, 2.0, 8.0}) {
        const double measured = (swish_of(x + h) - swish_of(x - h)) / (2 * h);
        table.row(x, logistic(x), swish_of(x), slope_of(x), measured);
        error = examples::larger(error, std::abs(slope_of(x) - measured));
    }
    table.print();
    claim(equal(slope_of(0), 0.5), "At 0 the slope of swish is 1/2.");
    claim(below(error, 1e-9), "At all five places the slope is what central differences measure.");
}

// ---- 2. The op
//
// An op is a struct with two functions. `forward` computes $y$ of the inputs, and keeps in members
// what backward will need. `backward` gets $dy$ and adds $dx$ to the gradient of the input: *adds*,
// since the input may be used elsewhere too (lesson 1). The `name` is for error messages and
// tables. The `formula`, and `inputs`, the names of the inputs in it, are for the page of a tape,
// and may be left out.
//
// `apply` runs forward and puts the op on the tape, if a gradient can flow through it. The argument
// `at` is the line of the caller, which the default fills in: so a table or an error names the line
// where the op was used. `map` calls a function on each entry of an array, or of two arrays of one
// shape.
template <class T> struct Swish : Op<T> {
    const char* name() const override { return "swish"; }
    const char* formula() const override {
        return R"(y = x s,  s = 1 / (1 + e^-x)
  backward  dx = dy (s + x s (1 - s)))";
    }
    const char* inputs() const override { return "x"; }

    Var<T> x;  // kept for backward

    Var<T> forward(const Var<T>& input) {
        x = input;
        return map([](T v) { return v * logistic(v); }, x.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const auto slope_times = [](T g, T v) {
            const T s = logistic(v);
            return g * (s + v * s * (1 - s));
        };
        gradients.add(x, map(slope_times, dy, x.value()));
    }
};
template <class T> static Var<T> swish(const Var<T>& x, Source at = here()) {
    return apply<Swish<T>>(at, x);
}

static const Array<double> numbers = normal<double>(Random(1, "numbers"), {3, 4}, 3);

static void the_op(const Page& page) {
    section("2. The op");
    Parameter<double> x("x", numbers);
    Tape<double> tape;
    const Var<double> y = swish(x);
    const int line = __LINE__ - 1;
    tape.backward(sum(y), Keep::everything);
    std::cout << as_table(tape);
    page.show(tape, "swish, an op of one's own");
    claim(near(y.value()(1, 2), swish_of(numbers(1, 2)), 1e-14),
          "The op computes swish, as one can see at entry (1,2).");
    claim(near(x.gradient()(1, 2), slope_of(numbers(1, 2)), 1e-14),
          "Its backward hands on dy times the slope; dy is 1 here, behind a sum.");
    claim(equal(tape.records()[1].source.line, line),
          "Its record has the line of this file where swish was called.");
}

// ---- 3. Is backward the derivative of forward?
//
// That is what the gradient check of lesson 6 is for. No op should be used before it has passed.
// Beside it stands the usual mistake: the product rule has been forgotten, and the slope of $s$ is
// left out. It is a struct that is a `Swish` in all but its backward.
template <class T> struct HalfSwish final : Swish<T> {
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        gradients.add(this->x, map([](T g, T v) { return g * logistic(v); }, dy, this->x.value()));
    }
};

using Inputs = std::vector<Var<double>>;

static void the_check() {
    section("3. Is backward the derivative of forward?");
    const auto whole = [](const Inputs& in) { return swish(in[0]); };
    const auto half = [](const Inputs& in) { return apply<HalfSwish<double>>(here(), in[0]); };
    const GradcheckReport passed = gradcheck("swish", whole, {numbers});
    const GradcheckReport failed = gradcheck("half a swish", half, {numbers});
    std::cout << "  " << passed.text() << "\n";
    std::cout << "  " << failed.text().substr(0, failed.text().find('\n')) << "\n";
    claim(passed.passed, "Swish passes the gradient check.");
    claim(!failed.passed, "With a term of backward left out it does not pass.");
}

// ---- 4. What to keep for backward
//
// What backward needs must be kept from forward, and what is kept stays in memory until backward
// has run. So look at the formula of $dx$, and keep as little as it can be made of:
//
// - *the input*, as a `Var<T> x`: swish needs it. An input often lies in memory anyway, because the
//   op that made it, or another that reads it, keeps it as well. Then it costs nothing: a `Var` is
//   shared, not copied.
// - *the output*, as a `Var<T> y`, where the slope is simple in it: tanh has $1 - y^2$, exp has
//   $y$. The next op may well keep it, too.
// - *only the shape*, as a `Place<T> x`, where the slopes are the same for all numbers: those of a
//   sum, or of $3 x$.
// - *something between*, where it is dear to make again. Swish could keep $s$ beside $x$ and save
//   an exp in backward; one array more, to save a little time.
//
// The composition `x * sigmoid(x)` keeps $x$ and $s$, once for the product and once for the
// sigmoid. To see what an op keeps, give it an input that nobody else has, and look whether its
// value is still there after forward.
struct Triple final : Op<double> {
    const char* name() const override { return "triple"; }

    Place<double> x;  // the shape alone

    Var<double> forward(const Var<double>& input) {
        x = input;
        return map([](double v) { return 3 * v; }, input.value());
    }
    void backward(const Array<double>& dy, Gradients<double>& gradients) override {
        gradients.add(x, map([](double g) { return 3 * g; }, dy));
    }
};

static void what_to_keep() {
    section("4. What to keep for backward");
    Parameter<double> p("p", numbers);
    // The number of arrays, beside p and the result, that the tape holds after forward.
    const auto arrays_kept = [&p](Var<double> (*f)(const Var<double>&)) {
        Tape<double> tape;
        const Var<double> y = f(-p);  // -p is a value that only f has
        std::size_t kept = 0;
        for (std::size_t i = 1; i + 1 < tape.records().size(); ++i)
            kept += tape.records()[i].value.expired() ? 0 : 1;
        return kept;
    };
    const std::size_t of_swish = arrays_kept([](const Var<double>& x) { return swish(x); });
    const std::size_t of_composed =
        arrays_kept([](const Var<double>& x) { return x * sigmoid(x); });
    const std::size_t of_triple =
        arrays_kept([](const Var<double>& x) { return apply<Triple>(here(), x); });
    Table table({"function of x", "arrays kept", "which"});
    table.row("swish(x)", of_swish, "x");
    table.row("x * sigmoid(x)", of_composed, "x and s");
    table.row("triple, 3 x", of_triple, "none, the shape alone");
    table.print();
    claim(equal(of_swish, 1u), "Swish keeps one array.");
    claim(equal(of_composed, 2u), "The composition keeps two.");
    claim(equal(of_triple, 0u), "The triple keeps none.");

    Parameter<double> x("x", numbers);
    Tape<double> tape;
    tape.backward(sum(swish(x) - x * sigmoid(x)));
    claim(below(examples::largest(x.gradient()), 1e-14),
          "The gradients of swish and of the composition are the same: those of their difference "
          "are 0.");
}

// ---- 5. Two inputs, one of them broadcast
//
// An op with two inputs adds two gradients. Here is a gate, $y = a s(b)$: $b$ says how open it is.
// If $b$ has fewer numbers than $a$, it is broadcast (lesson 3), and backward has to add up over
// the copies. Three helpers do that, as in `core/ops/elementwise.cpp`:
//
// - `zip` is `map` for two arrays that are broadcast to one shape; it takes the op's name for its
//   errors;
// - `sum_to` adds up over the copies, back to the shape of the input;
// - `gradients.wants(x)` tells whether anybody wants the gradient of $x$. A constant, as the data
//   of a model, wants none, and its gradient need not be made.
//
// By the rule for products and section 1:
//
//     da = dy s(b)
//     db = dy a s(b) (1 - s(b)), "added up over the copies of " b
struct Gate final : Op<double> {
    const char* name() const override { return "gate"; }

    Var<double> a, b;

    Var<double> forward(const Var<double>& input, const Var<double>& opening) {
        a = input;
        b = opening;
        return zip([](double v, double o) { return v * logistic(o); }, name(), a.value(),
                   b.value());
    }
    void backward(const Array<double>& dy, Gradients<double>& gradients) override {
        const Array<double> s = map([](double o) { return logistic(o); }, b.value());
        const auto times = [](double x, double y) { return x * y; };
        if (gradients.wants(a)) gradients.add(a, sum_to(zip(times, name(), dy, s), a.shape()));
        if (gradients.wants(b)) {
            const Array<double> slope = map([](double v) { return v * (1 - v); }, s);
            const Array<double> dy_a = zip(times, name(), dy, a.value());
            gradients.add(b, sum_to(zip(times, name(), dy_a, slope), b.shape()));
        }
    }
};

static void two_inputs() {
    section("5. Two inputs, one of them broadcast");
    const auto gate = [](const Inputs& in) { return apply<Gate>(here(), in[0], in[1]); };
    const Array<double> opening = normal<double>(Random(1, "opening"), {4});
    const GradcheckReport report =
        gradcheck("gate", gate, {numbers, opening}, {.names = {"a", "b"}});
    std::cout << "  " << report.text() << "\n";
    claim(report.passed, "The gate passes, with b of shape (4) beside a of shape (3, 4).");
    claim(equal(report.entries, 16u), "All 12 entries of a and 4 of b were checked.");
}

// ---- 6. At work: exclusive or
//
// The function that is 1 if one of two inputs is 1, but not both, cannot be had from a straight
// line, $W x + b$: the best it can do is to answer 1/2 always, with the mean square error 0.25. A
// layer of four units of swish in between can bend. Both are trained in the same way, by 2000 steps
// of gradient descent (lesson 1, section 6) at the rate 0.1.
static double loss_after_training(bool with_swish) {
    const Var<double> points = Array<double>{{0, 0}, {0, 1}, {1, 0}, {1, 1}};
    const Var<double> answers = reshaped<double>({0, 1, 1, 0}, {4, 1});
    Parameter<double> W1("W1", normal<double>(Random(1, "W1"), {4, 2}));
    Parameter<double> b1("b1", zeros<double>({4}));
    Parameter<double> W2("W2", normal<double>(Random(1, "W2"), {1, 4}));
    Parameter<double> b2("b2", zeros<double>({1}));
    Table table({"step", "loss"});
    double last = 0;
    for (int step = 0; step <= 2000; ++step) {
        Tape<double> tape;
        const Var<double> hidden = linear(points, W1, b1);
        const Var<double> error = linear(with_swish ? swish(hidden) : hidden, W2, b2) - answers;
        const Var<double> loss = mean(error * error);
        last = loss.item();
        if (step % 500 == 0) table.row(step, last);
        tape.backward(loss);
        for (Parameter<double>* w : {&W1, &b1, &W2, &b2}) {
            w->mutable_value() -= 0.1 * w->gradient();
            w->clear_gradient();
        }
    }
    std::cout << (with_swish ? "  With swish:\n" : "  Without, a straight line:\n");
    table.print();
    return last;
}

static void at_work() {
    section("6. At work: exclusive or");
    const double with_swish = loss_after_training(true);
    claim(below(with_swish, 1e-6), "With four units of swish the loss falls below 1e-6.");
    const double without = loss_after_training(false);
    claim(near(without, 0.25, 1e-6), "Without them it stays at 0.25, the best of a straight line.");
}

int main(int argc, char** argv) {
    const Page page(argc, argv);
    the_slope();
    the_op(page);
    the_check();
    what_to_keep();
    two_inputs();
    at_work();
}
