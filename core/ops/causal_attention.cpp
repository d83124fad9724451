// Causal projected attention: the composition, O(n^2), and the op, O(n), in chunks of positions.
//
// E and F are fixed by position, so the projection of a prefix is a running sum. Masking the n x k
// scores with a triangle would not make Linformer causal: every slot of E K already holds the
// future.
#include <cmath>
#include <limits>

#include "core/kernels/gemm.hpp"
#include "core/kernels/map.hpp"
#include "core/ops.hpp"

namespace taper {

// Is i one of the last `window` positions up to t?
static bool in_window(std::size_t t, std::size_t i, std::size_t window) {
    return i <= t && t < i + window;
}

// Which of the n x n scores are within the window and of real positions: (n, n), or (B, 1, n, n).
static Mask window_mask(std::size_t n, const CausalOptions& options) {
    Shape shape{n, n};
    if (options.real) shape = {options.real->shape(0), 1, n, n};
    auto mask = empty<bool>(shape);
    for (std::size_t i = 0; i < mask.size(); ++i) {
        const std::size_t s = i % n, t = i / n % n, row = i / n / n;
        mask.data()[i] =
            in_window(t, s, options.window) && (!options.real || (*options.real)(row, s));
    }
    return mask;
}

template <class T>
Var<T> composed::causal_attention(const Var<T>& Q, const Var<T>& K, const Var<T>& V,
                                  const Var<T>& E, const Var<T>& F, const CausalOptions& options) {
    const std::size_t n = Q.shape()[1], k = E.shape()[0];
    const auto split = [&](const Var<T>& x) { return split_heads(x, options.heads); };
    const T scale = 1 / std::sqrt(static_cast<T>(Q.shape()[2] / options.heads));
    const Mask past = window_mask(n, {.window = n});
    const Var<T> scores = matmul(split(Q), split(K), {.transpose_b = true}) * scale;
    const Var<T> S = matmul(select(past, scores, T(0)), E, {.transpose_b = true});
    const Var<T> exact =
        select(window_mask(n, options), scores, -std::numeric_limits<T>::infinity());
    const Var<T> P = taper::softmax(concat(std::vector<Var<T>>{S, exact}, -1));
    const Var<T> P_slots = slice(P, -1, {.end = static_cast<std::ptrdiff_t>(k)});
    const Var<T> P_exact = slice(P, -1, {.begin = static_cast<std::ptrdiff_t>(k)});
    return merge_heads(matmul(select(past, matmul(P_slots, F), T(0)) + P_exact, split(V)));
}

template <class T> struct CausalAttention final : Op<T> {
    const char* formula() const override {
        return R"(y_t = P_t V-bar_t,  P_t = softmax(q_t K-bar_t^T / sqrt(d_h)),  
  K-bar_t = sum_{i<=t} e_i k_i^T,  V-bar_t = sum_{i<=t} f_i v_i^T
  Q, K, V, y (B, n, h d_h); E, F (k, n); e_i: column i of E
With a window, the keys and values of the last positions stand beside the k slots, in one softmax.

In chunks of C positions, of which Q, K, V, E, F below are the part,
with K-bar and V-bar summed over the chunks before:
  forward   1. A = tril(Q K^T)
            2. S = (Q K-bar^T + A E^T | Q K_near^T, -inf outside the window) / sqrt(d_h)
            3. P = softmax(S)
            4. G = tril(P_slots F)
            5. y = P_slots V-bar + G V + P_near V_near
            6. K-bar += E K,  V-bar += F V
  backward  (chunks from the last; dK-bar and dV-bar are of the sums after the chunk)
            6. dE = dK-bar K^T,  dK = E^T dK-bar,  dF = dV-bar V^T,  dV = F^T dV-bar
            5. dG = tril(dy V^T),  dV += G^T dy
               dP = (dy V-bar^T | dy V_near^T),  dV_near += P_near^T dy
            4. dP_slots += dG F^T,  dF += P_slots^T dG         then   dV-bar += P_slots^T dy
            3. dS = P (dP - rowsum(P dP)) / sqrt(d_h)
            2. dQ = dS_slots K-bar + dS_near K_near,  dE += dS_slots^T A
               dA = tril(dS_slots E),  dK_near += dS_near^T Q
            1. dQ += dA K,  dK += dA^T Q                       then   dK-bar += dS_slots^T Q
needs K-bar and V-bar before each chunk; 1 to 4 are computed again.)";
    }

    Var<T> Q, K, V, E, F;
    CausalOptions options;
    std::size_t n, d, d_h, k, C;  // C: positions in a chunk
    // (units, chunks, k, d_h): before each chunk. A unit is a head of a batch row
    Array<T> K_bars, V_bars;
    const char* name() const override { return "causal_attention"; }

    Var<T> forward(const Var<T>& queries, const Var<T>& keys, const Var<T>& values,
                   const Var<T>& key_projection, const Var<T>& value_projection,
                   const CausalOptions& how) {
        Q = queries, K = keys, V = values, E = key_projection, F = value_projection, options = how;
        check();
        auto y = empty<T>(Q.shape());
        K_bars = empty<T>({units(), chunks(), k, d_h}),
        V_bars = empty<T>({units(), chunks(), k, d_h});
        parallel_for(units(), 1, [&](std::size_t begin, std::size_t end) {
            Scores scores(*this);
            Array<T> K_bar = empty<T>({k, d_h}), V_bar = empty<T>({k, d_h});
            for (std::size_t unit = begin; unit < end; ++unit) {
                K_bar.fill(T(0)), V_bar.fill(T(0));
                for (std::size_t c = 0; c < chunks(); ++c) {
                    std::copy(K_bar.begin(), K_bar.end(), state(K_bars, unit, c));
                    std::copy(V_bar.begin(), V_bar.end(), state(V_bars, unit, c));
                    const Chunk at(*this, unit, c);
                    scores.compute(at);  // 1 to 4
                    T* out = y.data() + at.offset;
                    gemm(scores.P_slots(at), at.V_bar, out, d);  // 5
                    add_seen(scores.G(at), at.V, out, d);
                    if (options.window) add_seen(scores.P_near(at), at.V_near, out, d);
                    gemm(at.E, at.K, K_bar.data(), d_h, true);  // 6
                    gemm(at.F, at.V, V_bar.data(), d_h, true);
                }
            }
        });
        return y;
    }

    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const bool wants_Q = gradients.wants(Q), wants_K = gradients.wants(K),
                   wants_V = gradients.wants(V);
        const bool wants_E = gradients.wants(E), wants_F = gradients.wants(F);
        const auto shape_if = [&](bool wanted) { return wanted ? Q.shape() : Shape{0}; };
        auto dQ = empty<T>(shape_if(wants_Q)), dK = zeros<T>(shape_if(wants_K)),
             dV = zeros<T>(shape_if(wants_V));
        // dE and dF are sums over units: a few partial ones, so that their number does not depend
        // on the threads.
        const std::size_t parts = std::min<std::size_t>(units(), 8);
        auto dE = empty<T>({wants_E ? parts : 0, k, n}), dF = empty<T>({wants_F ? parts : 0, k, n});
        parallel_for(parts, 1, [&](std::size_t part, std::size_t) {
            const Targets to{.dQ = wants_Q ? dQ.data() : nullptr,
                             .dK = wants_K ? dK.data() : nullptr,
                             .dV = wants_V ? dV.data() : nullptr,
                             .dE = wants_E ? dE.data() + part * k * n : nullptr,
                             .dF = wants_F ? dF.data() + part * k * n : nullptr};
            const std::size_t first = part * units() / parts;
            for (std::size_t unit = first; unit < (part + 1) * units() / parts; ++unit)
                backward_unit(unit, dy.data(), to, unit > first);
        });
        if (wants_Q) gradients.add(Q, std::move(dQ));
        if (wants_K) gradients.add(K, std::move(dK));
        if (wants_V) gradients.add(V, std::move(dV));
        if (wants_E) gradients.add(E, sum_to(dE, E.shape()));
        if (wants_F) gradients.add(F, sum_to(dF, F.shape()));
    }

  private:
    std::size_t units() const { return Q.shape()[0] * options.heads; }
    // The entry of Q where a position of a unit starts.
    std::size_t entry(std::size_t unit, std::size_t position) const {
        return (unit / options.heads * n + position) * d + unit % options.heads * d_h;
    }
    std::size_t chunks() const { return (n + C - 1) / C; }
    T* state(Array<T>& sums, std::size_t unit, std::size_t c) const {
        return sums.data() + (unit * chunks() + c) * k * d_h;
    }

    // The parts of everything that belong to one chunk of one unit.
    struct Chunk {
        std::size_t first, rows, offset;  // positions first ...; entry of Q where they start
        std::size_t near, near_rows;      // positions near ... can be in a window
        const bool* real = nullptr;       // of the unit's row, or none
        Matrix<T> Q, K, V, E, F, K_bar, V_bar, K_near, V_near;

        Chunk(CausalAttention& op, std::size_t unit, std::size_t c)
            : first(c * op.C),
              rows(std::min(op.C, op.n - first)),
              offset(op.entry(unit, first)),
              near(first + 1 > op.options.window ? first + 1 - op.options.window : 0),
              near_rows(op.options.window ? first + rows - near : 0) {
            const auto part = [&](const Var<T>& x) {
                return Matrix<T>{x.value().data() + offset, rows, op.d_h, op.d};
            };
            const auto columns = [&](const Var<T>& x) {
                return Matrix<T>{x.value().data() + first, op.k, rows, op.n};
            };
            const auto before = [&](const Var<T>& x) {
                return Matrix<T>{x.value().data() + op.entry(unit, near), near_rows, op.d_h, op.d};
            };
            Q = part(op.Q), K = part(op.K), V = part(op.V), E = columns(op.E), F = columns(op.F);
            K_near = before(op.K), V_near = before(op.V);
            K_bar = {op.state(op.K_bars, unit, c), op.k, op.d_h, op.d_h};
            V_bar = {op.state(op.V_bars, unit, c), op.k, op.d_h, op.d_h};
            if (const auto& mask = op.options.real)
                real = mask->data() + unit / op.options.heads * op.n;
        }
    };

    // A, P and G of a chunk, in memory that serves one chunk after the other.
    struct Scores {
        const CausalAttention& op;
        std::size_t width;  // of a row of P: the slots and what is near
        Array<T> a, p, g;

        explicit Scores(const CausalAttention& of)
            : op(of),
              width(op.k + (op.options.window ? op.C + op.options.window : 0)),
              a(empty<T>({op.C, op.C})),
              p(empty<T>({op.C, width})),
              g(empty<T>({op.C, op.C})) {}
        Matrix<T> A(const Chunk& at) const { return {a.data(), at.rows, at.rows, op.C}; }
        Matrix<T> G(const Chunk& at) const { return {g.data(), at.rows, at.rows, op.C}; }
        Matrix<T> P_slots(const Chunk& at) const { return {p.data(), at.rows, op.k, width}; }
        Matrix<T> P_near(const Chunk& at) const {
            return {p.data() + op.k, at.rows, at.near_rows, width};
        }

        void compute(const Chunk& at) {
            gemm(at.Q, transposed(at.K), a.data(), op.C);  // 1
            lower(a, at.rows, op.C);
            gemm(at.Q, transposed(at.K_bar), p.data(), width);  // 2
            gemm(A(at), transposed(at.E), p.data(), width, true);
            if (op.options.window) gemm(at.Q, transposed(at.K_near), p.data() + op.k, width);
            for (std::size_t i = 0; i < at.rows; ++i) {
                T* row = p.data() + i * width;
                const std::size_t count = op.k + at.near_rows;
                for (std::size_t j = 0; j < at.near_rows; ++j)
                    if (!in_window(at.first + i, at.near + j, op.options.window) ||
                        (at.real && !at.real[at.near + j]))
                        row[op.k + j] = -std::numeric_limits<T>::infinity();
                const auto exp_of = [m = max_row(count, row), scale = op.scale()](auto s) {  // 3
                    return xsimd::exp((s - m) * scale);
                };
                map_row(row, count, exp_of, row);
                const auto normalised = [inverse = 1 / sum_row(
                                                           count, [](auto e) { return e; }, row)](
                                            auto e) { return e * inverse; };
                map_row(row, count, normalised, row);
            }
            gemm(P_slots(at), at.F, g.data(), op.C);  // 4
            lower(g, at.rows, op.C);
        }
    };

    // Where a unit's gradients are added; null where none is wanted.
    struct Targets {
        T *dQ, *dK, *dV, *dE, *dF;
    };

    // sum: dE and dF hold those of other units, to be added to.
    void backward_unit(std::size_t unit, const T* dy, const Targets& to, bool sum) {
        const auto [dQ, dK, dV, dE, dF] = to;
        const bool wants_S = dQ || dK || dE, wants_A = dQ || dK;
        Scores scores(*this);
        const std::size_t width = scores.width;
        Array<T> dK_bar = zeros<T>({k, d_h}), dV_bar = zeros<T>({k, d_h});
        Array<T> dp = empty<T>({C, width}), da = empty<T>({C, C}), dg = empty<T>({C, C});
        const Matrix<T> dK_sum{dK_bar.data(), k, d_h, d_h}, dV_sum{dV_bar.data(), k, d_h, d_h};
        for (std::size_t c = chunks(); c-- > 0;) {
            const Chunk at(*this, unit, c);
            scores.compute(at);  // 1 to 4 again
            const std::size_t near = entry(unit, at.near);
            const Matrix<T> dY{dy + at.offset, at.rows, d_h, d}, dA{da.data(), at.rows, at.rows, C},
                dG{dg.data(), at.rows, at.rows, C}, dS_slots{dp.data(), at.rows, k, width},
                dS_near{dp.data() + k, at.rows, at.near_rows, width};
            if (dE) gemm(dK_sum, transposed(at.K), dE + at.first, n, sum);  // 6
            if (dK) gemm(transposed(at.E), dK_sum, dK + at.offset, d, true);
            if (dF) gemm(dV_sum, transposed(at.V), dF + at.first, n, sum);
            if (dV) gemm(transposed(at.F), dV_sum, dV + at.offset, d, true);
            gemm(dY, transposed(at.V), dg.data(), C);  // 5
            lower(dg, at.rows, C);
            if (dV) gemm(transposed(scores.G(at)), dY, dV + at.offset, d, true);
            if (dV && options.window) gemm(transposed(scores.P_near(at)), dY, dV + near, d, true);
            if (dF) gemm(transposed(scores.P_slots(at)), dG, dF + at.first, n, true);  // 4
            gemm(transposed(scores.P_slots(at)), dY, dV_bar.data(), d_h, true);
            if (!wants_S) continue;
            gemm(dY, transposed(at.V_bar), dp.data(), width);  // 5
            if (options.window) gemm(dY, transposed(at.V_near), dp.data() + k, width);
            gemm(dG, transposed(at.F), dp.data(), width, true);  // 4
            for (std::size_t i = 0; i < at.rows; ++i) {          // 3
                T *dP = dp.data() + i * width, *P = scores.p.data() + i * width;
                const std::size_t count = k + at.near_rows;
                const auto seen = [](auto p, auto term) {  // dp may be NaN where p is 0
                    return xsimd::select(p == decltype(p)(T(0)), decltype(p)(T(0)), term);
                };
                const auto times = [=](auto p, auto dp) { return seen(p, p * dp); };
                const T inner = sum_row(count, times, P, dP);
                const auto slope = [=, scale = scale()](auto p, auto dp) {
                    return seen(p, p * (dp - inner) * scale);
                };
                map_row(dP, count, slope, P, dP);
            }
            if (dE) gemm(transposed(dS_slots), scores.A(at), dE + at.first, n, true);  // 2
            if (wants_A) gemm(dS_slots, at.E, da.data(), C);
            if (wants_A) lower(da, at.rows, C);
            if (dQ) {
                gemm(dS_slots, at.K_bar, dQ + at.offset, d);
                if (options.window) add_seen(dS_near, at.K_near, dQ + at.offset, d);
                add_seen(dA, at.K, dQ + at.offset, d);  // 1
            }
            if (dK) {
                if (options.window) gemm(transposed(dS_near), at.Q, dK + near, d, true);  // 2
                gemm(transposed(dA), at.Q, dK + at.offset, d, true);                      // 1
            }
            gemm(transposed(dS_slots), at.Q, dK_bar.data(), d_h, true);
        }
    }

    T scale() const { return 1 / std::sqrt(static_cast<T>(d_h)); }
    static void lower(Array<T>& x, std::size_t rows, std::size_t stride) {  // tril
        for (std::size_t i = 0; i < rows; ++i)
            std::fill(x.data() + i * stride + i + 1, x.data() + i * stride + rows, T(0));
    }

    void check() {
        const Shape &q = Q.shape(), &e = E.shape();
        if (q.size() != 3 || K.shape() != q || V.shape() != q)
            shape_error(name(), "Q, K and V must have one shape (B, n, d)",
                        {{"Q", q}, {"K", K.shape()}, {"V", V.shape()}});
        n = q[1], d = q[2];
        if (options.heads == 0 || d == 0 || d % options.heads != 0)
            shape_error(name(), "d must be a multiple of the heads", {{"Q", q}},
                        "heads " + std::to_string(options.heads));
        d_h = d / options.heads;
        if (e.size() != 2 || F.shape() != e || e[0] == 0 || e[1] != n)
            shape_error(name(), "E and F must be (k, n), k 1 or more",
                        {{"Q", q}, {"E", e}, {"F", F.shape()}});
        k = e[0];
        options.window = std::min(options.window, n);
        if (options.real && options.real->shape() != Shape{q[0], n})
            shape_error(name(), "the mask of real positions must be (B, n)",
                        {{"Q", q}, {"real", options.real->shape()}});
        C = std::min(std::max<std::size_t>(n, 1), options.chunk ? options.chunk : default_chunk());
    }
    // About sqrt(k d_h) is least work for a given memory (a sum for each chunk); BLAS wants 32 rows
    // at least.
    std::size_t default_chunk() const {
        const auto root = static_cast<std::size_t>(std::sqrt(static_cast<double>(k * d_h)));
        return std::max<std::size_t>(32, (root + 15) / 16 * 16);
    }
};
template <class T>
Var<T> causal_attention(const Var<T>& Q, const Var<T>& K, const Var<T>& V, const Var<T>& E,
                        const Var<T>& F, const CausalOptions& options, Source at) {
    return apply<CausalAttention<T>>(at, Q, K, V, E, F, options);
}

#define TAPER_INSTANTIATE(T)                                                                     \
    template Var<T> composed::causal_attention(const Var<T>&, const Var<T>&, const Var<T>&,      \
                                               const Var<T>&, const Var<T>&,                     \
                                               const CausalOptions&);                            \
    template Var<T> causal_attention(const Var<T>&, const Var<T>&, const Var<T>&, const Var<T>&, \
                                     const Var<T>&, const CausalOptions&, Source);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
