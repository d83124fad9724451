// Causal projected attention: the composition, O(n^2), and the op, O(n), in chunks of positions.
//
// E and F are fixed by position, so the projection of a prefix is a running sum. Masking the n x k
// scores with a triangle would not make Linformer causal: every slot of E K already holds the
// future.
#include <cmath>
#include <limits>

#include "core/kernels/arithmetic.hpp"
#include "core/kernels/gemm.hpp"
#include "core/kernels/map.hpp"
#include "core/ops.hpp"
#include "core/ops/head.hpp"

namespace taper {

// Is i one of the last `window` positions up to t?
static bool in_window(std::size_t t, std::size_t i, std::size_t window) {
    return i <= t && t < i + window;
}

// Which of the n x n scores are in the window and of real positions: (n, n), or (B, 1, n, n).
static Mask window_mask(std::size_t n, const CausalOptions& options) {
    Shape shape{n, n};
    if (options.real) shape = {options.real->shape(0), 1, n, n};
    auto mask = empty<bool>(shape);
    for (std::size_t i = 0; i < mask.size(); ++i) {
        const std::size_t key = i % n;
        const std::size_t query = i / n % n;
        const std::size_t batch_row = i / n / n;
        const bool is_real = !options.real || (*options.real)(batch_row, key);
        mask.data()[i] = in_window(query, key, options.window) && is_real;
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
    const Var<T> near =
        select(window_mask(n, options), scores, -std::numeric_limits<T>::infinity());
    const Var<T> P = taper::softmax(concat(std::vector<Var<T>>{S, near}, -1));
    const Var<T> P_slots = slice(P, -1, {.end = static_cast<std::ptrdiff_t>(k)});
    const Var<T> P_near = slice(P, -1, {.begin = static_cast<std::ptrdiff_t>(k)});
    return merge_heads(matmul(select(past, matmul(P_slots, F), T(0)) + P_near, split(V)));
}

template <class T> struct CausalAttention final : Op<T> {
    const char* formula() const override {
        return R"(y_t = P_t V-bar_t,  P_t = softmax(q_t K-bar_t^T / sqrt(d_h)),
  K-bar_t = sum_{i<=t} e_i k_i^T,  V-bar_t = sum_{i<=t} f_i v_i^T
  Q, K, V, y (B, n, h d_h); E, F (k, n); e_i: column i of E
With a window, K_near and V_near, of the last positions, stand beside the k slots: 2, 3 and 5.

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
    const char* inputs() const override { return "Q K V E F"; }

    Var<T> Q, K, V, E, F;
    CausalOptions options;
    std::size_t n, d, d_h, k;
    std::size_t C;            // positions in a chunk
    Array<T> K_bars, V_bars;  // (heads of the batch, chunks, k, d_h): before each chunk
    const char* name() const override { return "causal_attention"; }

    void check() {
        const Shape &q = Q.shape(), &e = E.shape();
        if (q.size() != 3 || K.shape() != q || V.shape() != q)
            shape_error(name(), "Q, K and V must have one shape (B, n, d)",
                        {{"Q", q}, {"K", K.shape()}, {"V", V.shape()}});
        n = q[1];
        d = q[2];
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
        const std::size_t chunk = options.chunk ? options.chunk : default_chunk();
        C = std::min(std::max<std::size_t>(n, 1), chunk);
    }
    // With about sqrt(k d_h) positions in a chunk the work is least, for the memory of the sums
    // that each chunk keeps. BLAS is slow below 32 rows.
    std::size_t default_chunk() const {
        const auto root = static_cast<std::size_t>(std::sqrt(static_cast<double>(k * d_h)));
        return std::max<std::size_t>(32, (root + 15) / 16 * 16);
    }

    Var<T> forward(const Var<T>& queries, const Var<T>& keys, const Var<T>& values,
                   const Var<T>& key_projection, const Var<T>& value_projection,
                   const CausalOptions& given) {
        Q = queries;
        K = keys;
        V = values;
        E = key_projection;
        F = value_projection;
        options = given;
        check();
        auto y = empty<T>(Q.shape());
        K_bars = empty<T>({heads_of_batch(), chunks(), k, d_h});
        V_bars = empty<T>({heads_of_batch(), chunks(), k, d_h});
        parallel_for(heads_of_batch(), 1, [&](std::size_t begin, std::size_t end) {
            Scores scores(*this);
            Array<T> K_bar = empty<T>({k, d_h});
            Array<T> V_bar = empty<T>({k, d_h});
            for (std::size_t number = begin; number < end; ++number) {
                const Head head(number, options.heads, d);
                K_bar.fill(T(0));
                V_bar.fill(T(0));
                for (std::size_t c = 0; c < chunks(); ++c) {
                    std::copy(K_bar.begin(), K_bar.end(), K_bars.data() + sums_offset(head, c));
                    std::copy(V_bar.begin(), V_bar.end(), V_bars.data() + sums_offset(head, c));
                    const Chunk chunk(*this, head, c);
                    T* const y_rows = y.data() + chunk.offset;
                    forward_scores(chunk, scores);                        // 1 to 4
                    gemm(scores.P_slots(chunk), chunk.V_bar, y_rows, d);  // 5
                    gemm_masked(scores.G(chunk), chunk.V, y_rows, d);
                    if (options.window) gemm_masked(scores.P_near(chunk), chunk.V_near, y_rows, d);
                    gemm(chunk.E, chunk.K, K_bar.data(), d_h, true);  // 6
                    gemm(chunk.F, chunk.V, V_bar.data(), d_h, true);
                }
            }
        });
        return y;
    }

    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const bool wants_Q = gradients.wants(Q);
        const bool wants_K = gradients.wants(K);
        const bool wants_V = gradients.wants(V);
        const bool wants_E = gradients.wants(E);
        const bool wants_F = gradients.wants(F);
        auto dQ = empty<T>(wants_Q ? Q.shape() : Shape{0});
        auto dK = zeros<T>(wants_K ? Q.shape() : Shape{0});
        auto dV = zeros<T>(wants_V ? Q.shape() : Shape{0});
        // dE and dF are sums over the heads of the batch: a few partial ones, so that their number
        // does not depend on the threads.
        const std::size_t parts = std::min<std::size_t>(heads_of_batch(), 8);
        auto dE = empty<T>({wants_E ? parts : 0, k, n});
        auto dF = empty<T>({wants_F ? parts : 0, k, n});
        parallel_for(parts, 1, [&](std::size_t part, std::size_t) {
            const Targets targets{
                .dQ = wants_Q ? dQ.data() : nullptr,
                .dK = wants_K ? dK.data() : nullptr,
                .dV = wants_V ? dV.data() : nullptr,
                .dE = wants_E ? dE.data() + part * k * n : nullptr,
                .dF = wants_F ? dF.data() + part * k * n : nullptr,
            };
            const Interval heads = nth_part(heads_of_batch(), parts, part);
            for (std::size_t number = heads.begin; number < heads.end; ++number) {
                const Head head(number, options.heads, d);
                backward_head(head, dy, targets, number > heads.begin);
            }
        });
        if (wants_Q) gradients.add(Q, std::move(dQ));
        if (wants_K) gradients.add(K, std::move(dK));
        if (wants_V) gradients.add(V, std::move(dV));
        if (wants_E) gradients.add(E, sum_to(dE, E.shape()));
        if (wants_F) gradients.add(F, sum_to(dF, F.shape()));
    }

    // P of the first positions, chunk by chunk as backward makes it again: over the slots, and over
    // the positions in the window.
    std::vector<Intermediate<T>> intermediates(const PartSize& most) const override {
        const std::size_t heads = std::min(heads_of_batch(), most.matrices);
        const std::size_t rows = std::min(n, most.rows);
        const std::size_t slots = std::min(k, most.columns);
        const std::size_t keys = options.window ? std::min(n, most.columns) : 0;
        auto P_slots = empty<T>({heads, rows, slots});
        auto P_near = zeros<T>({heads, rows, keys});
        Scores scores(*this);
        for (std::size_t number = 0; number < heads; ++number) {
            const Head head(number, options.heads, d);
            for (std::size_t c = 0; c * C < rows; ++c) {
                const Chunk chunk(*this, head, c);
                forward_scores(chunk, scores);
                for (std::size_t i = 0; i < std::min(chunk.rows, rows - chunk.first); ++i) {
                    const std::size_t row = number * rows + chunk.first + i;
                    const T* const P = scores.p.data() + i * scores.width;
                    std::copy_n(P, slots, P_slots.data() + row * slots);
                    for (std::size_t j = 0; j < chunk.near_rows; ++j)
                        if (const std::size_t key = chunk.near_first + j; key < keys)
                            P_near.data()[row * keys + key] = P[k + j];
                }
            }
        }
        const Shape& q = Q.shape();
        std::vector<Intermediate<T>> both;
        both.push_back(
            {"P_slots", "query", "slot", {q[0], options.heads, n, k}, std::move(P_slots)});
        if (options.window)
            both.push_back(
                {"P_near", "query", "key", {q[0], options.heads, n, n}, std::move(P_near)});
        return both;
    }

  private:
    T scale() const { return 1 / std::sqrt(static_cast<T>(d_h)); }
    std::size_t heads_of_batch() const { return Q.shape()[0] * options.heads; }
    std::size_t chunks() const { return ceil_quotient(n, C); }

    // The entry of K_bars and V_bars where the sums before a chunk begin.
    std::size_t sums_offset(const Head& head, std::size_t c) const {
        return (head.number * chunks() + c) * k * d_h;
    }

    // The parts of Q, K, V, E, F and of the sums that belong to one chunk of one head.
    struct Chunk {
        std::size_t first, rows;  // its positions: first, first + 1, ...
        std::size_t offset;       // the entry of Q where they begin
        // the positions that can be in a window of theirs: near_first, near_first + 1, ...
        std::size_t near_first, near_rows;
        std::size_t near_offset;     // the entry of Q where these begin
        const bool* real = nullptr;  // of the positions of the batch row, or none
        MatrixView<T> Q, K, V, E, F, K_bar, V_bar, K_near, V_near;

        Chunk(const CausalAttention& op, const Head& head, std::size_t c)
            : first(c * op.C),
              rows(std::min(op.C, op.n - first)),
              offset(head.offset(first, op.n)),
              near_first(first + 1 > op.options.window ? first + 1 - op.options.window : 0),
              near_rows(op.options.window ? first + rows - near_first : 0),
              near_offset(head.offset(near_first, op.n)),
              Q(head.matrix(op.Q.value(), first, rows)),
              K(head.matrix(op.K.value(), first, rows)),
              V(head.matrix(op.V.value(), first, rows)),
              E{op.E.value().data() + first, op.k, rows, op.n},
              F{op.F.value().data() + first, op.k, rows, op.n},
              K_bar{op.K_bars.data() + op.sums_offset(head, c), op.k, op.d_h, op.d_h},
              V_bar{op.V_bars.data() + op.sums_offset(head, c), op.k, op.d_h, op.d_h},
              K_near(head.matrix(op.K.value(), near_first, near_rows)),
              V_near(head.matrix(op.V.value(), near_first, near_rows)) {
            if (op.options.real) real = op.options.real->data() + head.batch_row * op.n;
        }

        // Is the key in the window of the position, and real?
        bool sees(std::size_t position, std::size_t key, std::size_t window) const {
            return in_window(position, key, window) && (!real || real[key]);
        }
    };

    // A, P and G of a chunk, or their gradients, in memory that serves one chunk after the other.
    struct Scores {
        std::size_t C, k;
        std::size_t width;  // of a row of P: the slots and what is near
        Array<T> a, p, g;

        explicit Scores(const CausalAttention& op)
            : C(op.C),
              k(op.k),
              width(k + (op.options.window ? C + op.options.window : 0)),
              a(empty<T>({C, C})),
              p(empty<T>({C, width})),
              g(empty<T>({C, C})) {}

        MatrixView<T> A(const Chunk& chunk) const { return {a.data(), chunk.rows, chunk.rows, C}; }
        MatrixView<T> G(const Chunk& chunk) const { return {g.data(), chunk.rows, chunk.rows, C}; }
        MatrixView<T> P_slots(const Chunk& chunk) const { return {p.data(), chunk.rows, k, width}; }
        MatrixView<T> P_near(const Chunk& chunk) const {
            return {p.data() + k, chunk.rows, chunk.near_rows, width};
        }
    };

    // Sets what is right of the diagonal to 0.
    static void tril(Array<T>& x, std::size_t rows, std::size_t stride) {
        for (std::size_t i = 0; i < rows; ++i)
            std::fill(x.data() + i * stride + i + 1, x.data() + i * stride + rows, T(0));
    }

    // 1 to 4 of forward. P is S at first, not yet scaled.
    void forward_scores(const Chunk& chunk, Scores& scores) const {
        const std::size_t width = scores.width;
        T* const P = scores.p.data();
        gemm(chunk.Q, transposed(chunk.K), scores.a.data(), C);  // 1
        tril(scores.a, chunk.rows, C);
        gemm(chunk.Q, transposed(chunk.K_bar), P, width);  // 2
        gemm(scores.A(chunk), transposed(chunk.E), P, width, true);
        if (options.window) gemm(chunk.Q, transposed(chunk.K_near), P + k, width);
        for (std::size_t i = 0; i < chunk.rows; ++i) {
            T* const P_near = P + i * width + k;
            for (std::size_t j = 0; j < chunk.near_rows; ++j)
                if (!chunk.sees(chunk.first + i, chunk.near_first + j, options.window))
                    P_near[j] = -std::numeric_limits<T>::infinity();
            softmax_row(k + chunk.near_rows, P + i * width);  // 3
        }
        gemm(scores.P_slots(chunk), chunk.F, scores.g.data(), C);  // 4
        tril(scores.g, chunk.rows, C);
    }

    // 3 of one row, which holds S without the scale of 2 and becomes P.
    void softmax_row(std::size_t count, T* row) const {
        const T m = max_row(count, row);
        const T s = scale();
        const auto exp_of = [m, s](auto score) { return xsimd::exp((score - m) * s); };
        map_row(row, count, exp_of, row);
        const T inverse = 1 / sum_row(count, identity, row);
        scale_row(row, count, inverse);
    }

    // Where gradients are added. Null: not wanted. dE and dF are the sums of a part of the heads.
    struct Targets {
        T *dQ, *dK, *dV, *dE, *dF;
    };

    // What backward holds while it goes through the chunks of one head.
    struct BackwardState {
        Scores scores;                 // A, P, G
        Scores score_gradients;        // dA, dP, dG
        Array<T> dK_bar, dV_bar;       // of the sums after the chunk
        MatrixView<T> dK_sum, dV_sum;  // the same as matrices

        explicit BackwardState(const CausalAttention& op)
            : scores(op),
              score_gradients(op),
              dK_bar(zeros<T>({op.k, op.d_h})),
              dV_bar(zeros<T>({op.k, op.d_h})),
              dK_sum(matrix(dK_bar)),
              dV_sum(matrix(dV_bar)) {}
    };

    // accumulate: dE and dF already hold the gradients of other heads.
    void backward_head(const Head& head, const Array<T>& dy, const Targets& targets,
                       bool accumulate) const {
        const auto [dQ, dK, dV, dE, dF] = targets;
        const bool wants_S = dQ || dK || dE;
        BackwardState state(*this);
        for (std::size_t c = chunks(); c-- > 0;) {
            const Chunk chunk(*this, head, c);
            const MatrixView<T> dY = head.matrix(dy, chunk.first, chunk.rows);
            forward_scores(chunk, state.scores);               // 1 to 4 again
            backward_sums(chunk, state, targets, accumulate);  // 6
            backward_values(chunk, dY, state, targets);        // 5, and 4 of F
            if (!wants_S) continue;
            backward_softmax(chunk, dY, state);      // 5 to 3: dS
            backward_scores(chunk, state, targets);  // 2, 1
        }
    }

    // 6. Forward: K-bar += E K,  V-bar += F V.
    void backward_sums(const Chunk& chunk, const BackwardState& state, const Targets& targets,
                       bool accumulate) const {
        const auto [dQ, dK, dV, dE, dF] = targets;
        if (dE) gemm(state.dK_sum, transposed(chunk.K), dE + chunk.first, n, accumulate);
        if (dK) gemm(transposed(chunk.E), state.dK_sum, dK + chunk.offset, d, true);
        if (dF) gemm(state.dV_sum, transposed(chunk.V), dF + chunk.first, n, accumulate);
        if (dV) gemm(transposed(chunk.F), state.dV_sum, dV + chunk.offset, d, true);
    }

    // 5 and 4 without dP. Forward: y = P_slots V-bar + G V + P_near V_near,  G = tril(P_slots F).
    void backward_values(const Chunk& chunk, const MatrixView<T>& dY, BackwardState& state,
                         const Targets& targets) const {
        const auto [dQ, dK, dV, dE, dF] = targets;
        const MatrixView<T> G_t = transposed(state.scores.G(chunk));
        const MatrixView<T> P_slots_t = transposed(state.scores.P_slots(chunk));
        const MatrixView<T> P_near_t = transposed(state.scores.P_near(chunk));
        Array<T>& dG = state.score_gradients.g;
        gemm(dY, transposed(chunk.V), dG.data(), C);  // 5
        tril(dG, chunk.rows, C);
        if (dV) gemm(G_t, dY, dV + chunk.offset, d, true);
        if (dV && options.window) gemm(P_near_t, dY, dV + chunk.near_offset, d, true);
        if (dF) gemm(P_slots_t, state.score_gradients.G(chunk), dF + chunk.first, n, true);  // 4
        // 5. From here on dV-bar is of the sum before this chunk.
        gemm(P_slots_t, dY, state.dV_bar.data(), d_h, true);
    }

    // 5, 4 and 3. dP = (dy V-bar^T + dG F^T | dy V_near^T), which becomes dS.
    void backward_softmax(const Chunk& chunk, const MatrixView<T>& dY, BackwardState& state) const {
        const std::size_t width = state.score_gradients.width;
        T* const dP = state.score_gradients.p.data();
        gemm(dY, transposed(chunk.V_bar), dP, width);  // 5
        if (options.window) gemm(dY, transposed(chunk.V_near), dP + k, width);
        gemm(state.score_gradients.G(chunk), transposed(chunk.F), dP, width, true);  // 4
        const T* const P = state.scores.p.data();
        for (std::size_t i = 0; i < chunk.rows; ++i)  // 3
            softmax_backward_row(k + chunk.near_rows, P + i * width, dP + i * width);
    }

    // 3 of one row. Forward: P = softmax(S), S with the scale 1 / sqrt(d_h). dP becomes dS.
    void softmax_backward_row(std::size_t count, const T* P, T* dP) const {
        const auto seen = [](auto p, auto term) {  // 0 where p is 0: dp may be NaN there
            return xsimd::select(p == decltype(p)(T(0)), decltype(p)(T(0)), term);
        };
        const auto seen_product = [seen](auto p, auto dp) { return seen(p, p * dp); };
        const T inner = sum_row(count, seen_product, P, dP);
        const T s = scale();
        const auto slope = [seen, inner, s](auto p, auto dp) {
            return seen(p, p * (dp - inner) * s);
        };
        map_row(dP, count, slope, P, dP);
    }

    // 2 and 1. Forward: A = tril(Q K^T),  S = (Q K-bar^T + A E^T | Q K_near^T).
    void backward_scores(const Chunk& chunk, BackwardState& state, const Targets& targets) const {
        const auto [dQ, dK, dV, dE, dF] = targets;
        const MatrixView<T> dS_slots = state.score_gradients.P_slots(chunk);
        const MatrixView<T> dS_near = state.score_gradients.P_near(chunk);
        const MatrixView<T> dA = state.score_gradients.A(chunk);
        const bool wants_A = dQ || dK;
        if (dE) gemm(transposed(dS_slots), state.scores.A(chunk), dE + chunk.first, n, true);  // 2
        if (wants_A) gemm(dS_slots, chunk.E, state.score_gradients.a.data(), C);
        if (wants_A) tril(state.score_gradients.a, chunk.rows, C);
        if (dQ) {
            T* const dQ_rows = dQ + chunk.offset;
            gemm(dS_slots, chunk.K_bar, dQ_rows, d);
            if (options.window) gemm_masked(dS_near, chunk.K_near, dQ_rows, d);
            gemm_masked(dA, chunk.K, dQ_rows, d);  // 1
        }
        if (dK) {
            if (options.window)
                gemm(transposed(dS_near), chunk.Q, dK + chunk.near_offset, d, true);  // 2
            gemm(transposed(dA), chunk.Q, dK + chunk.offset, d, true);                // 1
        }
        // 2. From here on dK-bar is of the sum before this chunk.
        gemm(transposed(dS_slots), chunk.Q, state.dK_bar.data(), d_h, true);
    }
};
template <class T>
Var<T> causal_attention(const Var<T>& Q, const Var<T>& K, const Var<T>& V, const Var<T>& E,
                        const Var<T>& F, const CausalOptions& options, Source source) {
    return apply<CausalAttention<T>>(source, Q, K, V, E, F, options);
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
