// Layer normalisation: the composition, and the fused op, a few passes over each row.
#include "core/kernels/arithmetic.hpp"
#include "core/kernels/map.hpp"
#include "core/ops.hpp"

namespace taper {

template <class T>
Var<T> composed::layer_norm(const Var<T>& x, const Var<T>& gain, const Var<T>& bias, double eps) {
    if (x.value().size() == 0) return gain * x + bias;  // without entries there is no mean
    const Var<T> centred = x - mean(x, {-1}, KeepDims::yes);
    const Var<T> variance = mean(centred * centred, {-1}, KeepDims::yes);
    return gain * (centred / sqrt(variance + T(eps))) + bias;
}

template <class T> struct LayerNorm final : Op<T> {
    const char* formula() const override {
        return R"(y = gain z + bias,  z = (x - mean) r,  r = 1 / sqrt(variance + eps)
            x, y, z (..., d); gain, bias (d)
  forward   1. mean, of x - x_0: around 1e6 a sum of x itself has no digit left for it
            2. variance, of the centred x: E[x^2] - mean^2 would lose all digits    3. y
  backward  3. g = dy gain    dgain = sum of dy z over rows    dbias = sum of dy over rows
            2, 1. dx = r (g - mean(g) - z mean(g z))
            needs x, gain, mean and r of each row, not y)";
    }
    const char* inputs() const override { return "x gain bias"; }

    // Rows whose dgain and dbias one task sums.
    static constexpr std::size_t strip = 256;

    Var<T> x, gain;
    Place<T> bias;
    Array<T> means, r;  // (rows); `means` are those of x - x_0
    const char* name() const override { return "layer_norm"; }

    void check(double eps) const {
        if (x.shape().empty())
            shape_error(name(), "x must have an axis to normalise over", {{"x", x.shape()}});
        if (!(static_cast<T>(eps) > 0 && std::isfinite(static_cast<T>(eps))))
            shape_error(name(), "eps must be above 0 and finite", {{"x", x.shape()}},
                        shortest(eps));
        const std::size_t d = x.shape().back();
        if (gain.shape() != Shape{d} || bias.shape != Shape{d})
            shape_error(name(), "gain and bias must be of the last axis of x",
                        {{"x", x.shape()}, {"gain", gain.shape()}, {"bias", bias.shape}});
    }

    Var<T> forward(const Var<T>& input, const Var<T>& scale, const Var<T>& shift, double eps) {
        x = input;
        gain = scale;
        bias = shift;
        check(eps);
        const std::size_t d = x.shape().back();
        const std::size_t rows = d ? x.value().size() / d : 0;
        means = empty<T>({rows});
        r = empty<T>({rows});
        auto y = empty<T>(x.shape());
        const std::size_t chunk = 1 + elementwise_chunk / (d + 1);
        parallel_for(rows, chunk, [&](std::size_t begin, std::size_t end) {
            for (std::size_t row = begin; row < end; ++row) {
                const T* const x_row = x.value().data() + row * d;
                const T x_0 = x_row[0];
                const T N = static_cast<T>(d);
                const auto shifted = [=](auto v) { return v - x_0; };
                const T mean = sum_row(d, shifted, x_row) / N;  // 1, of x - x_0
                const auto square = [=](auto v) {
                    return (shifted(v) - mean) * (shifted(v) - mean);
                };
                const T variance = sum_row(d, square, x_row) / N;  // 2
                const T r_row = 1 / std::sqrt(variance + static_cast<T>(eps));
                const auto normalised = [=](auto v, auto g, auto b) {
                    return (shifted(v) - mean) * r_row * g + b;
                };
                T* const y_row = y.data() + row * d;
                const T* const gains = gain.value().data();
                map_row(y_row, d, normalised, x_row, gains, shift.value().data());  // 3
                means.data()[row] = mean;
                r.data()[row] = r_row;
            }
        });
        return y;
    }

    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const std::size_t d = x.shape().back();
        const std::size_t rows = means.size();
        const std::size_t strips = ceil_quotient(rows, strip);
        const bool wants_x = gradients.wants(x);
        const bool wants_gain = gradients.wants(gain);
        const bool wants_bias = gradients.wants(bias);
        auto dx = empty<T>(wants_x ? x.shape() : Shape{0});
        // dgain and dbias are sums over all rows. A strip of rows is one thread's, and has a row of
        // its own here; sum_to adds these in one order, whatever the threads.
        auto dgain = zeros<T>({wants_gain ? strips : 0, d});
        auto dbias = zeros<T>({wants_bias ? strips : 0, d});
        parallel_for(rows, strip, [&](std::size_t begin, std::size_t end) {
            Array<T> z = empty<T>({d});
            Array<T> g = empty<T>({d});
            T* const dgain_row = wants_gain ? dgain.data() + begin / strip * d : nullptr;
            T* const dbias_row = wants_bias ? dbias.data() + begin / strip * d : nullptr;
            const auto plus_product = [](auto sum, auto u, auto v) { return sum + u * v; };
            for (std::size_t row = begin; row < end; ++row) {
                const T* const x_row = x.value().data() + row * d;
                const T* const dy_row = dy.data() + row * d;
                const T x_0 = x_row[0];
                const T mean = means.data()[row];
                const T r_row = r.data()[row];
                const T N = static_cast<T>(d);
                const auto normalised = [=](auto v) { return (v - x_0 - mean) * r_row; };
                map_row(z.data(), d, normalised, x_row);  // z of forward again
                if (wants_x) {
                    map_row(g.data(), d, times, dy_row, gain.value().data());  // 3
                    const T mean_g = sum_row(d, identity, g.data()) / N;
                    const T mean_gz = sum_row(d, times, g.data(), z.data()) / N;
                    const auto slope = [=](auto g_i, auto z_i) {
                        return r_row * (g_i - mean_g - z_i * mean_gz);
                    };
                    map_row(dx.data() + row * d, d, slope, g.data(), z.data());  // 2, 1
                }
                // 3
                if (wants_gain) map_row(dgain_row, d, plus_product, dgain_row, dy_row, z.data());
                if (wants_bias) map_row(dbias_row, d, plus, dbias_row, dy_row);
            }
        });
        if (wants_x) gradients.add(x, std::move(dx));
        if (wants_gain) gradients.add(gain, sum_to(dgain, gain.shape()));
        if (wants_bias) gradients.add(bias, sum_to(dbias, bias.shape));
    }
};
template <class T>
Var<T> layer_norm(const Var<T>& x, const Var<T>& gain, const Var<T>& bias, double eps,
                  Source source) {
    return apply<LayerNorm<T>>(source, x, gain, bias, eps);
}

#define TAPER_INSTANTIATE(T)                                                                   \
    template Var<T> composed::layer_norm(const Var<T>&, const Var<T>&, const Var<T>&, double); \
    template Var<T> layer_norm(const Var<T>&, const Var<T>&, const Var<T>&, double, Source);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
