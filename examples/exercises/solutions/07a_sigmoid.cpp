// The model answer to exercise 7a, sigmoid
//
// With $u = 1 + e^(-x)$ it is $y = u^(-1)$, so by the chain rule
//
//     (del y) / (del x) = -u^(-2) (-e^(-x)) = e^(-x) / u^2 = 1 / u e^(-x) / u
//
// Here $e^(-x) // u = (u - 1) // u = 1 - y$. So the derivative is $y (1 - y)$: at most 1/4, and
// near 0 where x is large on either side. backward needs y alone. For x = -1000 the power is inf
// and y is 0, as it should be; y (1 - y) is 0 then, where $e^(-x) // u^2$ would be inf / inf.
#include <cmath>

#include "core/ops.hpp"

using namespace taper;

struct MySigmoid final : Op<double> {
    const char* name() const override { return "my_sigmoid"; }
    const char* formula() const override { return "y = 1 / (1 + e^-x)"; }
    const char* inputs() const override { return "x"; }

    Place<double> x;
    Var<double> y;

    Var<double> forward(const Var<double>& input) {
        x = input;
        Array<double> values = zeros<double>(input.shape());
        for (std::size_t i = 0; i < values.size(); ++i)
            values.data()[i] = 1 / (1 + std::exp(-input.value().data()[i]));
        y = values;
        return y;
    }

    void backward(const Array<double>& dy, Gradients<double>& gradients) override {
        Array<double> dx = zeros<double>(dy.shape());
        for (std::size_t i = 0; i < dx.size(); ++i) {
            const double s = y.value().data()[i];
            dx.data()[i] = dy.data()[i] * s * (1 - s);
        }
        gradients.add(x, dx);
    }
};

Var<double> my_sigmoid(const Var<double>& x) { return apply<MySigmoid>(here(), x); }
