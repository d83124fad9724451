// Elementwise arithmetic. The formula is a lambda over SIMD batches (core/kernels/map.hpp). A
// gradient with respect to an input that was broadcast is summed over the axes along which it was
// repeated: sum_to.
#include <limits>

#include "core/kernels/arithmetic.hpp"
#include "core/kernels/map.hpp"
#include "core/ops.hpp"
#include "core/ops/kept.hpp"

namespace taper {

template <class T> struct Add final : Op<T> {
    const char* formula() const override {
        return R"(y = a + b
  backward  da = dy                  db = dy                              needs the shapes only)";
    }
    const char* inputs() const override { return "a b"; }

    Place<T> a, b;
    const char* name() const override { return "add"; }

    Var<T> forward(const Var<T>& left, const Var<T>& right) {
        a = left;
        b = right;
        return zip(plus, name(), left.value(), right.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        for (const Place<T>* x : {&a, &b}) {
            if (x->shape == dy.shape()) gradients.add_dy(*x);
            else if (gradients.wants(*x)) gradients.add(*x, sum_to(dy, x->shape));
        }
    }
};
template <class T> Var<T> add(const Var<T>& a, const Same<T>& b, Source source) {
    return apply<Add<T>>(source, a, b);
}

template <class T> struct Sub final : Op<T> {
    const char* formula() const override {
        return R"(y = a - b
  backward  da = dy                  db = -dy                             needs the shapes only)";
    }
    const char* inputs() const override { return "a b"; }

    Place<T> a, b;
    const char* name() const override { return "sub"; }

    Var<T> forward(const Var<T>& left, const Var<T>& right) {
        a = left;
        b = right;
        return zip([](auto x, auto y) { return x - y; }, name(), left.value(), right.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        if (gradients.wants(a)) gradients.add(a, sum_to(dy, a.shape));
        const auto negative = [](auto g) { return -g; };
        if (gradients.wants(b)) gradients.add(b, map(negative, sum_to(dy, b.shape)));
    }
};
template <class T> Var<T> sub(const Var<T>& a, const Same<T>& b, Source source) {
    return apply<Sub<T>>(source, a, b);
}

template <class T> struct Mul final : Op<T> {
    const char* formula() const override {
        return R"(y = a b
  backward  da = dy b           db = dy a            keeps a if b wants a gradient, and so with b)";
    }
    const char* inputs() const override { return "a b"; }

    Var<T> a, b;
    const char* name() const override { return "mul"; }

    Var<T> forward(const Var<T>& left, const Var<T>& right) {
        a = kept(left, wants_gradient(right));
        b = kept(right, wants_gradient(left));
        return zip(times, name(), left.value(), right.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        if (gradients.wants(a))
            gradients.add(a, sum_to(zip(times, name(), dy, b.value()), a.shape()));
        if (gradients.wants(b))
            gradients.add(b, sum_to(zip(times, name(), dy, a.value()), b.shape()));
    }
};
template <class T> Var<T> mul(const Var<T>& a, const Same<T>& b, Source source) {
    return apply<Mul<T>>(source, a, b);
}

template <class T> struct Div final : Op<T> {
    const char* formula() const override {
        return R"(y = a / b
  backward  da = dy / b        db = -dy y / b         since y / b = a / b^2; keeps y for db alone)";
    }
    const char* inputs() const override { return "a b"; }

    Place<T> a;
    Var<T> b, y;
    const char* name() const override { return "div"; }

    Var<T> forward(const Var<T>& left, const Var<T>& right) {
        a = left;
        b = right;
        const auto divide = [](auto x, auto z) { return x / z; };
        const Var<T> quotient = zip(divide, name(), left.value(), b.value());
        y = kept(quotient, wants_gradient(b));
        return quotient;
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const auto divide = [](auto g, auto z) { return g / z; };
        const auto minus_times = [](auto q, auto v) { return -q * v; };
        const Array<T> da = zip(divide, name(), dy, b.value());
        if (gradients.wants(a)) gradients.add(a, sum_to(da, a.shape));
        if (gradients.wants(b))
            gradients.add(b, sum_to(map(minus_times, da, y.value()), b.shape()));
    }
};
template <class T> Var<T> div(const Var<T>& a, const Same<T>& b, Source source) {
    return apply<Div<T>>(source, a, b);
}

// x^e for one number e. The exponents that are frequent in formulas take no logarithm. At
// infinities, NaN and zeros of either sign each of them gives the value of std::pow.
template <class T> static Array<T> power(const Array<T>& x, T e) {
    const auto root = [](auto v) {
        const T infinity = std::numeric_limits<T>::infinity();
        return xsimd::select(v == -infinity, decltype(v)(infinity), xsimd::sqrt(v) + T(0));
    };
    if (e == 1) return x;
    if (e == 2) return map([](auto v) { return v * v; }, x);
    if (e == 3) return map([](auto v) { return v * v * v; }, x);
    if (e == -1) return map([](auto v) { return 1 / v; }, x);
    if (e == -2) return map([](auto v) { return 1 / v * (1 / v); }, x);
    if (e == T(0.5)) return map(root, x);
    if (e == T(-0.5)) return map([root](auto v) { return 1 / root(v); }, x);
    return map([e](T v) { return std::pow(v, e); }, x);
}

// a^b, broadcast.
template <class T> static Array<T> power(const Array<T>& a, const Array<T>& b) {
    if (b.size() == 1 && b.dimension() <= a.dimension()) return power(a, *b.data());
    return zip([](T x, T e) { return std::pow(x, e); }, "pow", a, b);
}

template <class T> struct Pow final : Op<T> {
    const char* formula() const override {
        return R"(y = a^b                       a negative base takes whole exponents only, else NaN
  backward  da = dy b a^(b-1)        db = dy y ln a, and 0 at a = 0, b >= 0 (the limit for b > 0)
            keeps y for db alone)";
    }
    const char* inputs() const override { return "a b"; }

    Var<T> a, b, y;
    const char* name() const override { return "pow"; }

    Var<T> forward(const Var<T>& base, const Var<T>& exponent) {
        a = base;
        b = exponent;
        const Var<T> result = power(a.value(), b.value());
        y = kept(result, wants_gradient(b));
        return result;
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        if (gradients.wants(a)) {
            const auto minus_1 = [](auto e) { return e - T(1); };
            // b a^(b-1). With b = 0 it is 0, also where a^(b-1) is infinite.
            const auto slope = [](T p, T e) { return e == 0 ? T(0) : e * p; };
            const Array<T> powers = power(a.value(), map(minus_1, b.value()));
            const Array<T> slopes = zip(slope, name(), powers, b.value());
            gradients.add(a, sum_to(map(times, dy, slopes), a.shape()));
        }
        if (gradients.wants(b)) {
            // y ln a
            const auto slope = [](T v, T x) {
                return x == 0 && std::isfinite(v) ? T(0) : v * std::log(x);
            };
            const Array<T> slopes = zip(slope, name(), y.value(), a.value());
            gradients.add(b, sum_to(map(times, dy, slopes), b.shape()));
        }
    }
};
template <class T> Var<T> pow(const Var<T>& a, const Same<T>& b, Source source) {
    return apply<Pow<T>>(source, a, b);
}

template <class T> struct Neg final : Op<T> {
    const char* formula() const override {
        return R"(y = -x
  backward  dx = -dy                                              needs the shape only)";
    }
    const char* inputs() const override { return "x"; }

    Place<T> x;
    const char* name() const override { return "neg"; }

    Var<T> forward(const Var<T>& input) {
        x = input;
        return map([](auto v) { return -v; }, input.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        gradients.add(x, map([](auto g) { return -g; }, dy));
    }
};
template <class T> Var<T> neg(const Var<T>& x, Source source) { return apply<Neg<T>>(source, x); }

template <class T> struct Square final : Op<T> {
    const char* formula() const override {
        return R"(y = x^2
  backward  dx = dy 2 x)";
    }
    const char* inputs() const override { return "x"; }

    Var<T> x;
    const char* name() const override { return "square"; }

    Var<T> forward(const Var<T>& input) {
        x = input;
        return map([](auto v) { return v * v; }, x.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        gradients.add(x, map([](auto g, auto v) { return g * (v + v); }, dy, x.value()));
    }
};
template <class T> Var<T> square(const Var<T>& x, Source source) {
    return apply<Square<T>>(source, x);
}

#define TAPER_INSTANTIATE(T)                                    \
    template Var<T> add(const Var<T>&, const Same<T>&, Source); \
    template Var<T> sub(const Var<T>&, const Same<T>&, Source); \
    template Var<T> mul(const Var<T>&, const Same<T>&, Source); \
    template Var<T> div(const Var<T>&, const Same<T>&, Source); \
    template Var<T> pow(const Var<T>&, const Same<T>&, Source); \
    template Var<T> neg(const Var<T>&, Source);                 \
    template Var<T> square(const Var<T>&, Source);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
