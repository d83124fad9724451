// The model answer to exercise 16a, LayerNorm backwards
//
// With $u_i = x_i - m$ and $r = 1 / sqrt(v + epsi)$ the row is $z_i = u_i r$. From the end:
//
//     d"bias"_i = sum_"rows" dy_i
//     d"gain"_i = sum_"rows" dy_i z_i
//     g_i = dy_i "gain"_i
//
// where $g_i$ is the gradient of $z_i$. All $z_i$ contain the same r, and r comes of v:
//
//     dv = -1/2 r^3 sum_i g_i u_i
//
// Each $u_i$ has two paths, straight into $z_i$ and through v, and $u_i r = z_i$:
//
//     du_i = r g_i + 2/d u_i dv = r (g_i - z_i 1/d sum_j g_j z_j)
//
// Last the mean. Each $x_i$ is in its own $u_i$ with the factor 1, and in every one with -1/d:
//
//     dx_i = du_i - 1/d sum_j du_j = r (g_i - 1/d sum_j g_j - z_i 1/d sum_j g_j z_j)
//
// since the sum of z is 0. The entries of a row of `dx` sum to 0, because a number that is added to
// the whole row of `x` changes nothing in `y`.
#include <cmath>

#include "core/array/array.hpp"

using namespace taper;

struct LayerNormGradients {
    Array<double> dx, dgain, dbias;
};

LayerNormGradients layer_norm_gradients(const Array<double>& x, const Array<double>& gain,
                                        double epsilon, const Array<double>& dy) {
    LayerNormGradients d = {zeros<double>(x.shape()), zeros<double>(gain.shape()),
                            zeros<double>(gain.shape())};
    const std::size_t columns = x.shape(1);
    const double count = static_cast<double>(columns);
    for (std::size_t row = 0; row < x.shape(0); ++row) {
        double m = 0, v = 0;
        for (std::size_t i = 0; i < columns; ++i) m += x(row, i) / count;
        for (std::size_t i = 0; i < columns; ++i) v += (x(row, i) - m) * (x(row, i) - m) / count;
        const double r = 1 / std::sqrt(v + epsilon);
        double mean_g = 0, mean_gz = 0;
        for (std::size_t i = 0; i < columns; ++i) {
            const double z = (x(row, i) - m) * r;
            const double g = dy(row, i) * gain(i);
            mean_g += g / count;
            mean_gz += g * z / count;
            d.dgain(i) += dy(row, i) * z;
            d.dbias(i) += dy(row, i);
        }
        for (std::size_t i = 0; i < columns; ++i) {
            const double z = (x(row, i) - m) * r;
            const double g = dy(row, i) * gain(i);
            d.dx(row, i) = r * (g - mean_g - z * mean_gz);
        }
    }
    return d;
}
