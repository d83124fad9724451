// Elementwise functions of one input. The formula is a lambda over SIMD batches
// (core/kernels/map.hpp).
#include <limits>
#include <numbers>

#include "core/kernels/arithmetic.hpp"
#include "core/kernels/map.hpp"
#include "core/ops.hpp"
#include "core/ops/normal.hpp"

namespace taper {

// e^x. xsimd's is infinite already in the last few tenths of the range. There e^x is computed as
// the square of e^(x / 2).
template <class V> static V exp_of(V x) {
    using T = typename V::value_type;
    constexpr T edge = sizeof(T) == 4 ? T(88) : T(709);
    if (!xsimd::any(x > edge)) return xsimd::exp(x);
    const V half = xsimd::exp(x * T(0.5));
    return xsimd::select(x > edge, half * half, xsimd::exp(x));
}

// ln x. xsimd's is wrong below the smallest normal number. There ln x is computed as
// ln(2^60 x) - 60 ln 2.
template <class V> static V log_of(V x) {
    using T = typename V::value_type;
    constexpr T smallest = std::numeric_limits<T>::min();
    constexpr T scale = T(0x1p60);
    const auto tiny = x > T(0) && x < smallest;
    if (!xsimd::any(tiny)) return xsimd::log(x);
    return xsimd::select(tiny, xsimd::log(x * scale) - T(60 * std::numbers::ln2), xsimd::log(x));
}

// e^x - 1. xsimd's is infinite too early, as its e^x is.
template <class V> static V expm1_of(V x) {
    using T = typename V::value_type;
    return xsimd::select(x > T(1), exp_of(x) - 1, xsimd::expm1(x));
}

template <class T> struct Exp final : Op<T> {
    const char* formula() const override {
        return R"(y = e^x
  backward  dx = dy y                                             needs y, not x)";
    }
    const char* inputs() const override { return "x"; }

    Place<T> x;
    Var<T> y;
    const char* name() const override { return "exp"; }

    Var<T> forward(const Var<T>& input) {
        x = input;
        y = map([](auto v) { return exp_of(v); }, input.value());
        return y;
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        gradients.add(x, map(times, dy, y.value()));
    }
};
template <class T> Var<T> exp(const Var<T>& x, Source source) { return apply<Exp<T>>(source, x); }

template <class T> struct Log final : Op<T> {
    const char* formula() const override {
        return R"(y = ln x
  backward  dx = dy / x)";
    }
    const char* inputs() const override { return "x"; }

    Var<T> x;
    const char* name() const override { return "log"; }

    Var<T> forward(const Var<T>& input) {
        x = input;
        return map([](auto v) { return log_of(v); }, x.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        gradients.add(x, map([](auto g, auto v) { return g / v; }, dy, x.value()));
    }
};
template <class T> Var<T> log(const Var<T>& x, Source source) { return apply<Log<T>>(source, x); }

template <class T> struct Sqrt final : Op<T> {
    const char* formula() const override {
        return R"(y = sqrt x
  backward  dx = dy / (2 y)                                       needs y, not x)";
    }
    const char* inputs() const override { return "x"; }

    Place<T> x;
    Var<T> y;
    const char* name() const override { return "sqrt"; }

    Var<T> forward(const Var<T>& input) {
        x = input;
        y = map([](auto v) { return xsimd::sqrt(v); }, input.value());
        return y;
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        gradients.add(x, map([](auto g, auto v) { return g / (v + v); }, dy, y.value()));
    }
};
template <class T> Var<T> sqrt(const Var<T>& x, Source source) { return apply<Sqrt<T>>(source, x); }

template <class T> struct Tanh final : Op<T> {
    const char* formula() const override {
        return R"(y = tanh x
  backward  dx = dy 4 e / (1 + e)^2,  e = e^(-2|x|)      1 - y^2 of a y near 1 has no digits left)";
    }
    const char* inputs() const override { return "x"; }

    Var<T> x;
    const char* name() const override { return "tanh"; }

    Var<T> forward(const Var<T>& input) {
        x = input;
        return map([](auto v) { return xsimd::tanh(v); }, x.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const auto slope = [](auto g, auto v) {
            const auto e = xsimd::exp(T(-2) * xsimd::abs(v));
            return g * (4 * e / ((1 + e) * (1 + e)));
        };
        gradients.add(x, map(slope, dy, x.value()));
    }
};
template <class T> Var<T> tanh(const Var<T>& x, Source source) { return apply<Tanh<T>>(source, x); }

template <class T> struct Erf final : Op<T> {
    const char* formula() const override {
        return R"(y = erf x
  backward  dx = dy 2 / sqrt(pi) e^(-x^2))";
    }
    const char* inputs() const override { return "x"; }

    Var<T> x;
    const char* name() const override { return "erf"; }
    static constexpr T slope_at_0 = T(2 * std::numbers::inv_sqrtpi);

    Var<T> forward(const Var<T>& input) {
        x = input;
        return map([](auto v) { return erf_of(v); }, x.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const auto slope = [](auto g, auto v) { return g * slope_at_0 * xsimd::exp(-v * v); };
        gradients.add(x, map(slope, dy, x.value()));
    }
};
template <class T> Var<T> erf(const Var<T>& x, Source source) { return apply<Erf<T>>(source, x); }

template <class T> struct Sin final : Op<T> {
    const char* formula() const override {
        return R"(y = sin x
  backward  dx = dy cos x)";
    }
    const char* inputs() const override { return "x"; }

    Var<T> x;
    const char* name() const override { return "sin"; }

    Var<T> forward(const Var<T>& input) {
        x = input;
        return map([](auto v) { return xsimd::sin(v); }, x.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        gradients.add(x, map([](auto g, auto v) { return g * xsimd::cos(v); }, dy, x.value()));
    }
};
template <class T> Var<T> sin(const Var<T>& x, Source source) { return apply<Sin<T>>(source, x); }

template <class T> struct Cos final : Op<T> {
    const char* formula() const override {
        return R"(y = cos x
  backward  dx = -dy sin x)";
    }
    const char* inputs() const override { return "x"; }

    Var<T> x;
    const char* name() const override { return "cos"; }

    Var<T> forward(const Var<T>& input) {
        x = input;
        return map([](auto v) { return xsimd::cos(v); }, x.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        gradients.add(x, map([](auto g, auto v) { return -g * xsimd::sin(v); }, dy, x.value()));
    }
};
template <class T> Var<T> cos(const Var<T>& x, Source source) { return apply<Cos<T>>(source, x); }

template <class T> struct Log1p final : Op<T> {
    const char* formula() const override {
        return R"(y = ln(1 + x)
  backward  dx = dy / (1 + x))";
    }
    const char* inputs() const override { return "x"; }

    Var<T> x;
    const char* name() const override { return "log1p"; }

    Var<T> forward(const Var<T>& input) {
        x = input;
        return map([](auto v) { return xsimd::log1p(v); }, x.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        gradients.add(x, map([](auto g, auto v) { return g / (1 + v); }, dy, x.value()));
    }
};
template <class T> Var<T> log1p(const Var<T>& x, Source source) {
    return apply<Log1p<T>>(source, x);
}

template <class T> struct Expm1 final : Op<T> {
    const char* formula() const override {
        return R"(y = e^x - 1
  backward  dx = dy e^x                                   y + 1 of a y near -1 has no digits left)";
    }
    const char* inputs() const override { return "x"; }

    Var<T> x;
    const char* name() const override { return "expm1"; }

    Var<T> forward(const Var<T>& input) {
        x = input;
        return map([](auto v) { return expm1_of(v); }, x.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        gradients.add(x, map([](auto g, auto v) { return g * exp_of(v); }, dy, x.value()));
    }
};
template <class T> Var<T> expm1(const Var<T>& x, Source source) {
    return apply<Expm1<T>>(source, x);
}

#define TAPER_INSTANTIATE(T)                      \
    template Var<T> exp(const Var<T>&, Source);   \
    template Var<T> log(const Var<T>&, Source);   \
    template Var<T> sqrt(const Var<T>&, Source);  \
    template Var<T> tanh(const Var<T>&, Source);  \
    template Var<T> erf(const Var<T>&, Source);   \
    template Var<T> sin(const Var<T>&, Source);   \
    template Var<T> cos(const Var<T>&, Source);   \
    template Var<T> log1p(const Var<T>&, Source); \
    template Var<T> expm1(const Var<T>&, Source);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
