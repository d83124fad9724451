// softmax and log_softmax: the compositions, and the fused ops, one pass over each row.
#include <numeric>

#include "core/kernels/map.hpp"
#include "core/ops.hpp"

namespace taper {

// ---- The compositions. The largest entry is subtracted so that exp cannot overflow; it is a
// constant, since the result does not depend on it. Of no entries there is no largest.
template <class T> static Var<T> at_most_0(const Var<T>& x, int axis) {
    return x.value().size() == 0 ? x : x - max(x, {axis}, KeepDims::yes).detach();
}
template <class T> Var<T> composed::softmax(const Var<T>& x, int axis) {
    const Var<T> e = exp(at_most_0(x, axis));
    return e / sum(e, {axis}, KeepDims::yes);
}
template <class T> Var<T> composed::log_softmax(const Var<T>& x, int axis) {
    const Var<T> z = at_most_0(x, axis);
    return z - log(sum(exp(z), {axis}, KeepDims::yes));
}

constexpr auto identity = [](auto v) { return v; };

// Rows of n entries; body(first entry of the row).
template <class F> static void for_each_row(std::size_t size, std::size_t n, F body) {
    if (size == 0) return;
    parallel_for(size / n, 1 + elementwise_chunk / n, [&](std::size_t begin, std::size_t end) {
        for (std::size_t row = begin; row < end; ++row) body(row * n);
    });
}

template <class T> struct Softmax final : Op<T> {
    const char* formula() const override {
        return R"(y = softmax(x) over the last axis                            x, y (..., n)
  forward   1. m = max_j x_j    2. y_i = e^(x_i - m)    3. y_i /= sum_j y_j
  backward  dx_i = y_i (dy_i - sum_j y_j dy_j)                    needs y, not x)";
    }

    Place<T> x;
    Var<T> y;
    const char* name() const override { return "softmax"; }

    Var<T> forward(const Var<T>& input) {
        x = input;
        auto out = empty<T>(x.shape);
        const std::size_t n = x.shape.back();
        for_each_row(out.size(), n, [&](std::size_t row) {
            const T* in = input.value().data() + row;
            T* to = out.data() + row;
            const auto exp_of = [m = max_row(n, in)](auto v) { return xsimd::exp(v - m); };
            map_row(to, n, exp_of, in);
            const auto normalised = [inverse = 1 / sum_row(n, identity, to)](auto v) {
                return v * inverse;
            };
            map_row(to, n, normalised, to);
        });
        return y = std::move(out);
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        auto dx = empty<T>(x.shape);
        const std::size_t n = x.shape.back();
        for_each_row(dx.size(), n, [&](std::size_t row) {
            const T *p = y.value().data() + row, *g = dy.data() + row;
            const auto times = [](auto y_i, auto dy_i) { return y_i * dy_i; };
            const auto slope = [inner = sum_row(n, times, p, g)](auto y_i, auto dy_i) {
                return y_i * (dy_i - inner);
            };
            map_row(dx.data() + row, n, slope, p, g);
        });
        gradients.add(x, std::move(dx));
    }
};

template <class T> struct LogSoftmax final : Op<T> {
    const char* formula() const override {
        return R"(y = log softmax(x) over the last axis                        x, y (..., n)
  forward   1. m = max_j x_j    2. l = ln sum_j e^(x_j - m)    3. y_i = x_i - m - l
  backward  dx_i = dy_i - e^(y_i) sum_j dy_j                      needs y, not x)";
    }

    Place<T> x;
    Var<T> y;
    const char* name() const override { return "log_softmax"; }

    Var<T> forward(const Var<T>& input) {
        x = input;
        auto out = empty<T>(x.shape);
        const std::size_t n = x.shape.back();
        for_each_row(out.size(), n, [&](std::size_t row) {
            const T* in = input.value().data() + row;
            const T m = max_row(n, in);
            const auto exp_of = [m](auto v) { return xsimd::exp(v - m); };
            const auto log_p = [m, log_sum = std::log(sum_row(n, exp_of, in))](auto v) {
                return v - m - log_sum;
            };
            map_row(out.data() + row, n, log_p, in);
        });
        return y = std::move(out);
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        auto dx = empty<T>(x.shape);
        const std::size_t n = x.shape.back();
        for_each_row(dx.size(), n, [&](std::size_t row) {
            const T *log_p = y.value().data() + row, *g = dy.data() + row;
            const T total = sum_row(n, identity, g);
            const auto slope = [total](auto y_i, auto dy_i) {
                return dy_i - xsimd::exp(y_i) * total;
            };
            map_row(dx.data() + row, n, slope, log_p, g);
        });
        gradients.add(x, std::move(dx));
    }
};

// O along any axis: it is moved to the end and back.
template <class O, class T>
static Var<T> along(const char* op, const Var<T>& x, int axis, Source at) {
    const std::size_t i = explained<T>(at, {x}, [&] {
        return axis_index(op, axis, {"x", x.shape()});
    });
    const std::size_t last = x.shape().size() - 1;
    if (i == last) return apply<O>(at, x);
    std::vector<int> swapped(x.shape().size());
    std::iota(swapped.begin(), swapped.end(), 0);
    std::swap(swapped[i], swapped[last]);
    return transpose(apply<O>(at, transpose(x, swapped, at)), swapped, at);
}
template <class T> Var<T> softmax(const Var<T>& x, int axis, Source at) {
    return along<Softmax<T>>("softmax", x, axis, at);
}
template <class T> Var<T> log_softmax(const Var<T>& x, int axis, Source at) {
    return along<LogSoftmax<T>>("log_softmax", x, axis, at);
}

#define TAPER_INSTANTIATE(T)                                   \
    template Var<T> composed::softmax(const Var<T>&, int);     \
    template Var<T> composed::log_softmax(const Var<T>&, int); \
    template Var<T> softmax(const Var<T>&, int, Source);       \
    template Var<T> log_softmax(const Var<T>&, int, Source);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
