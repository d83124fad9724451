// Exercise 7b. An op with two inputs, one of them broadcast
//
// After lesson 7. About 25 minutes.
//
// A gate lets each column of x through to a part, which is a number between 0 and 1:
//
//     s_j = 1 / (1 + e^(-g_j))
//     y_(i j) = x_(i j) s_j
//
// `x` and `y` have the shape (n, d), `g` (d): the same gates for every row. Write the op with both
// gradients. The two inputs are kept with their numbers. The gradient of each has the shape of the
// input. An input that is no Parameter wants no gradient; `gradients.add` for it does nothing.
//
// Run it: sh examples/exercises/run.sh 07b
#include <cmath>

#include "core/ops.hpp"

using namespace taper;

struct Gate final : Op<double> {
    const char* name() const override { return "gate"; }
    const char* formula() const override { return "y = x s,  s = 1 / (1 + e^-g)"; }
    const char* inputs() const override { return "x g"; }

    Var<double> x, g;

    // y (n, d) of x_in (n, d) and g_in (d)
    Var<double> forward(const Var<double>& x_in, const Var<double>& g_in) {
        x = x_in;
        g = g_in;
        Array<double> y = zeros<double>(x.shape());
        // YOUR CODE: y(i, j) from x.value()(i, j) and g.value()(j)
        return y;
    }

    // adds dx (n, d) and dg (d) of dy (n, d)
    void backward(const Array<double>& dy, Gradients<double>& gradients) override {
        Array<double> dx = zeros<double>(x.shape());
        Array<double> dg = zeros<double>(g.shape());
        // YOUR CODE
        gradients.add(x, dx);
        gradients.add(g, dg);
    }
};

Var<double> gate(const Var<double>& x, const Var<double>& g) { return apply<Gate>(here(), x, g); }
