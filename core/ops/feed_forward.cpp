// The feed-forward network of a Transformer block: the composition, and the fused op, which holds
// its hidden layer once.
#include "core/kernels/gemm.hpp"
#include "core/kernels/map.hpp"
#include "core/ops.hpp"
#include "core/ops/kept.hpp"
#include "core/ops/normal.hpp"

namespace taper {

template <class T>
Var<T> composed::feed_forward(const Var<T>& x, const Var<T>& W1, const Var<T>& b1, const Var<T>& W2,
                              const Var<T>& b2) {
    return taper::linear(taper::gelu(taper::linear(x, W1, b1)), W2, b2);
}

// A strip of rows goes through all steps while it is in the cache: memory has to move u, but
// neither g, dg nor du.
template <class T> struct FeedForward final : Op<T> {
    const char* formula() const override {
        return R"(y = g W2^T + b2,  g = gelu(u),  u = x W1^T + b1
            x (..., n, in), W1 (hidden, in), b1 (hidden), u and g (..., n, hidden)
            W2 (out, hidden), b2 (out), y (..., n, out)
  forward   1. u    2. g = u Phi(u)    3. y
  backward  3. dg = dy W2,  dW2 = dy^T g,  db2 = sum of dy
            2. du = dg (Phi(u) + u phi(u))
            1. dx = du W1,  dW1 = du^T x,  db1 = sum of du
  needs u, and x for dW1; g is computed again)";
    }
    const char* inputs() const override { return "x W1 b1 W2 b2"; }

    static constexpr std::size_t strip = 128;  // rows

    Var<T> x, W1, W2;
    Place<T> b1, b2;
    Array<T> u;  // (rows, hidden)
    std::size_t rows, in, hidden, out;
    const char* name() const override { return "feed_forward"; }

    void check() {
        const Shape &w1 = W1.shape(), &w2 = W2.shape();
        if (x.shape().size() < 2 || w1.size() != 2 || w2.size() != 2 || w1[1] != x.shape().back() ||
            w2[1] != w1[0] || b1.shape != Shape{w1[0]} || b2.shape != Shape{w2[0]})
            shape_error(
                name(),
                "x must be (..., n, in), W1 (hidden, in), b1 (hidden), W2 (out, hidden), b2 (out)",
                {{"x", x.shape()}, {"W1", w1}, {"b1", b1.shape}, {"W2", w2}, {"b2", b2.shape}});
        in = w1[1];
        hidden = w1[0];
        out = w2[0];
        rows = 1;
        for (std::size_t i = 0; i + 1 < x.shape().size(); ++i) rows *= x.shape()[i];
    }

    Var<T> forward(const Var<T>& input, const Var<T>& up, const Var<T>& up_bias, const Var<T>& down,
                   const Var<T>& down_bias) {
        x = kept(input, wants_gradient(up));
        W1 = up;
        b1 = up_bias;
        W2 = down;
        b2 = down_bias;
        check();
        Shape shape = x.shape();
        shape.back() = out;
        u = empty<T>({rows, hidden});
        auto y = empty<T>(shape);
        const Panels<T> W1_t(transposed(matrix(W1.value())), rows);
        const Panels<T> W2_t(transposed(matrix(W2.value())), rows);
        const auto gelu = [](auto v) { return v * normal_cdf(v); };
        parallel_for(rows, strip, [&](std::size_t begin, std::size_t end) {
            const std::size_t n = end - begin;
            Array<T> g = empty<T>({n, hidden});
            const MatrixView<T> X{input.value().data() + begin * in, n, in, in};
            T* const u_rows = u.data() + begin * hidden;
            T* const y_rows = y.data() + begin * out;
            gemm(X, W1_t, u_rows, hidden, up_bias.value().data());         // 1
            map_row(g.data(), g.size(), gelu, u_rows);                     // 2
            gemm(matrix(g), W2_t, y_rows, out, down_bias.value().data());  // 3
        });
        return y;
    }

    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const bool wants_x = gradients.wants(x);
        const bool wants_W1 = gradients.wants(W1);
        const bool wants_b1 = gradients.wants(b1);
        const bool wants_W2 = gradients.wants(W2);
        const bool wants_b2 = gradients.wants(b2);
        const bool wants_u = wants_x || wants_W1 || wants_b1;
        const Panels<T> W1_panels(matrix(W1.value()), wants_x ? rows : 0);
        const Panels<T> W2_panels(matrix(W2.value()), wants_u ? rows : 0);
        auto dx = empty<T>(wants_x ? x.shape() : Shape{0});
        // dW and db are sums over all rows: each part of the rows has a sum of its own.
        const std::size_t parts = sum_parts(rows);
        auto dW1_t = empty<T>({wants_W1 ? parts : 0, in, hidden});
        auto dW2 = empty<T>({wants_W2 ? parts : 0, out, hidden});
        auto db1 = zeros<double>({parts, hidden});
        auto db2 = zeros<double>({parts, out});
        parallel_for(parts, 1, [&](std::size_t part, std::size_t) {
            Array<T> g = empty<T>({strip, hidden});
            Array<T> dg = empty<T>({strip, hidden});
            T* const dW1_t_part = wants_W1 ? dW1_t.data() + part * in * hidden : nullptr;
            T* const dW2_part = wants_W2 ? dW2.data() + part * out * hidden : nullptr;
            const Interval part_rows = nth_part(rows, parts, part);
            std::size_t begin = part_rows.begin;
            do {  // once where there is no row: dW1 and dW2 are 0 then
                const std::size_t n = std::min(strip, part_rows.end - begin);
                const bool accumulate = begin > part_rows.begin;
                const MatrixView<T> dY{dy.data() + begin * out, n, out, out};
                const MatrixView<T> G{g.data(), n, hidden, hidden};
                const MatrixView<T> dU{dg.data(), n, hidden, hidden};
                const T* const u_rows = u.data() + begin * hidden;
                // 3. Forward: y = g W2^T + b2. dW2 comes after 2, which makes g again.
                if (wants_u) gemm(dY, W2_panels, dg.data(), hidden);
                // 2. Forward: g = u Phi(u). dg becomes du.
                if (wants_u || wants_W2)
                    gelu_backward(n, u_rows, g.data(), dg.data(), wants_u, wants_W2);
                if (wants_W2) gemm(transposed(dY), G, dW2_part, hidden, accumulate);
                if (wants_b2) add_rows(n, out, dY.data, out, db2.data() + part * out);
                // 1. Forward: u = x W1^T + b1.
                if (wants_x) gemm(dU, W1_panels, dx.data() + begin * in, in);
                if (wants_W1) {
                    const MatrixView<T> X{x.value().data() + begin * in, n, in, in};
                    gemm(transposed(X), dU, dW1_t_part, hidden, accumulate);
                }
                if (wants_b1) add_rows(n, hidden, dU.data, hidden, db1.data() + part * hidden);
                begin += strip;
            } while (begin < part_rows.end);
        });
        if (wants_x) gradients.add(x, std::move(dx));
        if (wants_W1) gradients.add(W1, matrices_transposed(sum_to(dW1_t, {in, hidden})));
        if (wants_b1) gradients.add(b1, converted<T>(sum_to(db1, {hidden})));
        if (wants_W2) gradients.add(W2, sum_to(dW2, {out, hidden}));
        if (wants_b2) gradients.add(b2, converted<T>(sum_to(db2, {out})));
    }

  private:
    // 2 of n rows. dg becomes du = dg (Phi(u) + u phi(u)), and g = u Phi(u) is made again.
    void gelu_backward(std::size_t n, const T* u_rows, T* g, T* dg, bool wants_u,
                       bool wants_g) const {
        const auto Phi_of = [](auto v) { return normal_cdf(v); };
        const auto du_of = [](auto slope, auto v, auto cdf) {
            return slope * xsimd::fma(v, normal_density(v), cdf);
        };
        const auto g_of = [](auto v, auto cdf) { return v * cdf; };
        for (std::size_t i = 0; i < n; ++i) {
            const T* const u_row = u_rows + i * hidden;
            T* const dg_row = dg + i * hidden;
            T* const g_row = g + i * hidden;  // Phi(u) at first
            map_row(g_row, hidden, Phi_of, u_row);
            if (wants_u) map_row(dg_row, hidden, du_of, dg_row, u_row, g_row);
            if (wants_g) map_row(g_row, hidden, g_of, u_row, g_row);
        }
    }
};
template <class T>
Var<T> feed_forward(const Var<T>& x, const Var<T>& W1, const Var<T>& b1, const Var<T>& W2,
                    const Var<T>& b2, Source source) {
    return apply<FeedForward<T>>(source, x, W1, b1, W2, b2);
}

#define TAPER_INSTANTIATE(T)                                                                 \
    template Var<T> composed::feed_forward(const Var<T>&, const Var<T>&, const Var<T>&,      \
                                           const Var<T>&, const Var<T>&);                    \
    template Var<T> feed_forward(const Var<T>&, const Var<T>&, const Var<T>&, const Var<T>&, \
                                 const Var<T>&, Source);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
