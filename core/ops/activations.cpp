// Activations: the functions of one input that stand between layers. The formula is a lambda over
// SIMD batches (core/kernels/map.hpp).
#include <numbers>

#include "core/kernels/map.hpp"
#include "core/ops.hpp"
#include "core/ops/normal.hpp"

namespace taper {

template <class T> struct Relu final : Op<T> {
    const char* formula() const override {
        return R"(y = max(x, 0)                            NaN stays NaN, so that a broken run shows
  backward  dx = dy where x > 0, else 0; NaN where x is           y tells as well as x)";
    }
    const char* inputs() const override { return "x"; }

    Place<T> x;
    Var<T> y;
    const char* name() const override { return "relu"; }

    Var<T> forward(const Var<T>& input) {
        x = input;
        const auto f = [](auto v) { return xsimd::select(v < T(0), decltype(v)(T(0)), v); };
        y = map(f, input.value());
        return y;
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const auto slope = [](auto g, auto v) {
            const auto zero_or_nan = v * T(0);
            return xsimd::select(v > T(0), g, zero_or_nan);
        };
        gradients.add(x, map(slope, dy, y.value()));
    }
};
template <class T> Var<T> relu(const Var<T>& x, Source source) { return apply<Relu<T>>(source, x); }

template <class T> struct Sigmoid final : Op<T> {
    const char* formula() const override {
        return R"(y = 1 / (1 + e^-x)
  backward  dx = dy e / (1 + e)^2,  e = e^-|x|         y (1 - y) of a y near 1 has no digits left)";
    }
    const char* inputs() const override { return "x"; }

    Var<T> x;
    const char* name() const override { return "sigmoid"; }

    Var<T> forward(const Var<T>& input) {
        x = input;
        return map([](auto v) { return 1 / (1 + xsimd::exp(-v)); }, x.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const auto slope = [](auto g, auto v) {
            const auto e = xsimd::exp(-xsimd::abs(v));
            return g * (e / ((1 + e) * (1 + e)));
        };
        gradients.add(x, map(slope, dy, x.value()));
    }
};
template <class T> Var<T> sigmoid(const Var<T>& x, Source source) {
    return apply<Sigmoid<T>>(source, x);
}

template <class T> struct Softplus final : Op<T> {
    const char* formula() const override {
        return R"(y = ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|)                no overflow
  backward  dx = dy / (1 + e^-x))";
    }
    const char* inputs() const override { return "x"; }

    Var<T> x;
    const char* name() const override { return "softplus"; }

    Var<T> forward(const Var<T>& input) {
        x = input;
        const auto f = [](auto v) {
            const auto positive = xsimd::select(v < T(0), decltype(v)(T(0)), v);
            return positive + xsimd::log1p(xsimd::exp(-xsimd::abs(v)));
        };
        return map(f, x.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const auto slope = [](auto g, auto v) { return g / (1 + xsimd::exp(-v)); };
        gradients.add(x, map(slope, dy, x.value()));
    }
};
template <class T> Var<T> softplus(const Var<T>& x, Source source) {
    return apply<Softplus<T>>(source, x);
}

// Hendrycks and Gimpel 2016; not their tanh approximation.
template <class T> Var<T> composed::gelu(const Var<T>& x) {
    return T(0.5) * x * (T(1) + taper::erf(x * T(std::numbers::sqrt2 / 2)));
}

template <class T> struct Gelu final : Op<T> {
    const char* formula() const override {
        return R"(y = x Phi(x),  Phi(x) = (1 + erf(x / sqrt 2)) / 2
  backward  dx = dy (Phi(x) + x phi(x)),  phi(x) = e^(-x^2 / 2) / sqrt(2 pi))";
    }
    const char* inputs() const override { return "x"; }

    Var<T> x;
    const char* name() const override { return "gelu"; }

    Var<T> forward(const Var<T>& input) {
        x = input;
        return map([](auto v) { return v * normal_cdf(v); }, x.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const auto slope = [](auto g, auto v) { return g * gelu_slope(v); };
        gradients.add(x, map(slope, dy, x.value()));
    }
};
template <class T> Var<T> gelu(const Var<T>& x, Source source) { return apply<Gelu<T>>(source, x); }

#define TAPER_INSTANTIATE(T)                         \
    template Var<T> relu(const Var<T>&, Source);     \
    template Var<T> sigmoid(const Var<T>&, Source);  \
    template Var<T> softplus(const Var<T>&, Source); \
    template Var<T> gelu(const Var<T>&, Source);     \
    template Var<T> composed::gelu(const Var<T>&);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
