// softmax and log_softmax: the compositions, and the fused ops, one pass over each row.
#include <cmath>
#include <numeric>

#include "core/kernels/arithmetic.hpp"
#include "core/kernels/map.hpp"
#include "core/ops.hpp"

namespace taper {

// ---- The compositions. The largest entry is subtracted, so that exp cannot overflow. It is a
// constant, since the result does not depend on it. An x without entries has no largest one.
template <class T> static Var<T> minus_largest(const Var<T>& x, int axis) {
    if (x.value().size() == 0) return x;
    return x - max(x, {axis}, KeepDims::yes).detach();
}
template <class T> Var<T> composed::softmax(const Var<T>& x, int axis) {
    const Var<T> e = exp(minus_largest(x, axis));
    return e / sum(e, {axis}, KeepDims::yes);
}
template <class T> Var<T> composed::log_softmax(const Var<T>& x, int axis) {
    const Var<T> z = minus_largest(x, axis);
    return z - log(sum(exp(z), {axis}, KeepDims::yes));
}

// Calls body(begin) for each row of n entries, of `size` entries in all: the row begins at entry
// `begin`.
template <class F> static void for_each_row(std::size_t size, std::size_t n, F body) {
    if (size == 0) return;
    const std::size_t chunk = 1 + elementwise_chunk / n;
    parallel_for(size / n, chunk, [&](std::size_t begin, std::size_t end) {
        for (std::size_t row = begin; row < end; ++row) body(row * n);
    });
}

template <class T> struct Softmax final : Op<T> {
    const char* formula() const override {
        return R"(y = softmax(x) over the last axis                            x, y (..., n)
  forward   1. m = max_j x_j    2. y_i = e^(x_i - m)    3. y_i /= sum_j y_j
  backward  3, 2. dx_i = y_i (dy_i - sum_j y_j dy_j)    1. nothing: y is the same for every m
            needs y, not x)";
    }
    const char* inputs() const override { return "x"; }

    Place<T> x;
    Var<T> y;
    const char* name() const override { return "softmax"; }

    Var<T> forward(const Var<T>& input) {
        x = input;
        auto out = empty<T>(x.shape);
        const std::size_t n = x.shape.back();
        for_each_row(out.size(), n, [&](std::size_t row) {
            const T* const x_row = input.value().data() + row;
            T* const y_row = out.data() + row;
            const T m = max_row(n, x_row);  // 1
            const auto exp_of = [m](auto v) { return xsimd::exp(v - m); };
            map_row(y_row, n, exp_of, x_row);  // 2
            const T inverse = 1 / sum_row(n, identity, y_row);
            scale_row(y_row, n, inverse);  // 3
        });
        y = std::move(out);
        return y;
    }

    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        auto dx = empty<T>(x.shape);
        const std::size_t n = x.shape.back();
        for_each_row(dx.size(), n, [&](std::size_t row) {
            const T* const y_row = y.value().data() + row;
            const T* const dy_row = dy.data() + row;
            const T inner = sum_row(n, times, y_row, dy_row);  // sum_j y_j dy_j
            // 3 takes `inner` away, and the derivative of 2's e^x is e^x: the factor y_i.
            const auto slope = [inner](auto y_i, auto dy_i) { return y_i * (dy_i - inner); };
            map_row(dx.data() + row, n, slope, y_row, dy_row);  // 3, 2
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
    const char* inputs() const override { return "x"; }

    Place<T> x;
    Var<T> y;
    const char* name() const override { return "log_softmax"; }

    Var<T> forward(const Var<T>& input) {
        x = input;
        auto out = empty<T>(x.shape);
        const std::size_t n = x.shape.back();
        for_each_row(out.size(), n, [&](std::size_t row) {
            const T* const x_row = input.value().data() + row;
            const T m = max_row(n, x_row);  // 1
            const auto exp_of = [m](auto v) { return xsimd::exp(v - m); };
            const T l = std::log(sum_row(n, exp_of, x_row));  // 2
            const auto log_p = [m, l](auto v) { return v - m - l; };
            map_row(out.data() + row, n, log_p, x_row);  // 3
        });
        y = std::move(out);
        return y;
    }

    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        auto dx = empty<T>(x.shape);
        const std::size_t n = x.shape.back();
        for_each_row(dx.size(), n, [&](std::size_t row) {
            const T* const y_row = y.value().data() + row;
            const T* const dy_row = dy.data() + row;
            const T total = sum_row(n, identity, dy_row);  // sum_j dy_j
            const auto slope = [total](auto y_i, auto dy_i) {
                return dy_i - xsimd::exp(y_i) * total;
            };
            map_row(dx.data() + row, n, slope, y_row, dy_row);
        });
        gradients.add(x, std::move(dx));
    }
};

// Applies O, an op over the last axis, over any axis, which is moved to the end and back.
template <class O, class T>
static Var<T> apply_over_axis(const char* op, const Var<T>& x, int axis, Source source) {
    const auto checked = [&] { return axis_index(op, axis, {"x", x.shape()}); };
    const std::size_t i = explained<T>(source, {x}, checked);
    const std::size_t last = x.shape().size() - 1;
    if (i == last) return apply<O>(source, x);
    std::vector<int> swapped(x.shape().size());
    std::iota(swapped.begin(), swapped.end(), 0);
    std::swap(swapped[i], swapped[last]);
    return transpose(apply<O>(source, transpose(x, swapped, source)), swapped, source);
}
template <class T> Var<T> softmax(const Var<T>& x, int axis, Source source) {
    return apply_over_axis<Softmax<T>>("softmax", x, axis, source);
}
template <class T> Var<T> log_softmax(const Var<T>& x, int axis, Source source) {
    return apply_over_axis<LogSoftmax<T>>("log_softmax", x, axis, source);
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
