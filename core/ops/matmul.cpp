// Matrix product: the op that does nearly all the work. BLAS and threads are in core/gemm.cpp.
#include "core/gemm.hpp"
#include "core/ops.hpp"

namespace taper {

// ---- y = a b                      a (..., m, k), b (..., k, n), y (..., m, n); axes before the last two broadcast
//   backward  da = dy b^T           db = a^T dy            each summed over the batch axes along which it was repeated
//   with b stored transposed, bt (..., n, k):  da = dy bt     dbt = dy^T a          and the same way round for a
template <class T> struct Matmul final : Op<T> {
    Var<T> a, b;
    Transposed as;
    const char* name() const override { return "matmul"; }

    Var<T> forward(const Var<T>& left, const Var<T>& right, Transposed how) {
        a = left, b = right, as = how;
        check();
        return product(a.value(), as.transpose_a, b.value(), as.transpose_b);
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
                            " axis of a must equal the " + (as.transpose_b ? "last" : "second to last") + " of b",
                        {{"a", left}, {"b", right}}, std::to_string(inner_a) + ", " + std::to_string(inner_b));
        broadcast_shape(name(), {"batch of a", Shape(left.begin(), left.end() - 2)},
                        {"batch of b", Shape(right.begin(), right.end() - 2)});
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        if (gradients.wants(a)) {
            const Array<T> da = as.transpose_a ? product(b.value(), as.transpose_b, dy, true)
                                               : product(dy, false, b.value(), !as.transpose_b);
            gradients.add(a, sum_to(da, a.shape()));
        }
        if (!gradients.wants(b)) return;
        if (b.shape().size() == 2 &&
            !as.transpose_a) {  // one b for the whole batch: its sum is one product over all rows
            const Array<T> rows_a = rows(a.value()), rows_dy = rows(dy);
            gradients.add(
                b, as.transpose_b ? product(rows_dy, true, rows_a, false) : product(rows_a, true, rows_dy, false));
        } else {
            const Array<T> db = as.transpose_b ? product(dy, true, a.value(), as.transpose_a)
                                               : product(a.value(), !as.transpose_a, dy, false);
            gradients.add(b, sum_to(db, b.shape()));
        }
    }
    static Array<T> rows(const Array<T>& x) {  // (..., m, n) as (... m, n)
        const std::size_t n = x.shape(x.dimension() - 1);
        Shape batch(x.shape().begin(), x.shape().end() - 1);
        return reshaped(x, {count(batch), n});
    }
};
template <class T> Var<T> matmul(const Var<T>& a, const Var<T>& b, Transposed as, Source at) {
    return apply<Matmul<T>>(at, a, b, as);
}

template Var<float> matmul(const Var<float>&, const Var<float>&, Transposed, Source);
template Var<double> matmul(const Var<double>&, const Var<double>&, Transposed, Source);

}  // namespace taper
