// Ops that see the same numbers in another shape: reshape, transpose, broadcast_to, heads.
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

    Var<T> forward(const Var<T>& input, const Extents& wanted) {
        x = input;
        const std::size_t entries = count(x.shape);
        Shape shape;
        std::string text;
        for (std::ptrdiff_t extent : wanted) {
            text += (text.empty() ? "" : ",") + std::to_string(extent);
            shape.push_back(
                extent == -1 ? 1 : static_cast<std::size_t>(std::max<std::ptrdiff_t>(extent, 0)));
        }
        const auto guessed = std::find(wanted.begin(), wanted.end(), -1);
        if (std::count(wanted.begin(), wanted.end(), -1) > 1 ||
            std::any_of(wanted.begin(), wanted.end(), [](std::ptrdiff_t e) { return e < -1; }))
            shape_error(name(), "extents must be 0 or more, and one may be -1", {{"x", x.shape}},
                        "wanted (" + text + ")");
        const std::size_t known = count(shape);
        if (guessed != wanted.end() && known == 0)
            shape_error(name(), "beside an extent of 0 any number could stand for -1",
                        {{"x", x.shape}}, "wanted (" + text + ")");
        if (guessed != wanted.end())
            shape[static_cast<std::size_t>(guessed - wanted.begin())] = entries / known;
        if (count(shape) != entries)
            shape_error(name(), "the number of entries must stay the same", {{"x", x.shape}},
                        "wanted (" + text + ")");
        return reshaped(input.value(), shape);
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        gradients.add(x, reshaped(dy, x.shape));
    }
};
template <class T> Var<T> reshape(const Var<T>& x, const Extents& shape, Source at) {
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
        std::vector<std::size_t> all(x.shape.size());
        std::iota(all.begin(), all.end(), 0);
        if (order.empty()) axes.assign(all.rbegin(), all.rend());
        std::vector<std::size_t> sorted = axes;
        std::sort(sorted.begin(), sorted.end());
        if (sorted != all)
            shape_error(name(), "axes must name each axis of x once", {{"x", x.shape}},
                        "axes (" + given + ")");
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
            shape_error(name(),
                        "each axis of x, aligned at the last, must be 1 or that of the shape",
                        {{"x", x.shape}, {"shape", shape}});
        return expand(input.value(), shape);
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        gradients.add(x, sum_to(dy, x.shape));
    }
};
template <class T> Var<T> broadcast_to(const Var<T>& x, const Shape& shape, Source at) {
    return apply<BroadcastTo<T>>(at, x, shape);
}

// ---- heads side by side, each apart and back: head i is columns [i d_h, (i + 1) d_h)
template <class T> Var<T> split_heads(const Var<T>& x, std::size_t heads, Source at) {
    const Shape& s = x.shape();
    explained<T>(at, {x}, [&] {
        if (s.size() != 3 || heads == 0 || s[2] % heads != 0)
            shape_error("split_heads", "x must be (B, n, d), d a multiple of the heads", {{"x", s}},
                        "heads " + std::to_string(heads));
    });
    return transpose(reshape(x, {s[0], s[1], heads, s[2] / heads}, at), {0, 2, 1, 3}, at);
}
template <class T> Var<T> merge_heads(const Var<T>& x, Source at) {
    const Shape& s = x.shape();
    explained<T>(at, {x}, [&] {
        if (s.size() != 4) shape_error("merge_heads", "x must be (B, h, n, d_h)", {{"x", s}});
    });
    return reshape(transpose(x, {0, 2, 1, 3}, at), {s[0], s[2], s[1] * s[3]}, at);
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
