// The model answer to exercise 16b, a norm without a mean
//
// Put $r = (q + epsi)^(-1/2)$, so that $z_i = x_i r$, and $g_i = dy_i "gain"_i$, the gradient of
// $z_i$. One entry of `x` has two paths: straight into its own z, with the slope r, and through q
// and r into all of them.
//
//     dr = sum_j g_j x_j
//     dq = -1/2 r^3 dr
//     dx_i = r g_i + 2/d x_i dq
//
// With $x_i r = z_i$ put in twice:
//
//     dx_i = r (g_i - z_i 1/d sum_j g_j z_j)
//
// That is LayerNorm without the mean of g. The path through the mean of x is not there, so the
// entries of `dx` need not sum to 0: a number added to the whole row does change `y`. A factor of
// the row does not, for $epsi = 0$, and so the part of g along z is taken away still.
#include <cmath>

#include "core/ops.hpp"

using namespace taper;

struct RmsNorm final : Op<double> {
    const char* name() const override { return "rms_norm"; }
    const char* formula() const override { return "y = gain x / sqrt(mean(x^2) + epsilon)"; }
    const char* inputs() const override { return "x gain"; }

    Var<double> x, gain;
    double epsilon = 0;

    // 1 / sqrt(q + epsilon)
    double one_over_root(std::size_t row) const {
        double q = 0;
        for (std::size_t i = 0; i < x.shape()[1]; ++i)
            q += x.value()(row, i) * x.value()(row, i) / static_cast<double>(x.shape()[1]);
        return 1 / std::sqrt(q + epsilon);
    }

    // y (n, d) of x_in (n, d) and gain_in (d)
    Var<double> forward(const Var<double>& x_in, const Var<double>& gain_in, double epsilon_in) {
        x = x_in;
        gain = gain_in;
        epsilon = epsilon_in;
        Array<double> y = zeros<double>(x.shape());
        for (std::size_t row = 0; row < x.shape()[0]; ++row) {
            const double r = one_over_root(row);
            for (std::size_t i = 0; i < x.shape()[1]; ++i)
                y(row, i) = gain.value()(i) * x.value()(row, i) * r;
        }
        return y;
    }

    // adds dx (n, d) and dgain (d) of dy (n, d)
    void backward(const Array<double>& dy, Gradients<double>& gradients) override {
        Array<double> dx = zeros<double>(x.shape());
        Array<double> dgain = zeros<double>(gain.shape());
        const double d = static_cast<double>(x.shape()[1]);
        for (std::size_t row = 0; row < x.shape()[0]; ++row) {
            const double r = one_over_root(row);
            double mean_gz = 0;
            for (std::size_t i = 0; i < x.shape()[1]; ++i) {
                const double z = x.value()(row, i) * r;
                const double g = dy(row, i) * gain.value()(i);
                mean_gz += g * z / d;
                dgain(i) += dy(row, i) * z;
            }
            for (std::size_t i = 0; i < x.shape()[1]; ++i) {
                const double z = x.value()(row, i) * r;
                const double g = dy(row, i) * gain.value()(i);
                dx(row, i) = r * (g - z * mean_gz);
            }
        }
        gradients.add(x, dx);
        gradients.add(gain, dgain);
    }
};

Var<double> rms_norm(const Var<double>& x, const Var<double>& gain, double epsilon) {
    return apply<RmsNorm>(here(), x, gain, epsilon);
}
