// Exercise 7a. An op of your own: sigmoid
//
// After lesson 7. About 20 minutes.
//
// The sigmoid, or logistic function, takes every number to one between 0 and 1:
//
//     y = 1 / (1 + e^(-x))
//
// Write it as an op: `forward` returns the values, and keeps what `backward` needs; `backward` is
// given `dy` and adds the gradient of x. Its derivative can be written with y alone, so x need not
// be kept: `Place<double>` holds the place of an input without its numbers, `Var<double>` with
// them.
//
// Run it: sh examples/exercises/run.sh 07a
#include <cmath>

#include "core/ops.hpp"

using namespace taper;

struct MySigmoid final : Op<double> {
    const char* name() const override { return "my_sigmoid"; }
    const char* formula() const override { return "y = 1 / (1 + e^-x)"; }
    const char* inputs() const override { return "x"; }

    Place<double> x;
    Var<double> y;

    // y, of the shape of input
    Var<double> forward(const Var<double>& input) {
        x = input;
        Array<double> values = zeros<double>(input.shape());
        // YOUR CODE: values.data()[i] from input.value().data()[i]
        y = values;
        return y;
    }

    // adds dx, of the shape of x and of dy
    void backward(const Array<double>& dy, Gradients<double>& gradients) override {
        Array<double> dx = zeros<double>(dy.shape());
        // YOUR CODE
        gradients.add(x, dx);
    }
};

Var<double> my_sigmoid(const Var<double>& x) { return apply<MySigmoid>(here(), x); }
