// Matrix product: the op that does nearly all the work. BLAS and threads are in
// core/kernels/gemm.cpp.
#include "core/kernels/gemm.hpp"
#include "core/ops.hpp"
#include "core/ops/kept.hpp"

namespace taper {

template <class T> struct Matmul final : Op<T> {
    const char* formula() const override {
        return R"(y = a b
            a (..., m, k), b (..., k, n), y (..., m, n); axes before the last two broadcast
  backward  da = dy b^T   db = a^T dy    each summed over the batch axes along which it was repeated
  with b stored transposed, bt (..., n, k):  da = dy bt   dbt = dy^T a
            and the same way round for a
            keeps a if b wants a gradient, and so with b)";
    }

    Var<T> a, b;
    Transposed as;
    const char* name() const override { return "matmul"; }

    Var<T> forward(const Var<T>& left, const Var<T>& right, Transposed how) {
        a = kept(left, wants_gradient(right)), b = kept(right, wants_gradient(left)), as = how;
        check();
        return product(left.value(), as.transpose_a, right.value(), as.transpose_b);
    }
    void check() const {
        const Shape &left = a.shape(), &right = b.shape();
        if (left.size() < 2 || right.size() < 2)
            shape_error(name(), "a and b must have two axes or more", {{"a", left}, {"b", right}});
        const std::size_t inner_a = left[left.size() - (as.transpose_a ? 2 : 1)];
        const std::size_t inner_b = right[right.size() - (as.transpose_b ? 1 : 2)];
        if (inner_a != inner_b)
            shape_error(name(),
                        std::string("the ") + (as.transpose_a ? "second to last" : "last") +
                            " axis of a must equal the " +
                            (as.transpose_b ? "last" : "second to last") + " of b",
                        {{"a", left}, {"b", right}},
                        std::to_string(inner_a) + ", " + std::to_string(inner_b));
        broadcast_shape(name(), {"batch of a", Shape(left.begin(), left.end() - 2)},
                        {"batch of b", Shape(right.begin(), right.end() - 2)});
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        if (gradients.wants(a)) {
            Array<T> da = as.transpose_a ? product(b.value(), as.transpose_b, dy, true)
                                         : product(dy, false, b.value(), !as.transpose_b);
            gradients.add(a, sum_to(std::move(da), a.shape()));
        }
        if (!gradients.wants(b)) return;
        if (b.shape().size() == 2 &&
            !as.transpose_a) {  // one b for the whole batch: its sum is one product over all rows
            gradients.add(b,
                          as.transpose_b ? row_product(dy, a.value()) : row_product(a.value(), dy));
        } else {
            Array<T> db = as.transpose_b ? product(dy, true, a.value(), as.transpose_a)
                                         : product(a.value(), !as.transpose_a, dy, false);
            gradients.add(b, sum_to(std::move(db), b.shape()));
        }
    }
};
template <class T> Var<T> matmul(const Var<T>& a, const Var<T>& b, Transposed as, Source at) {
    return apply<Matmul<T>>(at, a, b, as);
}

template <class T>
Var<T> composed::linear(const Var<T>& x, const Var<T>& weight, const Var<T>& bias) {
    return matmul(x, weight, {.transpose_b = true}) + bias;
}

template <class T> struct Linear final : Op<T> {
    const char* formula() const override {
        return R"(y = x W^T + b                x (..., n, in), W (out, in), b (out), y (..., n, out)
  backward  dx = dy W   dW = dy^T x    db = sum of dy    both over all rows; keeps x for dW alone)";
    }

    Var<T> x, W;
    Place<T> b;
    const char* name() const override { return "linear"; }

    Var<T> forward(const Var<T>& input, const Var<T>& weight, const Var<T>& bias) {
        x = kept(input, wants_gradient(weight)), W = weight, b = bias;
        if (x.shape().size() < 2 || W.shape().size() != 2 || x.shape().back() != W.shape()[1] ||
            bias.shape() != Shape{W.shape()[0]})
            shape_error(name(), "x must be (..., n, in), the weight (out, in), the bias (out)",
                        {{"x", x.shape()}, {"weight", W.shape()}, {"bias", bias.shape()}});
        return rows_times(input.value(), transposed(matrix(W.value())), &bias.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        if (gradients.wants(x)) gradients.add(x, rows_times(dy, matrix(W.value())));
        const bool wants_b = gradients.wants(b);
        Array<T> db;
        if (gradients.wants(W))
            gradients.add(W, row_product(dy, x.value(), wants_b ? &db : nullptr));
        else if (wants_b) db = sum_to(dy, b.shape);
        if (wants_b) gradients.add(b, std::move(db));
    }
};
template <class T>
Var<T> linear(const Var<T>& x, const Var<T>& weight, const Var<T>& bias, Source at) {
    return apply<Linear<T>>(at, x, weight, bias);
}

#define TAPER_INSTANTIATE(T)                                                       \
    template Var<T> matmul(const Var<T>&, const Var<T>&, Transposed, Source);      \
    template Var<T> composed::linear(const Var<T>&, const Var<T>&, const Var<T>&); \
    template Var<T> linear(const Var<T>&, const Var<T>&, const Var<T>&, Source);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
