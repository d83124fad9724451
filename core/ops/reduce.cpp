// Reductions over any axes, and the running sum along one.
#include <cmath>
#include <limits>

#include "core/kernels/arithmetic.hpp"
#include "core/kernels/map.hpp"
#include "core/ops.hpp"
#include "core/ops/axis_split.hpp"

namespace taper {

// Which axes of x are reduced: those that are named, or all if none is named.
static std::vector<bool> reduced_axes(const char* op, const Shape& x, const Axes& axes) {
    std::vector<bool> reduced(x.size(), axes.empty());
    for (int axis : axes) {
        const std::size_t i = axis_index(op, axis, {"x", x});
        if (reduced[i])
            shape_error(op, "an axis must be named once", {{"x", x}},
                        "axis " + std::to_string(axis));
        reduced[i] = true;
    }
    return reduced;
}

// x's shape. Reduced axes are 1 (KeepDims::yes) or dropped (KeepDims::no).
static Shape reduced_shape(const Shape& x, const std::vector<bool>& reduced, KeepDims keep) {
    Shape shape;
    for (std::size_t i = 0; i < x.size(); ++i) {
        if (!reduced[i]) shape.push_back(x[i]);
        else if (keep == KeepDims::yes) shape.push_back(1);
    }
    return shape;
}

// How many entries of x one mean is made of. Error: it would be of no entries.
static std::size_t entries_of_mean(const char* op, const Shape& x, const Axes& axes) {
    const auto reduced = reduced_axes(op, x, axes);
    std::size_t entries = 1;
    for (std::size_t i = 0; i < reduced.size(); ++i) entries *= reduced[i] ? x[i] : 1;
    if (entries == 0 && count(reduced_shape(x, reduced, KeepDims::yes)) > 0)
        shape_error(op, "the " + std::string(op) + " of no entries is not defined", {{"x", x}});
    return std::max<std::size_t>(entries, 1);
}

// Calls visit(i, j) for each entry i of x, in order, with the entry j of y that it is reduced into.
template <class F>
static void for_each_entry(const Shape& x, const std::vector<bool>& reduced, F visit) {
    std::vector<std::size_t> index(x.size(), 0);
    std::vector<std::size_t> y_strides(x.size(), 0);  // 0 along a reduced axis
    std::size_t stride = 1;
    for (std::size_t axis = x.size(); axis-- > 0;) {
        if (reduced[axis]) continue;
        y_strides[axis] = stride;
        stride *= x[axis];
    }
    const std::size_t entries = count(x);
    std::size_t j = 0;
    for (std::size_t i = 0; i < entries; ++i) {
        visit(i, j);
        // To the next index: one step along the last axis. At the end of an axis its index becomes
        // 0 again, and the axis before it takes a step.
        for (std::size_t axis = x.size(); axis-- > 0;) {
            ++index[axis];
            j += y_strides[axis];
            if (index[axis] < x[axis]) break;
            j -= y_strides[axis] * x[axis];
            index[axis] = 0;
        }
    }
}

template <class T> struct Sum final : Op<T> {
    const char* formula() const override {
        return R"(y = sum of x over the reduced axes
  backward  dx = dy, repeated along them                          needs the shape only)";
    }
    const char* inputs() const override { return "x"; }

    Place<T> x;
    Shape kept;  // y's shape with the reduced axes as 1
    const char* name() const override { return "sum"; }

    Var<T> forward(const Var<T>& input, const Axes& axes, KeepDims keep) {
        x = input;
        const auto reduced = reduced_axes(name(), x.shape, axes);
        kept = reduced_shape(x.shape, reduced, KeepDims::yes);
        return reshaped(sum_axes(input.value(), reduced), reduced_shape(x.shape, reduced, keep));
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        gradients.add(x, expand(reshaped(dy, kept), x.shape));
    }
};
template <class T> Var<T> sum(const Var<T>& x, const Axes& axes, KeepDims keep, Source source) {
    return apply<Sum<T>>(source, x, axes, keep);
}

// ---- y = sum of x over the reduced axes / their number of entries N
//      a composition; N = 0 is an Error
template <class T> Var<T> mean(const Var<T>& x, const Axes& axes, KeepDims keep, Source source) {
    const auto entries = [&] { return entries_of_mean("mean", x.shape(), axes); };
    const std::size_t n = explained<T>(source, {x}, entries);
    // 1/N would be rounded: the mean of 1e6s is 1e6
    return div(sum(x, axes, keep, source), static_cast<T>(n), source);
}

// ---- y = mean of (x - mean of x)^2
//      a composition; N = 0 is an Error
template <class T>
Var<T> variance(const Var<T>& x, const Axes& axes, KeepDims keep, Source source) {
    explained<T>(source, {x}, [&] { entries_of_mean("variance", x.shape(), axes); });
    const Var<T> centred = sub(x, mean(x, axes, KeepDims::yes, source), source);
    return mean(square(centred, source), axes, keep, source);
}

template <class T> struct Max final : Op<T> {
    const char* formula() const override {
        return R"(y = the largest x over the reduced axes          of no entries: an Error; NaN wins
  backward  dx_i = dy / c where x_i = y, else 0         c of the x are equal to y: they share evenly
            where y is NaN, dx is NaN for all that it was chosen from)";
    }
    const char* inputs() const override { return "x"; }

    Var<T> x;
    Array<T> y;  // with the reduced axes as 1
    std::vector<bool> reduced;
    const char* name() const override { return "max"; }

    Var<T> forward(const Var<T>& input, const Axes& axes, KeepDims keep) {
        x = input;
        reduced = reduced_axes(name(), x.shape(), axes);
        const Shape kept = reduced_shape(x.shape(), reduced, KeepDims::yes);
        if (count(kept) > 0 && x.value().size() == 0)
            shape_error(name(), "the largest of no entries is not defined", {{"x", x.shape()}});
        y = max_axes(x.value(), reduced);
        return reshaped(y, reduced_shape(x.shape(), reduced, keep));
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const Shape& shape = x.shape();
        const auto is_largest = [&](std::size_t i, std::size_t j) {
            return x.value().data()[i] == y.data()[j];
        };
        Array<T> ties = zeros<T>(y.shape());
        Array<T> dx = zeros<T>(shape);
        for_each_entry(shape, reduced, [&](std::size_t i, std::size_t j) {
            if (is_largest(i, j)) ties.data()[j] += T(1);
        });
        for_each_entry(shape, reduced, [&](std::size_t i, std::size_t j) {
            if (std::isnan(y.data()[j])) dx.data()[i] = y.data()[j];
            else if (is_largest(i, j)) dx.data()[i] = dy.data()[j] / ties.data()[j];
        });
        gradients.add(x, std::move(dx));
    }
};
template <class T> Var<T> max(const Var<T>& x, const Axes& axes, KeepDims keep, Source source) {
    return apply<Max<T>>(source, x, axes, keep);
}

template <class T> struct LogSumExp final : Op<T> {
    const char* formula() const override {
        return R"(y = ln sum e^x over the reduced axes
  forward   1. m = the largest x, or 0 where that is infinite
            2. l = ln sum e^(x - m)   3. y = m + l
  backward  dx_i = dy e^(x_i - m - l), and 0 where l = -inf: all x are, or there is none
            needs m and l: far from 0 their sum y has lost digits)";
    }
    const char* inputs() const override { return "x"; }

    Var<T> x;
    Array<T> m, l;  // with the reduced axes as 1
    const char* name() const override { return "logsumexp"; }

    Var<T> forward(const Var<T>& input, const Axes& axes, KeepDims keep) {
        x = input;
        const auto reduced = reduced_axes(name(), x.shape(), axes);
        const auto finite = [](T v) { return std::isinf(v) ? T(0) : v; };
        const auto power = [](auto v, auto largest) { return xsimd::exp(v - largest); };
        const auto log = [](T total) { return std::log(total); };
        m = map(finite, max_axes(x.value(), reduced));             // 1
        const Array<T> powers = zip(power, name(), x.value(), m);  // 2
        l = map(log, sum_axes(powers, reduced));
        return reshaped(map(plus, m, l), reduced_shape(x.shape(), reduced, keep));  // 3
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const auto share = [](auto v, auto log_sum) {
            const auto is_empty = log_sum == -std::numeric_limits<T>::infinity();
            return xsimd::select(is_empty, decltype(v)(T(0)), xsimd::exp(v - log_sum));
        };
        const auto minus = [](auto v, auto largest) { return v - largest; };
        const Array<T> shares = zip(share, name(), zip(minus, name(), x.value(), m), l);
        gradients.add(x, zip(times, name(), reshaped(dy, l.shape()), shares));
    }
};
template <class T>
Var<T> logsumexp(const Var<T>& x, const Axes& axes, KeepDims keep, Source source) {
    return apply<LogSumExp<T>>(source, x, axes, keep);
}

template <class T> struct Norm final : Op<T> {
    const char* formula() const override {
        return R"(y = sqrt(sum of x^2) over the reduced axes
  forward   1. m = the largest |x|, or 1 where that is 0 or infinite
            2. l = sqrt(sum of (x / m)^2)   3. y = m l
  backward  dx = dy (x / m) / l, and 0 where l = 0
            needs m and l: y may overflow where they do not)";
    }
    const char* inputs() const override { return "x"; }

    Var<T> x;
    Array<T> m, l;  // with the reduced axes as 1
    const char* name() const override { return "norm"; }

    Var<T> forward(const Var<T>& input, const Axes& axes, KeepDims keep) {
        x = input;
        const auto reduced = reduced_axes(name(), x.shape(), axes);
        const auto magnitude = [](auto v) { return xsimd::abs(v); };
        const auto divisor = [](T v) { return v > 0 && std::isfinite(v) ? v : T(1); };
        const auto scaled_square = [](auto v, auto scale) { return v / scale * (v / scale); };
        const auto root = [](T total) { return std::sqrt(total); };
        m = map(divisor, max_axes(map(magnitude, x.value()), reduced));     // 1
        const Array<T> squares = zip(scaled_square, name(), x.value(), m);  // 2
        l = map(root, sum_axes(squares, reduced));
        return reshaped(map(times, m, l), reduced_shape(x.shape(), reduced, keep));  // 3
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const auto divide = [](auto v, auto scale) { return v / scale; };
        const auto normalised = [](auto v, auto length) {
            return xsimd::select(length == T(0), decltype(v)(T(0)), v / length);
        };
        const Array<T> direction = zip(normalised, name(), zip(divide, name(), x.value(), m), l);
        gradients.add(x, zip(times, name(), reshaped(dy, l.shape()), direction));
    }
};
template <class T> Var<T> norm(const Var<T>& x, const Axes& axes, KeepDims keep, Source source) {
    return apply<Norm<T>>(source, x, axes, keep);
}

template <class T> struct CumSum final : Op<T> {
    const char* formula() const override {
        return R"(y_i = x_0 + ... + x_i along one axis of n entries
  backward  dx_i = dy_i + ... + dy_(n-1)                          needs the shape only)";
    }
    const char* inputs() const override { return "x"; }

    Place<T> x;
    std::size_t axis;
    const char* name() const override { return "cumsum"; }

    Var<T> forward(const Var<T>& input, int given_axis) {
        x = input;
        axis = axis_index(name(), given_axis, {"x", x.shape});
        return running_sums(input.value(), false);
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        gradients.add(x, running_sums(dy, true));
    }

  private:
    // The sums from the first entry on, or in reverse from the last one on. Made in double.
    Array<T> running_sums(const Array<T>& terms, bool reverse) const {
        const AxisSplit split(x.shape, axis);
        const std::size_t n = split.extent;
        const std::size_t inner = split.inner;
        const std::size_t chunk = 1 + elementwise_chunk / (n * inner + 1);
        auto sums = empty<T>(x.shape);
        parallel_for(split.outer, chunk, [&](std::size_t begin, std::size_t end) {
            std::vector<double> total(inner);
            for (std::size_t o = begin; o < end; ++o) {
                std::fill(total.begin(), total.end(), 0.0);
                for (std::size_t step = 0; step < n; ++step) {
                    const std::size_t j = reverse ? n - 1 - step : step;
                    const std::size_t row = split.entry(o, j);
                    for (std::size_t i = 0; i < inner; ++i) {
                        total[i] += static_cast<double>(terms.data()[row + i]);
                        sums.data()[row + i] = static_cast<T>(total[i]);
                    }
                }
            }
        });
        return sums;
    }
};
template <class T> Var<T> cumsum(const Var<T>& x, int axis, Source source) {
    return apply<CumSum<T>>(source, x, axis);
}

#define TAPER_INSTANTIATE(T)                                                 \
    template Var<T> sum(const Var<T>&, const Axes&, KeepDims, Source);       \
    template Var<T> mean(const Var<T>&, const Axes&, KeepDims, Source);      \
    template Var<T> variance(const Var<T>&, const Axes&, KeepDims, Source);  \
    template Var<T> max(const Var<T>&, const Axes&, KeepDims, Source);       \
    template Var<T> logsumexp(const Var<T>&, const Axes&, KeepDims, Source); \
    template Var<T> norm(const Var<T>&, const Axes&, KeepDims, Source);      \
    template Var<T> cumsum(const Var<T>&, int, Source);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
