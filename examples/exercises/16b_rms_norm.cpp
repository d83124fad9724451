// Exercise 16b. A norm without a mean
//
// After lesson 16. About 25 minutes.
//
// RMSNorm (Zhang and Sennrich, arXiv 1910.07467) leaves out one half of LayerNorm: nothing is
// subtracted. Each row is divided by its root mean square, and there is no bias:
//
//     q = 1/d sum_i x_i^2
//     z_i = x_i / sqrt(q + epsi)
//     y_i = "gain"_i z_i
//
// `x` and `y` have the shape (n, d), `gain` (d). Write the op, forwards and backwards (an op of
// your own: lesson 7). Derive `dx` yourself. How many paths lead from one entry of `x` to an entry
// of `z`, and which of the three of LayerNorm is not there?
//
// Run it: sh examples/exercises/run.sh 16b
#include <cmath>

#include "core/ops.hpp"

using namespace taper;

struct RmsNorm final : Op<double> {
    const char* name() const override { return "rms_norm"; }
    const char* formula() const override { return "y = gain x / sqrt(mean(x^2) + epsilon)"; }
    const char* inputs() const override { return "x gain"; }

    Var<double> x, gain;
    double epsilon = 0;

    // y (n, d) of x_in (n, d) and gain_in (d)
    Var<double> forward(const Var<double>& x_in, const Var<double>& gain_in, double epsilon_in) {
        x = x_in;
        gain = gain_in;
        epsilon = epsilon_in;
        Array<double> y = zeros<double>(x.shape());
        // YOUR CODE: y(row, i) from x.value()(row, i) and gain.value()(i)
        return y;
    }

    // adds dx (n, d) and dgain (d) of dy (n, d)
    void backward(const Array<double>& dy, Gradients<double>& gradients) override {
        Array<double> dx = zeros<double>(x.shape());
        Array<double> dgain = zeros<double>(gain.shape());
        // YOUR CODE
        gradients.add(x, dx);
        gradients.add(gain, dgain);
    }
};

Var<double> rms_norm(const Var<double>& x, const Var<double>& gain, double epsilon) {
    return apply<RmsNorm>(here(), x, gain, epsilon);
}
