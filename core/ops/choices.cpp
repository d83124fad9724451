// Elementwise ops that choose by a comparison or by a mask. Where a comparison meets NaN, y is NaN
// and so are the gradients, so that a broken run shows.
#include <limits>

#include "core/kernels/arithmetic.hpp"
#include "core/kernels/map.hpp"
#include "core/ops.hpp"

namespace taper {

// The share of x in the gradient of max(x, y): 1 where x > y, 1/2 where they are equal, 0 where
// x < y, NaN where one is NaN.
template <class T> static T share_of_larger(T x, T y) {
    if (x == y) return T(0.5);
    if (x > y) return T(1);
    if (x < y) return T(0);
    return std::numeric_limits<T>::quiet_NaN();
}

// dx += dy share,  dz += dy (1 - share)
template <class T>
static void add_shares(Gradients<T>& gradients, const Array<T>& dy, const Array<T>& share,
                       const Place<T>& x, const Place<T>& z) {
    const auto times_rest = [](auto g, auto s) { return g * (1 - s); };
    if (gradients.wants(x)) gradients.add(x, sum_to(map(times, dy, share), x.shape));
    if (gradients.wants(z)) gradients.add(z, sum_to(map(times_rest, dy, share), z.shape));
}

template <class T> struct Maximum final : Op<T> {
    const char* formula() const override {
        return R"(y = max(a, b)
  backward  da = dy s   db = dy (1 - s)
            s = 1 where a > b, 1/2 where a = b, 0 where a < b, else NaN)";
    }
    const char* inputs() const override { return "a b"; }

    Var<T> a, b;
    const char* name() const override { return "maximum"; }

    Var<T> forward(const Var<T>& left, const Var<T>& right) {
        a = left;
        b = right;
        const auto choice = [](T x, T y) { return x > y || std::isnan(x) ? x : y; };
        return zip(choice, name(), a.value(), b.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const Array<T> s = zip(share_of_larger<T>, name(), a.value(), b.value());
        add_shares(gradients, dy, s, a, b);
    }
};
template <class T> Var<T> maximum(const Var<T>& a, const Same<T>& b, Source source) {
    return apply<Maximum<T>>(source, a, b);
}

template <class T> struct Minimum final : Op<T> {
    const char* formula() const override {
        return R"(y = min(a, b)
  backward  da = dy (1 - s)   db = dy s
            s = 1 where a > b, 1/2 where a = b, 0 where a < b, else NaN)";
    }
    const char* inputs() const override { return "a b"; }

    Var<T> a, b;
    const char* name() const override { return "minimum"; }

    Var<T> forward(const Var<T>& left, const Var<T>& right) {
        a = left;
        b = right;
        const auto choice = [](T x, T y) { return x < y || std::isnan(x) ? x : y; };
        return zip(choice, name(), a.value(), b.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const Array<T> s = zip(share_of_larger<T>, name(), a.value(), b.value());
        add_shares(gradients, dy, s, b, a);
    }
};
template <class T> Var<T> minimum(const Var<T>& a, const Same<T>& b, Source source) {
    return apply<Minimum<T>>(source, a, b);
}

template <class T> struct Clamp final : Op<T> {
    const char* formula() const override {
        return R"(y = low where x < low, high where x > high, else x
  backward  dx = dy where low <= x <= high, 0 outside, NaN where x is)";
    }
    const char* inputs() const override { return "x"; }

    Var<T> x;
    T low, high;
    const char* name() const override { return "clamp"; }

    Var<T> forward(const Var<T>& input, T least, T most) {
        x = input;
        low = least;
        high = most;
        if (!(low <= high))
            shape_error(name(), "low must be at most high", {{"x", x.shape()}},
                        "low " + shortest(low) + ", high " + shortest(high));
        const auto clamped = [l = low, h = high](T v) {
            if (v < l) return l;
            return v > h ? h : v;
        };
        return map(clamped, x.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const auto slope = [l = low, h = high](T g, T v) {
            if (std::isnan(v)) return v;
            return v < l || v > h ? T(0) : g;
        };
        gradients.add(x, map(slope, dy, x.value()));
    }
};
template <class T> Var<T> clamp(const Var<T>& x, double low, double high, Source source) {
    return apply<Clamp<T>>(source, x, static_cast<T>(low), static_cast<T>(high));
}

template <class T> struct Abs final : Op<T> {
    const char* formula() const override {
        return R"(y = |x|
  backward  dx = dy where x > 0, -dy where x < 0, 0 at 0, NaN where x is)";
    }
    const char* inputs() const override { return "x"; }

    Var<T> x;
    const char* name() const override { return "abs"; }

    Var<T> forward(const Var<T>& input) {
        x = input;
        return map([](auto v) { return xsimd::abs(v); }, x.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const auto slope = [](auto g, auto v) {
            const auto zero_or_nan = v * T(0);
            return xsimd::select(v > T(0), g, xsimd::select(v < T(0), -g, zero_or_nan));
        };
        gradients.add(x, map(slope, dy, x.value()));
    }
};
template <class T> Var<T> abs(const Var<T>& x, Source source) { return apply<Abs<T>>(source, x); }

template <class T> struct Select final : Op<T> {
    const char* formula() const override {
        return R"(y = mask ? a : b                                 mask, a, b broadcast to one shape
  backward  da = mask ? dy : 0       db = mask ? 0 : dy
            by choosing, never by multiplying: 0 NaN is NaN)";
    }
    const char* inputs() const override { return "a b"; }

    Mask mask;  // of y's shape
    Place<T> a, b;
    const char* name() const override { return "select"; }

    Var<T> forward(const Mask& condition, const Var<T>& left, const Var<T>& right) {
        a = left;
        b = right;
        const Shape both = broadcast_shape(name(), {"a", left.shape()}, {"b", right.shape()});
        const Shape shape = broadcast_shape(name(), {"mask", condition.shape()}, {"a and b", both});
        mask = expand(condition, shape);
        return choose(expand(left.value(), mask.shape()), expand(right.value(), mask.shape()));
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const Array<T> zero = zeros<T>(dy.shape());
        if (gradients.wants(a)) gradients.add(a, sum_to(choose(dy, zero), a.shape));
        if (gradients.wants(b)) gradients.add(b, sum_to(choose(zero, dy), b.shape));
    }

  private:
    Array<T> choose(const Array<T>& left, const Array<T>& right) const {
        auto y = empty<T>(mask.shape());
        for (std::size_t i = 0; i < y.size(); ++i)
            y.data()[i] = mask.data()[i] ? left.data()[i] : right.data()[i];
        return y;
    }
};
template <class T>
Var<T> select(const Mask& mask, const Var<T>& a, const Same<T>& b, Source source) {
    return apply<Select<T>>(source, mask, a, b);
}

#define TAPER_INSTANTIATE(T)                                        \
    template Var<T> maximum(const Var<T>&, const Same<T>&, Source); \
    template Var<T> minimum(const Var<T>&, const Same<T>&, Source); \
    template Var<T> clamp(const Var<T>&, double, double, Source);   \
    template Var<T> abs(const Var<T>&, Source);                     \
    template Var<T> select(const Mask&, const Var<T>&, const Same<T>&, Source);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
