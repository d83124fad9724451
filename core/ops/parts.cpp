// Ops on parts along one axis: slice, concat, stack, pad, flip. They move numbers and compute none:
// each backward is the opposite move.
#include <algorithm>

#include "core/kernels/map.hpp"
#include "core/ops.hpp"
#include "core/ops/axis_split.hpp"

namespace taper {

template <class T> struct Slice final : Op<T> {
    const char* formula() const override {
        return R"(y = x at begin, begin + step, ... along one axis
  backward  dx = dy at those entries, 0 elsewhere)";
    }
    const char* inputs() const override { return "x"; }

    Place<T> x;
    std::size_t axis, begin, step, length;
    const char* name() const override { return "slice"; }

    Var<T> forward(const Var<T>& input, int given_axis, Range range) {
        x = input;
        axis = axis_index(name(), given_axis, {"x", x.shape});
        const auto extent = static_cast<std::ptrdiff_t>(x.shape[axis]);
        const std::ptrdiff_t range_end = range.end.value_or(extent);
        const auto from_front = [&](std::ptrdiff_t i) { return i < 0 ? i + extent : i; };
        const std::ptrdiff_t first = from_front(range.begin);
        const std::ptrdiff_t last = from_front(range_end);
        if (range.step < 1 || first < 0 || last > extent || first > last)
            shape_error(
                name(), "0 <= begin <= end <= extent and step >= 1 must hold", {{"x", x.shape}},
                "axis " + std::to_string(axis) + ", begin " + std::to_string(range.begin) +
                    ", end " + std::to_string(range_end) + ", step " + std::to_string(range.step));
        begin = static_cast<std::size_t>(first);
        step = static_cast<std::size_t>(range.step);
        length = ceil_quotient(static_cast<std::size_t>(last - first), step);
        Shape shape = x.shape;
        shape[axis] = length;
        auto y = empty<T>(shape);
        for_each_run([&](std::size_t x_begin, std::size_t y_begin, std::size_t n) {
            std::copy_n(input.value().data() + x_begin, n, y.data() + y_begin);
        });
        return y;
    }

    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        Array<T>& dx = gradients.at(x);
        for_each_run([&](std::size_t x_begin, std::size_t y_begin, std::size_t n) {
            for (std::size_t i = 0; i < n; ++i) dx.data()[x_begin + i] += dy.data()[y_begin + i];
        });
    }

  private:
    // Calls visit(x_begin, y_begin, n) for each run of n neighbouring entries of x that are
    // neighbours in y, too. With step 1 all entries along the axis are one run.
    template <class F> void for_each_run(F visit) const {
        const AxisSplit split(x.shape, axis);
        const bool joined = step == 1;
        const std::size_t runs = joined ? std::min<std::size_t>(length, 1) : length;
        const std::size_t n = joined ? length * split.inner : split.inner;
        for (std::size_t o = 0; o < split.outer; ++o)
            for (std::size_t j = 0; j < runs; ++j)
                visit(split.entry(o, begin + j * step), (o * runs + j) * n, n);
    }
};
template <class T> Var<T> slice(const Var<T>& x, int axis, Range range, Source source) {
    return apply<Slice<T>>(source, x, axis, range);
}

template <class T> struct Concat final : Op<T> {
    const char* formula() const override {
        return R"(y = x_0, x_1, ... one behind another along an axis
  backward  dx_i = the part of dy that x_i became)";
    }
    const char* inputs() const override { return "x_i"; }

    std::vector<Place<T>> xs;
    std::size_t axis;
    const char* name() const override { return "concat"; }

    Var<T> forward(const std::vector<Var<T>>& inputs, int given_axis) {
        if (inputs.empty()) throw Error("concat: at least one input must be given: 0");
        xs.assign(inputs.begin(), inputs.end());
        axis = axis_index(name(), given_axis, {"x", xs[0].shape});
        Shape shape = xs[0].shape;
        shape[axis] = 0;
        for (const Place<T>& x : xs) {
            Shape other_axes = x.shape;  // with 0 for the joined one
            if (other_axes.size() == shape.size()) other_axes[axis] = 0;
            Shape expected = shape;
            expected[axis] = 0;
            if (other_axes != expected)
                shape_error(name(), "all axes but the joined one must agree",
                            {{"first", xs[0].shape}, {"x", x.shape}},
                            "axis " + std::to_string(axis));
            shape[axis] += x.shape[axis];
        }
        auto y = empty<T>(shape);
        const auto copy = [&](std::size_t i, std::size_t x_begin, std::size_t y_begin,
                              std::size_t n) {
            std::copy_n(inputs[i].value().data() + x_begin, n, y.data() + y_begin);
        };
        for_each_run(shape, copy);
        return y;
    }

    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        std::vector<std::optional<Array<T>>> dxs;  // none where x wants no gradient
        for (const Place<T>& x : xs) {
            dxs.emplace_back();
            if (gradients.wants(x)) dxs.back() = empty<T>(x.shape);
        }
        const auto copy = [&](std::size_t i, std::size_t x_begin, std::size_t y_begin,
                              std::size_t n) {
            if (dxs[i]) std::copy_n(dy.data() + y_begin, n, dxs[i]->data() + x_begin);
        };
        for_each_run(dy.shape(), copy);
        for (std::size_t i = 0; i < xs.size(); ++i)
            if (dxs[i]) gradients.add(xs[i], std::move(*dxs[i]));
    }

  private:
    // Calls visit(i, x_begin, y_begin, n) for each run of n neighbouring entries of xs[i] that are
    // neighbours in y, too.
    template <class F> void for_each_run(const Shape& y, F visit) const {
        const AxisSplit split(y, axis);
        std::size_t y_begin = 0;
        for (std::size_t o = 0; o < split.outer; ++o)
            for (std::size_t i = 0; i < xs.size(); ++i) {
                const std::size_t n = xs[i].shape[axis] * split.inner;
                visit(i, o * n, y_begin, n);
                y_begin += n;
            }
    }
};
template <class T> Var<T> concat(const std::vector<Var<T>>& xs, int axis, Source source) {
    return apply<Concat<T>>(source, xs, axis);
}

// The shape of an x with the new axis, of extent 1. Error: there is no x, or their shapes differ.
template <class T> static Extents shape_with_axis(const std::vector<Var<T>>& xs, int axis) {
    if (xs.empty()) throw Error("stack: at least one input must be given: 0");
    for (const Var<T>& x : xs)
        if (x.shape() != xs[0].shape())
            shape_error("stack", "all inputs must have one shape",
                        {{"first", xs[0].shape()}, {"x", x.shape()}});
    Shape longer = xs[0].shape();
    longer.push_back(1);
    const std::size_t new_axis = axis_index("stack", axis, {"x with the new axis", longer});
    Extents extents = xs[0].shape();
    extents.insert(extents.begin() + static_cast<std::ptrdiff_t>(new_axis), 1);
    return extents;
}

// ---- y = the xs, all of one shape, along a new axis: each gets the axis with extent 1, and they
//      are joined by concat
template <class T> Var<T> stack(const std::vector<Var<T>>& xs, int axis, Source source) {
    const Extents shape = explained(source, xs, [&] { return shape_with_axis(xs, axis); });
    std::vector<Var<T>> unsqueezed;
    for (const Var<T>& x : xs) unsqueezed.push_back(reshape(x, shape, source));
    return concat(unsqueezed, axis, source);
}

template <class T> struct Pad final : Op<T> {
    const char* formula() const override {
        return R"(y = x along one axis, with so many entries of one value before and after it
  backward  dx = its part of dy)";
    }
    const char* inputs() const override { return "x"; }

    Place<T> x;
    std::size_t axis, before;
    const char* name() const override { return "pad"; }

    Var<T> forward(const Var<T>& input, int given_axis, std::ptrdiff_t front, std::ptrdiff_t back,
                   T value) {
        x = input;
        axis = axis_index(name(), given_axis, {"x", x.shape});
        constexpr std::ptrdiff_t most = std::ptrdiff_t{1} << 60;
        if (front < 0 || back < 0 || front > most || back > most)
            shape_error(name(), "before and after must be 0 to 2^60", {{"x", x.shape}},
                        "before " + std::to_string(front) + ", after " + std::to_string(back));
        before = static_cast<std::size_t>(front);
        Shape shape = x.shape;
        shape[axis] += before + static_cast<std::size_t>(back);
        auto y = full<T>(shape, value);
        for_each_run(shape, [&](std::size_t x_begin, std::size_t y_begin, std::size_t n) {
            std::copy_n(input.value().data() + x_begin, n, y.data() + y_begin);
        });
        return y;
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        auto dx = empty<T>(x.shape);
        for_each_run(dy.shape(), [&](std::size_t x_begin, std::size_t y_begin, std::size_t n) {
            std::copy_n(dy.data() + y_begin, n, dx.data() + x_begin);
        });
        gradients.add(x, std::move(dx));
    }

  private:
    // Calls visit(x_begin, y_begin, n) for each run of n neighbouring entries of x that are
    // neighbours in y, too.
    template <class F> void for_each_run(const Shape& y, F visit) const {
        const AxisSplit x_split(x.shape, axis);
        const AxisSplit y_split(y, axis);
        const std::size_t n = x_split.extent * x_split.inner;
        for (std::size_t o = 0; o < x_split.outer; ++o)
            visit(x_split.entry(o, 0), y_split.entry(o, before), n);
    }
};
template <class T>
Var<T> pad(const Var<T>& x, int axis, std::ptrdiff_t before, std::ptrdiff_t after, double value,
           Source source) {
    return apply<Pad<T>>(source, x, axis, before, after, static_cast<T>(value));
}

template <class T> struct Flip final : Op<T> {
    const char* formula() const override {
        return R"(y_i = x_(n-1-i) along one axis of n entries
  backward  dx_i = dy_(n-1-i))";
    }
    const char* inputs() const override { return "x"; }

    Place<T> x;
    std::size_t axis;
    const char* name() const override { return "flip"; }

    Var<T> forward(const Var<T>& input, int given_axis) {
        x = input;
        axis = axis_index(name(), given_axis, {"x", x.shape});
        return flipped(input.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        gradients.add(x, flipped(dy));
    }

  private:
    Array<T> flipped(const Array<T>& original) const {
        const AxisSplit split(x.shape, axis);
        auto mirrored = empty<T>(x.shape);
        for (std::size_t o = 0; o < split.outer; ++o)
            for (std::size_t i = 0; i < split.extent; ++i) {
                const std::size_t opposite = split.extent - 1 - i;
                std::copy_n(original.data() + split.entry(o, opposite), split.inner,
                            mirrored.data() + split.entry(o, i));
            }
        return mirrored;
    }
};
template <class T> Var<T> flip(const Var<T>& x, int axis, Source source) {
    return apply<Flip<T>>(source, x, axis);
}

#define TAPER_INSTANTIATE(T)                                                                 \
    template Var<T> slice(const Var<T>&, int, Range, Source);                                \
    template Var<T> concat(const std::vector<Var<T>>&, int, Source);                         \
    template Var<T> stack(const std::vector<Var<T>>&, int, Source);                          \
    template Var<T> pad(const Var<T>&, int, std::ptrdiff_t, std::ptrdiff_t, double, Source); \
    template Var<T> flip(const Var<T>&, int, Source);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
