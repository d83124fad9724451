// Ops that see the same numbers in another shape: reshape, transpose, broadcast_to, heads.
// Each backward is the opposite move.
#include <algorithm>
#include <numeric>

#include "core/ops.hpp"

namespace taper {

// The shape that `wanted` means for x. One extent may be -1: it becomes what the number of entries
// leaves.
static Shape shape_wanted(const char* op, const Shape& x, const Extents& wanted) {
    std::string text = "wanted (";
    for (std::size_t i = 0; i < wanted.size(); ++i)
        text += (i == 0 ? "" : ",") + std::to_string(wanted[i]);
    text += ")";
    const auto refused = [](std::ptrdiff_t extent) { return extent < -1; };
    const bool any_refused = std::any_of(wanted.begin(), wanted.end(), refused);
    if (std::count(wanted.begin(), wanted.end(), -1) > 1 || any_refused)
        shape_error(op, "extents must be 0 or more, and one may be -1", {{"x", x}}, text);
    Shape shape;
    for (const std::ptrdiff_t extent : wanted)
        shape.push_back(extent == -1 ? 1 : static_cast<std::size_t>(extent));
    const std::size_t entries = count(x);
    const std::size_t known = count(shape);
    const auto guessed = std::find(wanted.begin(), wanted.end(), -1);
    if (guessed != wanted.end()) {
        if (known == 0)
            shape_error(op, "beside an extent of 0 any number could stand for -1", {{"x", x}},
                        text);
        shape[static_cast<std::size_t>(guessed - wanted.begin())] = entries / known;
    }
    if (count(shape) != entries)
        shape_error(op, "the number of entries must stay the same", {{"x", x}}, text);
    return shape;
}

template <class T> struct Reshape final : Op<T> {
    const char* formula() const override {
        return R"(y = x under another shape
  backward  dx = dy under x's shape)";
    }
    const char* inputs() const override { return "x"; }

    Place<T> x;
    const char* name() const override { return "reshape"; }

    Var<T> forward(const Var<T>& input, const Extents& wanted) {
        x = input;
        return reshaped(input.value(), shape_wanted(name(), x.shape, wanted));
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        gradients.add(x, reshaped(dy, x.shape));
    }
};
template <class T> Var<T> reshape(const Var<T>& x, const Extents& shape, Source source) {
    return apply<Reshape<T>>(source, x, shape);
}

template <class T> struct Transpose final : Op<T> {
    const char* formula() const override {
        return R"(y = x with its axes in another order: axis i of y is axis axes[i] of x
  backward  dx = dy with the axes put back)";
    }
    const char* inputs() const override { return "x"; }

    Place<T> x;
    std::vector<std::size_t> axes;
    const char* name() const override { return "transpose"; }

    Var<T> forward(const Var<T>& input, const Axes& order) {
        x = input;
        std::string given;
        for (const int axis : order) {
            given += (given.empty() ? "" : ",") + std::to_string(axis);
            axes.push_back(axis_index(name(), axis, {"x", x.shape}));
        }
        std::vector<std::size_t> axes_of_x(x.shape.size());
        std::iota(axes_of_x.begin(), axes_of_x.end(), 0);
        if (order.empty()) axes.assign(axes_of_x.rbegin(), axes_of_x.rend());
        std::vector<std::size_t> sorted = axes;
        std::sort(sorted.begin(), sorted.end());
        if (sorted != axes_of_x)
            shape_error(name(), "axes must name each axis of x once", {{"x", x.shape}},
                        "axes (" + given + ")");
        return permuted(input.value(), axes);
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        std::vector<std::size_t> inverse(axes.size());
        for (std::size_t i = 0; i < axes.size(); ++i) inverse[axes[i]] = i;
        gradients.add(x, permuted(dy, inverse));
    }
};
template <class T> Var<T> transpose(const Var<T>& x, const Axes& axes, Source source) {
    return apply<Transpose<T>>(source, x, axes);
}

template <class T> struct BroadcastTo final : Op<T> {
    const char* formula() const override {
        return R"(y = x repeated along broadcast axes
  backward  dx = dy summed over them)";
    }
    const char* inputs() const override { return "x"; }

    Place<T> x;
    const char* name() const override { return "broadcast_to"; }

    Var<T> forward(const Var<T>& input, const Shape& shape) {
        x = input;
        if (!broadcasts_to(x.shape, shape))
            shape_error(name(),
                        "each axis of x, aligned at the last, must be 1 or that of the shape",
                        {{"x", x.shape}, {"shape", shape}});
        return expand(input.value(), shape);
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        gradients.add(x, sum_to(dy, x.shape));
    }
};
template <class T> Var<T> broadcast_to(const Var<T>& x, const Shape& shape, Source source) {
    return apply<BroadcastTo<T>>(source, x, shape);
}

// ---- x (B, n, h d_h) as (B, h, n, d_h), and back: head i is columns [i d_h, (i + 1) d_h)
template <class T> Var<T> split_heads(const Var<T>& x, std::size_t heads, Source source) {
    const Shape& s = x.shape();
    explained<T>(source, {x}, [&] {
        if (s.size() != 3 || heads == 0 || s[2] % heads != 0)
            shape_error("split_heads", "x must be (B, n, d), d a multiple of the heads", {{"x", s}},
                        "heads " + std::to_string(heads));
    });
    return transpose(reshape(x, {s[0], s[1], heads, s[2] / heads}, source), {0, 2, 1, 3}, source);
}
template <class T> Var<T> merge_heads(const Var<T>& x, Source source) {
    const Shape& s = x.shape();
    explained<T>(source, {x}, [&] {
        if (s.size() != 4) shape_error("merge_heads", "x must be (B, h, n, d_h)", {{"x", s}});
    });
    return reshape(transpose(x, {0, 2, 1, 3}, source), {s[0], s[2], s[1] * s[3]}, source);
}

#define TAPER_INSTANTIATE(T)                                           \
    template Var<T> reshape(const Var<T>&, const Extents&, Source);    \
    template Var<T> transpose(const Var<T>&, const Axes&, Source);     \
    template Var<T> broadcast_to(const Var<T>&, const Shape&, Source); \
    template Var<T> split_heads(const Var<T>&, std::size_t, Source);   \
    template Var<T> merge_heads(const Var<T>&, Source);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
