// Reductions over any axes: sum, mean, max.
#include "core/map.hpp"
#include "core/ops.hpp"

namespace taper {

// Which axes of x are reduced; none named: all.
static std::vector<bool> reduced_axes(const char* op, const Shape& x, const Axes& axes) {
    std::vector<bool> reduced(x.size(), axes.empty());
    for (int axis : axes) {
        const std::size_t i = axis_index(op, axis, {"x", x});
        if (reduced[i]) shape_error(op, "an axis must be named once", {{"x", x}}, "axis " + std::to_string(axis));
        reduced[i] = true;
    }
    return reduced;
}

// x's shape with reduced axes as 1 (yes) or dropped (no).
static Shape reduced_shape(const Shape& x, const std::vector<bool>& reduced, KeepDims keep) {
    Shape shape;
    for (std::size_t i = 0; i < x.size(); ++i)
        if (!reduced[i] || keep == KeepDims::yes) shape.push_back(reduced[i] ? 1 : x[i]);
    return shape;
}

template <class T> struct Sum final : Op<T> {
    const char* formula() const override {
        return R"(y = sum of x over the reduced axes
  backward  dx = dy, repeated along them                          needs the shape only)";
    }

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
template <class T> Var<T> sum(const Var<T>& x, const Axes& axes, KeepDims keep, Source at) {
    return apply<Sum<T>>(at, x, axes, keep);
}

// ---- y = sum of x over the reduced axes / their number of entries N            a composition; N = 0 is an Error
template <class T> Var<T> mean(const Var<T>& x, const Axes& axes, KeepDims keep, Source at) {
    const std::size_t n = explained<T>(at, {x}, [&] {
        const auto reduced = reduced_axes("mean", x.shape(), axes);
        std::size_t entries = 1;
        for (std::size_t i = 0; i < reduced.size(); ++i) entries *= reduced[i] ? x.shape()[i] : 1;
        if (entries == 0 && count(reduced_shape(x.shape(), reduced, KeepDims::yes)) > 0)
            shape_error("mean", "the mean of no entries is not defined", {{"x", x.shape()}});
        return entries;
    });
    return div(sum(x, axes, keep, at), static_cast<T>(std::max<std::size_t>(n, 1)),
               at);  // 1/N would be rounded: the mean of 1e6s is 1e6
}

template <class T> struct Max final : Op<T> {
    const char* formula() const override {
        return R"(y = the largest x over the reduced axes                      of no entries: an Error; NaN wins
  backward  dx_i = dy / c where x_i = y, else 0                   c of the x are equal to y: they share evenly)";
    }

    Var<T> x;
    Array<T> y;  // with the reduced axes as 1
    std::vector<bool> reduced;
    const char* name() const override { return "max"; }

    Var<T> forward(const Var<T>& input, const Axes& axes, KeepDims keep) {
        x = input;
        reduced = reduced_axes(name(), x.shape(), axes);
        y = empty<T>(reduced_shape(x.shape(), reduced, KeepDims::yes));
        if (y.size() > 0 && x.value().size() == 0)
            shape_error(name(), "the largest of no entries is not defined", {{"x", x.shape()}});
        std::vector<bool> seen(y.size(), false);
        for_each_entry([&](std::size_t i, std::size_t j) {
            const T v = x.value().data()[i];
            T& largest = y.data()[j];
            if (!seen[j] || v > largest || std::isnan(v)) largest = seen[j] && std::isnan(largest) ? largest : v;
            seen[j] = true;
        });
        return reshaped(y, reduced_shape(x.shape(), reduced, keep));
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const auto is_largest = [&](std::size_t i, std::size_t j) { return x.value().data()[i] == y.data()[j]; };
        Array<T> ties = zeros<T>(y.shape()), dx = zeros<T>(x.shape());
        for_each_entry([&](std::size_t i, std::size_t j) { ties.data()[j] += is_largest(i, j) ? T(1) : T(0); });
        for_each_entry([&](std::size_t i, std::size_t j) {
            if (is_largest(i, j)) dx.data()[i] = dy.data()[j] / ties.data()[j];
        });
        gradients.add(x, std::move(dx));
    }
    // visit(entry of x, entry of y that it is reduced into), in the order of x.
    template <class F> void for_each_entry(F visit) const {
        const Shape& shape = x.shape();
        std::vector<std::size_t> index(shape.size(), 0), step(shape.size(), 0);
        std::size_t stride = 1, j = 0;
        for (std::size_t axis = shape.size(); axis-- > 0;)
            if (!reduced[axis]) step[axis] = stride, stride *= shape[axis];
        for (std::size_t i = 0; i < x.value().size(); ++i) {
            visit(i, j);
            for (std::size_t axis = shape.size(); axis-- > 0;) {
                j += step[axis];
                if (++index[axis] < shape[axis]) break;
                j -= step[axis] * shape[axis];
                index[axis] = 0;
            }
        }
    }
};
template <class T> Var<T> max(const Var<T>& x, const Axes& axes, KeepDims keep, Source at) {
    return apply<Max<T>>(at, x, axes, keep);
}

#define TAPER_INSTANTIATE(T)                                            \
    template Var<T> sum(const Var<T>&, const Axes&, KeepDims, Source);  \
    template Var<T> mean(const Var<T>&, const Axes&, KeepDims, Source); \
    template Var<T> max(const Var<T>&, const Axes&, KeepDims, Source);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
