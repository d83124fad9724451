// The model answer to exercise 7b, an op with two inputs
//
// In $y_(i j) = x_(i j) s_j$ each factor is the derivative by the other. $x_(i j)$ reaches one
// entry, $g_j$ reaches the whole column j through $s_j$, whose derivative is $s_j (1 - s_j)$:
//
//     dx_(i j) = dy_(i j) s_j
//     dg_j = sum_i dy_(i j) x_(i j) s_j (1 - s_j)
//
// What was broadcast forwards is summed backwards.
#include <cmath>

#include "core/ops.hpp"

using namespace taper;

static double logistic(double v) { return 1 / (1 + std::exp(-v)); }

struct Gate final : Op<double> {
    const char* name() const override { return "gate"; }
    const char* formula() const override { return "y = x s,  s = 1 / (1 + e^-g)"; }
    const char* inputs() const override { return "x g"; }

    Var<double> x, g;

    Var<double> forward(const Var<double>& x_in, const Var<double>& g_in) {
        x = x_in;
        g = g_in;
        Array<double> y = zeros<double>(x.shape());
        for (std::size_t i = 0; i < x.shape()[0]; ++i)
            for (std::size_t j = 0; j < x.shape()[1]; ++j)
                y(i, j) = x.value()(i, j) * logistic(g.value()(j));
        return y;
    }

    void backward(const Array<double>& dy, Gradients<double>& gradients) override {
        Array<double> dx = zeros<double>(x.shape());
        Array<double> dg = zeros<double>(g.shape());
        for (std::size_t i = 0; i < dy.shape(0); ++i)
            for (std::size_t j = 0; j < dy.shape(1); ++j) {
                const double s = logistic(g.value()(j));
                dx(i, j) = dy(i, j) * s;
                dg(j) += dy(i, j) * x.value()(i, j) * s * (1 - s);
            }
        gradients.add(x, dx);
        gradients.add(g, dg);
    }
};

Var<double> gate(const Var<double>& x, const Var<double>& g) { return apply<Gate>(here(), x, g); }
