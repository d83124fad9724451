// Ops that move numbers and compute none: reshape, transpose, broadcast_to, slice, concat, stack, heads.
// Each backward is the opposite move.
#include <algorithm>
#include <numeric>

#include "core/ops.hpp"

namespace taper {

template <class T> struct Reshape final : Op<T> {
    const char* formula() const override {
        return R"(y = x under another shape
  backward  dx = dy under x's shape)";
    }

    Place<T> x;
    const char* name() const override { return "reshape"; }

    Var<T> forward(const Var<T>& input, const std::vector<int>& wanted) {
        x = input;
        const std::size_t entries = count(x.shape);
        Shape shape;
        std::string text;
        for (int extent : wanted) {
            text += (text.empty() ? "" : ",") + std::to_string(extent);
            shape.push_back(extent == -1 ? 1 : static_cast<std::size_t>(std::max(extent, 0)));
        }
        const auto guessed = std::find(wanted.begin(), wanted.end(), -1);
        if (std::count(wanted.begin(), wanted.end(), -1) > 1 ||
            std::any_of(wanted.begin(), wanted.end(), [](int e) { return e < -1; }))
            shape_error(name(), "extents must be 0 or more, and one may be -1", {{"x", x.shape}},
                        "wanted (" + text + ")");
        const std::size_t known = count(shape);
        if (guessed != wanted.end() && known == 0)
            shape_error(name(), "beside an extent of 0 any number could stand for -1", {{"x", x.shape}},
                        "wanted (" + text + ")");
        if (guessed != wanted.end()) shape[static_cast<std::size_t>(guessed - wanted.begin())] = entries / known;
        if (count(shape) != entries)
            shape_error(name(), "the number of entries must stay the same", {{"x", x.shape}}, "wanted (" + text + ")");
        return reshaped(input.value(), shape);
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override { gradients.add(x, reshaped(dy, x.shape)); }
};
template <class T> Var<T> reshape(const Var<T>& x, const std::vector<int>& shape, Source at) {
    return apply<Reshape<T>>(at, x, shape);
}

template <class T> struct Transpose final : Op<T> {
    const char* formula() const override {
        return R"(y = x with its axes in another order: axis i of y is axis axes[i] of x
  backward  dx = dy with the axes put back)";
    }

    Place<T> x;
    std::vector<std::size_t> axes;
    const char* name() const override { return "transpose"; }

    Var<T> forward(const Var<T>& input, const Axes& order) {
        x = input;
        std::string given;
        for (int axis : order) {
            given += (given.empty() ? "" : ",") + std::to_string(axis);
            axes.push_back(axis_index(name(), axis, {"x", x.shape}));
        }
        std::vector<std::size_t> sorted = axes, all(x.shape.size());
        std::sort(sorted.begin(), sorted.end());
        std::iota(all.begin(), all.end(), 0);
        if (sorted != all)
            shape_error(name(), "axes must name each axis of x once", {{"x", x.shape}}, "axes (" + given + ")");
        return permuted(input.value(), axes);
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        std::vector<std::size_t> back(axes.size());
        for (std::size_t i = 0; i < axes.size(); ++i) back[axes[i]] = i;
        gradients.add(x, permuted(dy, back));
    }
};
template <class T> Var<T> transpose(const Var<T>& x, const Axes& axes, Source at) {
    return apply<Transpose<T>>(at, x, axes);
}

template <class T> struct BroadcastTo final : Op<T> {
    const char* formula() const override {
        return R"(y = x repeated along broadcast axes
  backward  dx = dy summed over them)";
    }

    Place<T> x;
    const char* name() const override { return "broadcast_to"; }

    Var<T> forward(const Var<T>& input, const Shape& shape) {
        x = input;
        if (!broadcasts_to(x.shape, shape))
            shape_error(name(), "each axis of x, aligned at the last, must be 1 or that of the shape",
                        {{"x", x.shape}, {"shape", shape}});
        return expand(input.value(), shape);
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override { gradients.add(x, sum_to(dy, x.shape)); }
};
template <class T> Var<T> broadcast_to(const Var<T>& x, const Shape& shape, Source at) {
    return apply<BroadcastTo<T>>(at, x, shape);
}

// A shape seen from one axis: (outer, extent, inner).
struct Around {
    std::size_t outer = 1, extent, inner = 1;
    Around(const Shape& shape, std::size_t axis) : extent(shape[axis]) {
        for (std::size_t i = 0; i < shape.size(); ++i)
            if (i != axis) (i < axis ? outer : inner) *= shape[i];
    }
};

template <class T> struct Slice final : Op<T> {
    const char* formula() const override {
        return R"(y = x at begin, begin + step, ... along one axis
  backward  dx = dy at those entries, 0 elsewhere)";
    }

    Place<T> x;
    std::size_t axis, begin, step, length;
    const char* name() const override { return "slice"; }

    Var<T> forward(const Var<T>& input, int along, Range range) {
        x = input;
        axis = axis_index(name(), along, {"x", x.shape});
        const auto extent = static_cast<std::ptrdiff_t>(x.shape[axis]);
        const auto from_front = [&](std::ptrdiff_t i) { return i < 0 ? i + extent : i; };
        const std::ptrdiff_t first = from_front(range.begin), last = from_front(range.end.value_or(extent));
        if (range.step < 1 || first < 0 || last > extent || first > last)
            shape_error(name(), "0 <= begin <= end <= extent and step >= 1 must hold", {{"x", x.shape}},
                        "axis " + std::to_string(axis) + ", begin " + std::to_string(range.begin) + ", end " +
                            std::to_string(range.end.value_or(extent)) + ", step " + std::to_string(range.step));
        begin = static_cast<std::size_t>(first);
        step = static_cast<std::size_t>(range.step);
        length = (static_cast<std::size_t>(last - first) + step - 1) / step;
        Shape shape = x.shape;
        shape[axis] = length;
        auto y = empty<T>(shape);
        for_each_row([&](std::size_t in_x, std::size_t in_y, std::size_t n) {
            std::copy_n(input.value().data() + in_x, n, y.data() + in_y);
        });
        return y;
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        Array<T>& dx = gradients.at(x);
        for_each_row([&](std::size_t in_x, std::size_t in_y, std::size_t n) {
            for (std::size_t i = 0; i < n; ++i) dx.data()[in_x + i] += dy.data()[in_y + i];
        });
    }
    template <class F> void for_each_row(F visit) const {
        const Around around(x.shape, axis);
        const bool together = step == 1;  // neighbouring entries of the axis are one run of memory
        const std::size_t runs = together ? std::min<std::size_t>(length, 1) : length;
        const std::size_t n = together ? length * around.inner : around.inner;
        for (std::size_t o = 0; o < around.outer; ++o)
            for (std::size_t j = 0; j < runs; ++j)
                visit((o * around.extent + begin + j * step) * around.inner, (o * runs + j) * n, n);
    }
};
template <class T> Var<T> slice(const Var<T>& x, int axis, Range range, Source at) {
    return apply<Slice<T>>(at, x, axis, range);
}

template <class T> struct Concat final : Op<T> {
    const char* formula() const override {
        return R"(y = the xs one behind another along an axis
  backward  dx of each = its part of dy)";
    }

    std::vector<Place<T>> xs;
    std::size_t axis;
    const char* name() const override { return "concat"; }

    Var<T> forward(const std::vector<Var<T>>& inputs, int along) {
        if (inputs.empty()) throw Error("concat: at least one input must be given: 0");
        xs.assign(inputs.begin(), inputs.end());
        axis = axis_index(name(), along, {"x", xs[0].shape});
        Shape shape = xs[0].shape;
        shape[axis] = 0;
        for (const Place<T>& x : xs) {
            Shape others = x.shape;
            if (others.size() == shape.size()) others[axis] = 0;
            Shape first = shape;
            first[axis] = 0;
            if (others != first)
                shape_error(name(), "all axes but the joined one must agree", {{"first", xs[0].shape}, {"x", x.shape}},
                            "axis " + std::to_string(axis));
            shape[axis] += x.shape[axis];
        }
        auto y = empty<T>(shape);
        for_each_part(shape, [&](std::size_t part, std::size_t in_x, std::size_t in_y, std::size_t n) {
            std::copy_n(inputs[part].value().data() + in_x, n, y.data() + in_y);
        });
        return y;
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        std::vector<Array<T>> dxs;
        for (const Place<T>& x : xs) dxs.push_back(empty<T>(x.shape));
        for_each_part(dy.shape(), [&](std::size_t part, std::size_t in_x, std::size_t in_y, std::size_t n) {
            std::copy_n(dy.data() + in_y, n, dxs[part].data() + in_x);
        });
        for (std::size_t i = 0; i < xs.size(); ++i) gradients.add(xs[i], std::move(dxs[i]));
    }
    template <class F> void for_each_part(const Shape& y, F visit) const {
        const Around around(y, axis);
        std::size_t at = 0;
        for (std::size_t o = 0; o < around.outer; ++o)
            for (std::size_t part = 0; part < xs.size(); ++part) {
                const std::size_t n = xs[part].shape[axis] * around.inner;
                visit(part, o * n, at, n);
                at += n;
            }
    }
};
template <class T> Var<T> concat(const std::vector<Var<T>>& xs, int axis, Source at) {
    return apply<Concat<T>>(at, xs, axis);
}

// ---- y = the xs, all of one shape, along a new axis: each gets the axis with extent 1, then concat
template <class T> Var<T> stack(const std::vector<Var<T>>& xs, int axis, Source at) {
    const std::vector<int> shape = explained(at, xs, [&] {
        if (xs.empty()) throw Error("stack: at least one input must be given: 0");
        for (const Var<T>& x : xs)
            if (x.shape() != xs[0].shape())
                shape_error("stack", "all inputs must have one shape", {{"first", xs[0].shape()}, {"x", x.shape()}});
        Shape with_axis = xs[0].shape();
        with_axis.push_back(1);
        const std::size_t place = axis_index("stack", axis, {"x with the new axis", with_axis});
        std::vector<int> extents(xs[0].shape().begin(), xs[0].shape().end());
        extents.insert(extents.begin() + static_cast<std::ptrdiff_t>(place), 1);
        return extents;
    });
    std::vector<Var<T>> unsqueezed;
    for (const Var<T>& x : xs) unsqueezed.push_back(reshape(x, shape, at));
    return concat(unsqueezed, axis, at);
}

static std::vector<int> ints(std::initializer_list<std::size_t> extents) { return {extents.begin(), extents.end()}; }

// ---- heads side by side, each apart and back: head i is columns [i d_h, (i + 1) d_h)
template <class T> Var<T> split_heads(const Var<T>& x, std::size_t heads, Source at) {
    const Shape& s = x.shape();
    explained<T>(at, {x}, [&] {
        if (s.size() != 3 || heads == 0 || s[2] % heads != 0)
            shape_error("split_heads", "x must be (B, n, d), d a multiple of the heads", {{"x", s}},
                        "heads " + std::to_string(heads));
    });
    return transpose(reshape(x, ints({s[0], s[1], heads, s[2] / heads}), at), {0, 2, 1, 3}, at);
}
template <class T> Var<T> merge_heads(const Var<T>& x, Source at) {
    const Shape& s = x.shape();
    explained<T>(at, {x}, [&] {
        if (s.size() != 4) shape_error("merge_heads", "x must be (B, h, n, d_h)", {{"x", s}});
    });
    return reshape(transpose(x, {0, 2, 1, 3}, at), ints({s[0], s[2], s[1] * s[3]}), at);
}

#define TAPER_INSTANTIATE(T)                                                 \
    template Var<T> reshape(const Var<T>&, const std::vector<int>&, Source); \
    template Var<T> transpose(const Var<T>&, const Axes&, Source);           \
    template Var<T> broadcast_to(const Var<T>&, const Shape&, Source);       \
    template Var<T> slice(const Var<T>&, int, Range, Source);                \
    template Var<T> concat(const std::vector<Var<T>>&, int, Source);         \
    template Var<T> stack(const std::vector<Var<T>>&, int, Source);          \
    template Var<T> split_heads(const Var<T>&, std::size_t, Source);         \
    template Var<T> merge_heads(const Var<T>&, Source);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
