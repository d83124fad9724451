// Matrix products, the ops that do nearly all the work. BLAS and threads are in
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
    const char* inputs() const override { return "a b"; }

    Var<T> a, b;
    Transposed stored;
    const char* name() const override { return "matmul"; }

    void check() const {
        const Shape &left = a.shape(), &right = b.shape();
        if (left.size() < 2 || right.size() < 2)
            shape_error(name(), "a and b must have two axes or more", {{"a", left}, {"b", right}});
        const std::size_t inner_a = left[left.size() - (stored.transpose_a ? 2 : 1)];
        const std::size_t inner_b = right[right.size() - (stored.transpose_b ? 1 : 2)];
        if (inner_a != inner_b) {
            const std::string axis_a = stored.transpose_a ? "second to last" : "last";
            const std::string axis_b = stored.transpose_b ? "last" : "second to last";
            shape_error(name(), "the " + axis_a + " axis of a must equal the " + axis_b + " of b",
                        {{"a", left}, {"b", right}},
                        std::to_string(inner_a) + ", " + std::to_string(inner_b));
        }
        const Shape batch_a(left.begin(), left.end() - 2);
        const Shape batch_b(right.begin(), right.end() - 2);
        broadcast_shape(name(), {"batch of a", batch_a}, {"batch of b", batch_b});
    }

    Var<T> forward(const Var<T>& left, const Var<T>& right, Transposed given) {
        a = kept(left, wants_gradient(right));
        b = kept(right, wants_gradient(left));
        stored = given;
        check();
        return product(left.value(), stored.transpose_a, right.value(), stored.transpose_b);
    }

    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        if (gradients.wants(a)) gradients.add(a, gradient_of_a(dy));
        if (gradients.wants(b)) gradients.add(b, gradient_of_b(dy));
    }

  private:
    // da = dy b^T or, of a stored transposed, b dy^T.
    Array<T> gradient_of_a(const Array<T>& dy) const {
        Array<T> da = stored.transpose_a ? product(b.value(), stored.transpose_b, dy, true)
                                         : product(dy, false, b.value(), !stored.transpose_b);
        return sum_to(std::move(da), a.shape());
    }

    // db = a^T dy or, of b stored transposed, dy^T a.
    Array<T> gradient_of_b(const Array<T>& dy) const {
        // One b for the whole batch: the sum over the batch is one product over all rows.
        if (b.shape().size() == 2 && !stored.transpose_a)
            return stored.transpose_b ? sum_of_outer_products(dy, a.value())
                                      : sum_of_outer_products(a.value(), dy);
        Array<T> db = stored.transpose_b ? product(dy, true, a.value(), stored.transpose_a)
                                         : product(a.value(), !stored.transpose_a, dy, false);
        return sum_to(std::move(db), b.shape());
    }
};
template <class T>
Var<T> matmul(const Var<T>& a, const Var<T>& b, Transposed stored, Source source) {
    return apply<Matmul<T>>(source, a, b, stored);
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
    const char* inputs() const override { return "x W b"; }

    Var<T> x, W;
    Place<T> b;
    const char* name() const override { return "linear"; }

    Var<T> forward(const Var<T>& input, const Var<T>& weight, const Var<T>& bias) {
        x = kept(input, wants_gradient(weight));
        W = weight;
        b = bias;
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
            gradients.add(W, sum_of_outer_products(dy, x.value(), wants_b ? &db : nullptr));
        else if (wants_b) db = sum_to(dy, b.shape);
        if (wants_b) gradients.add(b, std::move(db));
    }
};
template <class T>
Var<T> linear(const Var<T>& x, const Var<T>& weight, const Var<T>& bias, Source source) {
    return apply<Linear<T>>(source, x, weight, bias);
}

#define TAPER_INSTANTIATE(T)                                                       \
    template Var<T> matmul(const Var<T>&, const Var<T>&, Transposed, Source);      \
    template Var<T> composed::linear(const Var<T>&, const Var<T>&, const Var<T>&); \
    template Var<T> linear(const Var<T>&, const Var<T>&, const Var<T>&, Source);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
