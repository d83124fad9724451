// Attention: the composition, which holds all n x m weights, and the fused op, which holds one tile
// of them at a time.
#include <cmath>
#include <limits>

#include "core/kernels/gemm.hpp"
#include "core/kernels/map.hpp"
#include "core/ops.hpp"

namespace taper {

template <class T>
Var<T> composed::attention(const Var<T>& Q, const Var<T>& K, const Var<T>& V,
                           const AttentionOptions& options) {
    const std::size_t B = Q.shape()[0], n = Q.shape()[1], m = K.shape()[1];
    Mask seen({B, 1, n, m}, true), any({B, 1, n, 1}, false);
    for (std::size_t b = 0; b < B; ++b)
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j < m; ++j) {
                seen(b, 0, i, j) =
                    (!options.causal || j <= i) && (!options.live || (*options.live)(b, j));
                any(b, 0, i, 0) = any(b, 0, i, 0) || seen(b, 0, i, j);
            }
            // computed and not used
            for (std::size_t j = 0; j < m && !any(b, 0, i, 0); ++j) seen(b, 0, i, j) = true;
        }
    const auto split = [&](const Var<T>& x) { return split_heads(x, options.heads); };
    const T scale = 1 / std::sqrt(static_cast<T>(Q.shape()[2] / options.heads));
    const Var<T> S = matmul(split(Q), split(K), {.transpose_b = true}) * scale;
    const Var<T> P = taper::softmax(select(seen, S, -std::numeric_limits<T>::infinity()));
    return merge_heads(matmul(select(any, P, T(0)), split(V)));
}

// In tiles of S, some queries by some keys (Dao et al., arXiv 2205.14135). Forward meets the keys
// of a query tile by tile and keeps the largest score M and the sum of e^(S - M) so far; where M
// grows, sum and y are scaled down to it.
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

    static constexpr std::size_t tile_rows = 64, tile_columns = 256;

    Var<T> Q, K, V, y;
    AttentionOptions options;
    std::size_t n, m, d, d_h;
    Array<T> L;  // (B, h, n); inf where a query sees no key: P is 0
    const char* name() const override { return "attention"; }

    Var<T> forward(const Var<T>& queries, const Var<T>& keys, const Var<T>& values,
                   const AttentionOptions& how) {
        Q = queries, K = keys, V = values, options = how;
        check();
        auto out = empty<T>(Q.shape());
        L = empty<T>({Q.shape()[0], options.heads, n});
        const Array<T> K_t = tiles_transposed(K.value());
        const std::size_t tiles = (n + tile_rows - 1) / tile_rows;
        const std::size_t work = std::max<std::size_t>(1, 4 * std::min(n, tile_rows) * m * d_h);
        parallel_for(
            units() * tiles, 1 + 1'000'000 / work, [&](std::size_t begin, std::size_t end) {
                Array<T> P = empty<T>({tile_rows, tile_columns}), M = empty<T>({tile_rows}),
                         sums = empty<T>({tile_rows});
                for (std::size_t task = begin; task < end; ++task) {
                    const std::size_t unit = task / tiles, first = task % tiles * tile_rows,
                                      live = first_live(unit);
                    M.fill(-std::numeric_limits<T>::infinity()), sums.fill(T(0));
                    clear(out, unit, first, std::min(tile_rows, n - first));
                    for (std::size_t key = 0; key < keys_of(first); key += tile_columns) {
                        const Tile at(*this, unit, first, key);
                        scores(at, K_t, P.data());                 // 1
                        for (std::size_t i = 0; i < at.rows; ++i)  // 2: scaled, e^(S - M)
                            grow(at.columns, P.data() + i * tile_columns, M(i), sums(i),
                                 out.data() + at.query + i * d);
                        // 3
                        add_seen({P.data(), at.rows, at.columns, tile_columns}, at.V,
                                 out.data() + at.query, d);
                    }
                    const Tile at(*this, unit, first, 0);
                    for (std::size_t i = 0; i < at.rows; ++i) {  // 2
                        const bool blind = live >= (options.causal ? first + i + 1 : m);
                        T* row = out.data() + at.query + i * d;
                        const auto normalised = [inverse = blind ? T(0) : 1 / sums(i)](auto v) {
                            return v * inverse;
                        };
                        map_row(row, d_h, normalised, row);
                        L.data()[unit * n + first + i] = blind ? std::numeric_limits<T>::infinity()
                                                               : M(i) * scale() + std::log(sums(i));
                    }
                }
            });
        return y = std::move(out);
    }

    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const bool wants_Q = gradients.wants(Q), wants_K = gradients.wants(K),
                   wants_V = gradients.wants(V);
        const bool wants_S = wants_Q || wants_K;
        auto dQ = empty<T>(wants_Q ? Q.shape() : Shape{0}),
             dK = empty<T>(wants_K ? K.shape() : Shape{0}),
             dV = empty<T>(wants_V ? V.shape() : Shape{0});
        const Array<T> K_t = tiles_transposed(K.value()),
                       V_t = wants_S ? tiles_transposed(V.value()) : Array<T>();
        const std::size_t work = std::max<std::size_t>(1, 10 * n * m * d_h);
        parallel_for(units(), 1 + 1'000'000 / work, [&](std::size_t begin, std::size_t end) {
            Array<T> p = empty<T>({tile_rows, tile_columns}),
                     dp = empty<T>({tile_rows, tile_columns});
            for (std::size_t unit = begin; unit < end; ++unit) {
                if (wants_Q) clear(dQ, unit, 0, n);
                if (wants_K) clear(dK, unit, 0, m);
                if (wants_V) clear(dV, unit, 0, m);
                for (std::size_t first = 0; first < n; first += tile_rows)
                    for (std::size_t key = 0; key < keys_of(first); key += tile_columns) {
                        const Tile at(*this, unit, first, key);
                        const Matrix<T> dY{dy.data() + at.query, at.rows, d_h, d},
                            P{p.data(), at.rows, at.columns, tile_columns},
                            dS{dp.data(), at.rows, at.columns, tile_columns};
                        scores(at, K_t, p.data());  // 1 and 2 again
                        for (std::size_t i = 0; i < at.rows; ++i) {
                            const auto weight = [s = scale(),
                                                 l = L.data()[unit * n + first + i]](auto score) {
                                return xsimd::exp(score * s - l);
                            };
                            map_row(p.data() + i * tile_columns, at.columns, weight,
                                    p.data() + i * tile_columns);
                        }
                        if (wants_V) gemm(transposed(P), dY, dV.data() + at.key, d, true);  // 3
                        if (!wants_S) continue;
                        gemm(dY, tile_of(V_t, at), dp.data(), tile_columns);
                        for (std::size_t i = 0; i < at.rows; ++i) {  // 2
                            const std::size_t row = at.query + i * d;
                            const auto times = [](auto a, auto b) { return a * b; };
                            const T inner =
                                sum_row(d_h, times, y.value().data() + row, dy.data() + row);
                            const auto slope = [inner, s = scale()](auto w, auto dw) {
                                const decltype(w) unseen(T(0));  // where dw may be NaN
                                return xsimd::select(w == unseen, unseen, w * (dw - inner) * s);
                            };
                            T *w = p.data() + i * tile_columns, *dw = dp.data() + i * tile_columns;
                            map_row(dw, at.columns, slope, w, dw);
                        }
                        if (wants_Q) add_seen(dS, at.K, dQ.data() + at.query, d);  // 1
                        if (wants_K) gemm(transposed(dS), at.Q, dK.data() + at.key, d, true);
                    }
            }
        });
        if (wants_Q) gradients.add(Q, std::move(dQ));
        if (wants_K) gradients.add(K, std::move(dK));
        if (wants_V) gradients.add(V, std::move(dV));
    }

  private:
    T scale() const { return 1 / std::sqrt(static_cast<T>(d_h)); }
    std::size_t units() const { return Q.shape()[0] * options.heads; }  // a head of a batch row

    // Zeros in some rows of x, in the columns of a unit.
    void clear(Array<T>& x, std::size_t unit, std::size_t first, std::size_t rows) const {
        T* row =
            x.data() + (unit / options.heads * x.shape(1) + first) * d + unit % options.heads * d_h;
        for (std::size_t i = 0; i < rows; ++i, row += d) std::fill(row, row + d_h, T(0));
    }

    // Keys before this one are seen by some query of the tile that begins at `first`.
    std::size_t keys_of(std::size_t first) const {
        return options.causal ? std::min(m, first + tile_rows) : m;
    }
    std::size_t first_live(std::size_t unit) const {
        std::size_t j = 0;
        if (options.live)
            while (j < m && !(*options.live)(unit / options.heads, j)) ++j;
        return j;
    }

    // Queries first ... of one head of one batch row, by keys key_first ...
    struct Tile {
        std::size_t unit, first, key_first, rows, columns, query,
            key;                     // query, key: entries of Q and K where they start
        const bool* live = nullptr;  // of the keys, or none
        Matrix<T> Q, K, V;

        Tile(const Attention& op, std::size_t of_unit, std::size_t first_query,
             std::size_t first_key)
            : unit(of_unit),
              first(first_query),
              key_first(first_key),
              rows(std::min(tile_rows, op.n - first)),
              columns(std::min(tile_columns, op.keys_of(first) - key_first)) {
            const std::size_t b = unit / op.options.heads,
                              column = unit % op.options.heads * op.d_h;
            query = (b * op.n + first) * op.d + column,
            key = (b * op.m + key_first) * op.d + column;
            if (op.options.live) live = op.options.live->data() + b * op.m + key_first;
            Q = {op.Q.value().data() + query, rows, op.d_h, op.d};
            K = {op.K.value().data() + key, columns, op.d_h, op.d},
            V = {op.V.value().data() + key, columns, op.d_h, op.d};
        }
    };

    // Keys or values, each tile of each unit transposed: (units, tiles, d_h, keys). BLAS is a third
    // slower on a transposed b.
    Array<T> tiles_transposed(const Array<T>& x) const {
        const std::size_t width = std::min(m, tile_columns),
                          tiles = (m + tile_columns - 1) / tile_columns;
        auto y = empty<T>({units(), tiles, d_h, width});
        parallel_for(units() * tiles, 1 + elementwise_chunk / (d_h * width + 1),
                     [&](std::size_t begin, std::size_t end) {
                         for (std::size_t task = begin; task < end; ++task) {
                             const std::size_t unit = task / tiles,
                                               key = task % tiles * tile_columns;
                             const T* from = x.data() + (unit / options.heads * m + key) * d +
                                             unit % options.heads * d_h;
                             copy_transposed(std::min(width, m - key), d_h, from, d,
                                             y.data() + task * d_h * width, width);
                         }
                     });
        return y;
    }
    Matrix<T> tile_of(const Array<T>& x_t, const Tile& at) const {
        const std::size_t width = x_t.shape(3),
                          tile = at.unit * x_t.shape(1) + at.key_first / tile_columns;
        return {x_t.data() + tile * d_h * width, d_h, at.columns, width};
    }

    // Rows of Q K^T, not yet scaled, tile_columns apart.
    void scores(const Tile& at, const Array<T>& K_t, T* S) const {
        constexpr T hidden = -std::numeric_limits<T>::infinity();
        gemm(at.Q, tile_of(K_t, at), S, tile_columns);
        for (std::size_t i = 0; i < at.rows; ++i, S += tile_columns) {
            if (options.causal && at.first + i + 1 < at.key_first + at.columns)
                std::fill(S + std::max(at.first + i + 1, at.key_first) - at.key_first,
                          S + at.columns, hidden);
            for (std::size_t j = 0; at.live && j < at.columns; ++j)
                if (!at.live[j]) S[j] = hidden;
        }
    }

    // A row meets more keys: scores become e^(S - M), M the largest of all so far; the sum and y
    // follow.
    void grow(std::size_t columns, T* S, T& M, T& sum, T* y_row) const {
        const T largest = std::max(M, max_row(columns, S));
        const T zero = std::isinf(largest) ? T(0) : largest;  // where no key has been seen
        const auto weight = [zero, s = scale()](auto score) {
            return xsimd::exp((score - zero) * s);
        };
        map_row(S, columns, weight, S);
        if (const T shrink = std::exp((M - zero) * scale()); sum != 0 && shrink != 1) {
            sum *= shrink;
            const auto scaled = [shrink](auto v) { return v * shrink; };
            map_row(y_row, d_h, scaled, y_row);
        }
        const auto identity = [](auto w) { return w; };
        M = largest, sum += sum_row(columns, identity, S);
    }

    void check() {
        const Shape &q = Q.shape(), &k = K.shape();
        const std::size_t heads = options.heads;
        if (q.size() != 3 || k.size() != 3 || V.shape() != k || k[0] != q[0] || k[2] != q[2])
            shape_error(name(), "Q must be (B, n, d), K and V (B, m, d)",
                        {{"Q", q}, {"K", k}, {"V", V.shape()}});
        n = q[1], m = k[1], d = q[2];
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
};
template <class T>
Var<T> attention(const Var<T>& Q, const Var<T>& K, const Var<T>& V, const AttentionOptions& options,
                 Source at) {
    return apply<Attention<T>>(at, Q, K, V, options);
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
