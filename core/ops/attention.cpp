// Attention: the composition, which holds all n x m weights, and the fused op, which holds one tile
// of them at a time.
#include <cmath>
#include <limits>

#include "core/kernels/arithmetic.hpp"
#include "core/kernels/gemm.hpp"
#include "core/kernels/map.hpp"
#include "core/ops.hpp"
#include "core/ops/head.hpp"

namespace taper {

template <class T>
Var<T> composed::attention(const Var<T>& Q, const Var<T>& K, const Var<T>& V,
                           const AttentionOptions& options) {
    const std::size_t B = Q.shape()[0], n = Q.shape()[1], m = K.shape()[1];
    Mask seen({B, 1, n, m}, true);       // query i sees key j
    Mask sees_key({B, 1, n, 1}, false);  // query i sees one at least
    for (std::size_t b = 0; b < B; ++b)
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j < m; ++j) {
                const bool is_past = !options.causal || j <= i;
                const bool is_live = !options.live || (*options.live)(b, j);
                seen(b, 0, i, j) = is_past && is_live;
                if (is_past && is_live) sees_key(b, 0, i, 0) = true;
            }
            if (sees_key(b, 0, i, 0)) continue;
            // A softmax of -inf alone would be NaN. These weights are not used.
            for (std::size_t j = 0; j < m; ++j) seen(b, 0, i, j) = true;
        }
    const auto split = [&](const Var<T>& x) { return split_heads(x, options.heads); };
    const T scale = 1 / std::sqrt(static_cast<T>(Q.shape()[2] / options.heads));
    const Var<T> S = matmul(split(Q), split(K), {.transpose_b = true}) * scale;
    const Var<T> P = taper::softmax(select(seen, S, -std::numeric_limits<T>::infinity()));
    return merge_heads(matmul(select(sees_key, P, T(0)), split(V)));
}

// S is made in tiles, some queries by some keys (Dao et al., arXiv 2205.14135). Forward meets the
// keys of a query tile by tile. It keeps the largest score M and the sum of e^(S - M) so far. Where
// M grows, the sum and y are scaled down to it.
template <class T> struct Attention final : Op<T> {
    const char* formula() const override {
        return R"(y = softmax(Q K^T / sqrt(d_h)) V for each head
            Q, y (B, n, h d_h); K, V (B, m, h d_h)
  forward   1. S = Q K^T / sqrt(d_h), -inf where not seen
            2. P = e^(S - L),  L_i = ln sum_j e^S_ij
            3. y = P V
  backward  3. dV = P^T dy,  dP = dy V^T
            2. dS = P (dP - rowsum(y dy))
            1. dQ = dS K / sqrt(d_h),  dK = dS^T Q / sqrt(d_h)
  needs y and L; S and P are computed again)";
    }
    const char* inputs() const override { return "Q K V"; }

    static constexpr std::size_t tile_rows = 64, tile_columns = 256;
    // A chunk of parallel_for has at least this many additions and multiplications.
    static constexpr std::size_t chunk_work = 1'000'000;
    static constexpr T infinity = std::numeric_limits<T>::infinity();

    Var<T> Q, K, V, y;
    AttentionOptions options;
    std::size_t n, m, d, d_h;
    Array<T> L;  // (B, h, n); inf where a query sees no key: P is 0
    const char* name() const override { return "attention"; }

    void check() {
        const Shape &q = Q.shape(), &k = K.shape();
        const std::size_t heads = options.heads;
        if (q.size() != 3 || k.size() != 3 || V.shape() != k || k[0] != q[0] || k[2] != q[2])
            shape_error(name(), "Q must be (B, n, d), K and V (B, m, d)",
                        {{"Q", q}, {"K", k}, {"V", V.shape()}});
        n = q[1];
        m = k[1];
        d = q[2];
        if (heads == 0 || d == 0 || d % heads != 0)
            shape_error(name(), "d must be a multiple of the heads", {{"Q", q}},
                        "heads " + std::to_string(heads));
        d_h = d / heads;
        if (options.causal && m != n)
            shape_error(name(), "causal: there must be a key for each query", {{"Q", q}, {"K", k}});
        if (options.live && options.live->shape() != Shape{q[0], m})
            shape_error(name(), "the mask of live keys must be (B, m)",
                        {{"K", k}, {"live", options.live->shape()}});
    }

    Var<T> forward(const Var<T>& queries, const Var<T>& keys, const Var<T>& values,
                   const AttentionOptions& given) {
        Q = queries;
        K = keys;
        V = values;
        options = given;
        check();
        auto out = empty<T>(Q.shape());
        L = empty<T>({Q.shape()[0], options.heads, n});
        const Array<T> K_t = tiles_transposed(K.value());
        const std::size_t tiles = ceil_quotient(n, tile_rows);
        const std::size_t product_work = 2 * std::min(n, tile_rows) * m * d_h;
        const std::size_t work = std::max<std::size_t>(1, 2 * product_work);  // Q K^T, P V
        const std::size_t chunk = 1 + chunk_work / work;
        parallel_for(heads_of_batch() * tiles, chunk, [&](std::size_t begin, std::size_t end) {
            RunningSoftmax softmax;
            for (std::size_t task = begin; task < end; ++task) {
                const Head head(task / tiles, options.heads, d);
                const std::size_t first_query = task % tiles * tile_rows;
                forward_rows(head, first_query, K_t, softmax, out);
            }
        });
        y = std::move(out);
        return y;
    }

    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const bool wants_Q = gradients.wants(Q);
        const bool wants_K = gradients.wants(K);
        const bool wants_V = gradients.wants(V);
        const bool wants_S = wants_Q || wants_K;
        auto dQ = empty<T>(wants_Q ? Q.shape() : Shape{0});
        auto dK = empty<T>(wants_K ? K.shape() : Shape{0});
        auto dV = empty<T>(wants_V ? V.shape() : Shape{0});
        const Array<T> K_t = tiles_transposed(K.value());
        const Array<T> V_t = wants_S ? tiles_transposed(V.value()) : Array<T>();
        const std::size_t product_work = 2 * n * m * d_h;
        const std::size_t work = std::max<std::size_t>(1, 5 * product_work);  // S, dP, dQ, dK, dV
        const std::size_t chunk = 1 + chunk_work / work;
        parallel_for(heads_of_batch(), chunk, [&](std::size_t begin, std::size_t end) {
            Array<T> P = empty<T>({tile_rows, tile_columns});
            Array<T> dP = empty<T>({tile_rows, tile_columns});
            for (std::size_t number = begin; number < end; ++number) {
                const Head head(number, options.heads, d);
                const Targets targets{
                    .dQ = wants_Q ? dQ.data() + head.offset(0, n) : nullptr,
                    .dK = wants_K ? dK.data() + head.offset(0, m) : nullptr,
                    .dV = wants_V ? dV.data() + head.offset(0, m) : nullptr,
                };
                if (wants_Q) clear(targets.dQ, n);
                if (wants_K) clear(targets.dK, m);
                if (wants_V) clear(targets.dV, m);
                for (std::size_t query = 0; query < n; query += tile_rows)
                    for (std::size_t key = 0; key < end_of_keys(query); key += tile_columns) {
                        const Tile tile(*this, head, query, key);
                        backward_tile(tile, dy, K_t, V_t, P, dP, targets);
                    }
            }
        });
        if (wants_Q) gradients.add(Q, std::move(dQ));
        if (wants_K) gradients.add(K, std::move(dK));
        if (wants_V) gradients.add(V, std::move(dV));
    }

    // P of the first queries and keys, tile by tile as backward makes it again.
    std::vector<Intermediate<T>> intermediates(const PartSize& most) const override {
        const std::size_t heads = std::min(heads_of_batch(), most.matrices);
        const std::size_t rows = std::min(n, most.rows);
        const std::size_t columns = std::min(m, most.columns);
        const Shape whole{Q.shape()[0], options.heads, n, m};
        auto part = zeros<T>({heads, rows, columns});
        if (part.size() == 0) return {{"P", "query", "key", whole, std::move(part)}};
        const Array<T> K_t = tiles_transposed(K.value());
        Array<T> P = empty<T>({tile_rows, tile_columns});
        for (std::size_t number = 0; number < heads; ++number) {
            const Head head(number, options.heads, d);
            for (std::size_t query = 0; query < rows; query += tile_rows)
                for (std::size_t key = 0; key < std::min(columns, end_of_keys(query));
                     key += tile_columns) {
                    const Tile tile(*this, head, query, key);
                    weights(tile, K_t, P.data());
                    const std::size_t width = std::min(tile.columns, columns - key);
                    for (std::size_t i = 0; i < std::min(tile.rows, rows - query); ++i)
                        std::copy_n(P.data() + i * tile_columns, width,
                                    part.data() + (number * rows + query + i) * columns + key);
                }
        }
        return {{"P", "query", "key", whole, std::move(part)}};
    }

  private:
    T scale() const { return 1 / std::sqrt(static_cast<T>(d_h)); }
    std::size_t heads_of_batch() const { return Q.shape()[0] * options.heads; }
    std::size_t entry_of_L(const Head& head, std::size_t query) const {
        return head.number * n + query;
    }

    // No query of the tile that begins at first_query sees this key or a later one.
    std::size_t end_of_keys(std::size_t first_query) const {
        return options.causal ? std::min(m, first_query + tile_rows) : m;
    }

    // m where no key is live.
    std::size_t first_live_key(const Head& head) const {
        std::size_t j = 0;
        if (options.live)
            while (j < m && !(*options.live)(head.batch_row, j)) ++j;
        return j;
    }

    // Sets the columns of a head to 0, in the rows that begin at x.
    void clear(T* x, std::size_t rows) const {
        for (std::size_t i = 0; i < rows; ++i) std::fill(x + i * d, x + i * d + d_h, T(0));
    }

    // A tile of S: queries first_query, ... of one head by its keys first_key, ...
    struct Tile {
        Head head;
        std::size_t first_query, first_key, rows, columns;
        MatrixView<T> Q, K, V;
        const bool* live = nullptr;  // of these keys, or none

        Tile(const Attention& op, const Head& tile_head, std::size_t query, std::size_t key)
            : head(tile_head),
              first_query(query),
              first_key(key),
              rows(std::min(tile_rows, op.n - query)),
              columns(std::min(tile_columns, op.end_of_keys(query) - key)),
              Q(head.matrix(op.Q.value(), query, rows)),
              K(head.matrix(op.K.value(), key, columns)),
              V(head.matrix(op.V.value(), key, columns)) {
            if (op.options.live) live = op.options.live->data() + head.batch_row * op.m + key;
        }

        // The entries of the tile in memory of (tile_rows, tile_columns).
        MatrixView<T> matrix(const Array<T>& x) const {
            return {x.data(), rows, columns, tile_columns};
        }
    };

    // Keys or values, each tile of each head transposed: (heads of the batch, tiles, d_h, keys).
    // BLAS is a third slower on a transposed b.
    Array<T> tiles_transposed(const Array<T>& x) const {
        const std::size_t width = std::min(m, tile_columns);
        const std::size_t tiles = ceil_quotient(m, tile_columns);
        const std::size_t chunk = 1 + elementwise_chunk / (d_h * width + 1);
        auto x_t = empty<T>({heads_of_batch(), tiles, d_h, width});
        parallel_for(heads_of_batch() * tiles, chunk, [&](std::size_t begin, std::size_t end) {
            for (std::size_t task = begin; task < end; ++task) {
                const Head head(task / tiles, options.heads, d);
                const std::size_t key = task % tiles * tile_columns;
                const MatrixView<T> tile = head.matrix(x, key, std::min(width, m - key));
                copy_transposed(tile.rows, tile.columns, tile.data, tile.stride,
                                x_t.data() + task * d_h * width, width);
            }
        });
        return x_t;
    }
    MatrixView<T> transposed_tile(const Array<T>& x_t, const Tile& tile) const {
        const std::size_t tiles = x_t.shape(1);
        const std::size_t width = x_t.shape(3);
        const std::size_t number = tile.head.number * tiles + tile.first_key / tile_columns;
        return {x_t.data() + number * d_h * width, d_h, tile.columns, width};
    }

    // 1: S = Q K^T, not yet scaled, and -inf where a query does not see a key. The rows of S are
    // tile_columns entries apart.
    void scores(const Tile& tile, const Array<T>& K_t, T* S) const {
        gemm(tile.Q, transposed_tile(K_t, tile), S, tile_columns);
        const std::size_t end_key = tile.first_key + tile.columns;
        for (std::size_t i = 0; i < tile.rows; ++i) {
            T* const row = S + i * tile_columns;
            const std::size_t next_key = tile.first_query + i + 1;  // the first of the future
            if (options.causal && next_key < end_key) {
                const std::size_t future = std::max(next_key, tile.first_key) - tile.first_key;
                std::fill(row + future, row + tile.columns, -infinity);
            }
            if (!tile.live) continue;
            for (std::size_t j = 0; j < tile.columns; ++j)
                if (!tile.live[j]) row[j] = -infinity;
        }
    }

    // The softmax of the queries of one tile over the keys so far. The memory serves one tile of
    // queries after the other.
    struct RunningSoftmax {
        Array<T> P = empty<T>({tile_rows, tile_columns});  // e^(S - M) of the present tile of keys
        Array<T> M = empty<T>({tile_rows});                // the largest score so far, unscaled
        Array<T> sum = empty<T>({tile_rows});              // of e^(S - M) so far
    };

    // The rows of y and L of one tile of queries.
    void forward_rows(const Head& head, std::size_t first_query, const Array<T>& K_t,
                      RunningSoftmax& softmax, Array<T>& out) {
        const std::size_t rows = std::min(tile_rows, n - first_query);
        T* const y_rows = out.data() + head.offset(first_query, n);
        clear(y_rows, rows);
        softmax.M.fill(-infinity);
        softmax.sum.fill(T(0));
        for (std::size_t key = 0; key < end_of_keys(first_query); key += tile_columns) {
            const Tile tile(*this, head, first_query, key);
            T* const P = softmax.P.data();
            scores(tile, K_t, P);                   // 1
            for (std::size_t i = 0; i < rows; ++i)  // 2, with M for L
                online_softmax_row(tile.columns, P + i * tile_columns, softmax.M(i), softmax.sum(i),
                                   y_rows + i * d);
            gemm_masked(tile.matrix(softmax.P), tile.V, y_rows, d);  // 3
        }
        const std::size_t live_key = first_live_key(head);
        // 2: from M to L = M / sqrt(d_h) + ln sum. y was made with M, and is divided by the sum.
        for (std::size_t i = 0; i < rows; ++i) {
            const std::size_t end_key = options.causal ? first_query + i + 1 : m;
            const bool sees_key = live_key < end_key;
            const T inverse = sees_key ? 1 / softmax.sum(i) : T(0);
            scale_row(y_rows + i * d, d_h, inverse);
            L.data()[entry_of_L(head, first_query + i)] =
                sees_key ? softmax.M(i) * scale() + std::log(softmax.sum(i)) : infinity;
        }
    }

    // 2 of one row that meets more keys. M becomes the largest score of all keys so far, and S
    // becomes e^(S - M). The sum and y were made with the M before, and are scaled to the new one.
    void online_softmax_row(std::size_t columns, T* S, T& M, T& sum, T* y_row) const {
        const T largest = std::max(M, max_row(columns, S));
        const T shift = std::isinf(largest) ? T(0) : largest;  // 0 while no key was seen
        const T s = scale();
        const auto weight = [shift, s](auto score) { return xsimd::exp((score - shift) * s); };
        map_row(S, columns, weight, S);
        const T shrink = std::exp((M - shift) * s);
        if (sum != 0 && shrink != 1) {
            sum *= shrink;
            scale_row(y_row, d_h, shrink);
        }
        M = largest;
        sum += sum_row(columns, identity, S);
    }

    // 1 and 2 again, where L is known: P = e^(S - L).
    void weights(const Tile& tile, const Array<T>& K_t, T* P) const {
        scores(tile, K_t, P);
        const T s = scale();
        for (std::size_t i = 0; i < tile.rows; ++i) {
            T* const row = P + i * tile_columns;
            const T l = L.data()[entry_of_L(tile.head, tile.first_query + i)];
            const auto weight = [s, l](auto score) { return xsimd::exp(score * s - l); };
            map_row(row, tile.columns, weight, row);
        }
    }

    // Where the gradients of a head begin. Null: not wanted.
    struct Targets {
        T *dQ, *dK, *dV;
    };

    // Adds to the gradients of a head what one tile of its scores contributes. P and dP are memory
    // for a tile.
    void backward_tile(const Tile& tile, const Array<T>& dy, const Array<T>& K_t,
                       const Array<T>& V_t, Array<T>& P, Array<T>& dP,
                       const Targets& targets) const {
        const auto [dQ, dK, dV] = targets;
        const std::size_t queries = tile.first_query * d;
        const std::size_t keys = tile.first_key * d;
        const MatrixView<T> dY = tile.head.matrix(dy, tile.first_query, tile.rows);
        // 1 and 2 of forward again.
        weights(tile, K_t, P.data());
        // 3. Forward: y = P V.
        if (dV) gemm(transposed(tile.matrix(P)), dY, dV + keys, d, true);
        if (!dQ && !dK) return;
        gemm(dY, transposed_tile(V_t, tile), dP.data(), tile_columns);
        // 2. Forward: P = e^(S - L). dP becomes dS / sqrt(d_h).
        score_gradients(tile, dy, P.data(), dP.data());
        // 1. Forward: S = Q K^T / sqrt(d_h).
        if (dQ) gemm_masked(tile.matrix(dP), tile.K, dQ + queries, d);
        if (dK) gemm(transposed(tile.matrix(dP)), tile.Q, dK + keys, d, true);
    }

    // 2 of backward: dP becomes dS = P (dP - rowsum(y dy)), times the 1 / sqrt(d_h) of 1.
    void score_gradients(const Tile& tile, const Array<T>& dy, const T* P, T* dP) const {
        const T s = scale();
        for (std::size_t i = 0; i < tile.rows; ++i) {
            const std::size_t row = tile.head.offset(tile.first_query + i, n);
            const T inner = sum_row(d_h, times, y.value().data() + row, dy.data() + row);
            const auto slope = [inner, s](auto w, auto dw) {
                // The weight of a key that is not seen. Its dw may be NaN.
                const decltype(w) zero(T(0));
                return xsimd::select(w == zero, zero, w * (dw - inner) * s);
            };
            const T* const P_row = P + i * tile_columns;
            T* const dP_row = dP + i * tile_columns;
            map_row(dP_row, tile.columns, slope, P_row, dP_row);
        }
    }
};
template <class T>
Var<T> attention(const Var<T>& Q, const Var<T>& K, const Var<T>& V, const AttentionOptions& options,
                 Source source) {
    return apply<Attention<T>>(source, Q, K, V, options);
}

#define TAPER_INSTANTIATE(T)                                                         \
    template Var<T> composed::attention(const Var<T>&, const Var<T>&, const Var<T>&, \
                                        const AttentionOptions&);                    \
    template Var<T> attention(const Var<T>&, const Var<T>&, const Var<T>&,           \
                              const AttentionOptions&, Source);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
