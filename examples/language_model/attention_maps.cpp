#include "examples/language_model/attention_maps.hpp"

#include <algorithm>
#include <cmath>

#include "core/ops.hpp"

namespace taper::examples {

using nn::Config;

// Columns [first, first + width) of the rows of x (1, n', d), in double.
static Array<double> columns(const Array<float>& x, std::size_t first, std::size_t width) {
    const std::size_t n = x.shape(1), d = x.shape(2);
    auto part = empty<double>({n, width});
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < width; ++j)
            part(i, j) = static_cast<double>(x.data()[i * d + first + j]);
    return part;
}

static Array<double> softmax_rows(const Array<double>& scores) {
    return softmax(Var<double>(scores)).value();
}

// Q K^T / sqrt(d_h)
static Array<double> scores(const Array<double>& Q, const Array<double>& K) {
    const double scale = 1 / std::sqrt(static_cast<double>(Q.shape(1)));
    return (matmul<double>(Q, K, {.transpose_b = true}) * scale).value();
}

// -inf where a key comes after the query.
static void hide_future(Array<double>& S) {
    for (std::size_t t = 0; t < S.shape(0); ++t)
        for (std::size_t s = t + 1; s < S.shape(1); ++s) S(t, s) = -INFINITY;
}

// softmax(Q K^T / sqrt(d_h))
static Array<double> full_map(const Array<double>& Q, const Array<double>& K, bool causal) {
    Array<double> S = scores(Q, K);
    if (causal) hide_future(S);
    return softmax_rows(S);
}

// Query t on K-bar of the first t positions, a sum that grows with t, and on its window.
static Array<double> causal_slots(const Array<double>& Q, const Array<double>& K,
                                  const Array<float>& E, std::size_t window) {
    const std::size_t n = Q.shape(0), d_h = Q.shape(1), k = E.shape(0);
    const double scale = 1 / std::sqrt(static_cast<double>(d_h));
    auto K_bar = zeros<double>({k, d_h});
    const bool has_window = window > 0;
    auto S = full<double>({n, k + (has_window ? n : 0)}, -INFINITY);
    const auto score = [&](std::size_t t, const double* key) {
        double sum = 0;
        for (std::size_t c = 0; c < d_h; ++c) sum += Q(t, c) * key[c];
        return sum * scale;
    };
    for (std::size_t t = 0; t < n; ++t) {
        for (std::size_t j = 0; j < k; ++j) {
            for (std::size_t c = 0; c < d_h; ++c)
                K_bar(j, c) += static_cast<double>(E(j, t)) * K(t, c);
            S(t, j) = score(t, K_bar.data() + j * d_h);
        }
        if (!has_window) continue;
        const std::size_t first = t + 1 - std::min(t + 1, window);
        for (std::size_t s = first; s <= t; ++s) S(t, k + s) = score(t, K.data() + s * d_h);
    }
    return softmax_rows(S);
}

// P-bar F, for a causal query over the first t positions; what the window takes is added.
// F (1, k, n') as the projection has it for a sequence this long: what it makes of the identity.
static Array<double> reach_of(const Array<double>& slots, const Array<float>& F, bool causal) {
    const std::size_t n = slots.shape(0), k = F.shape(1);
    const bool has_window = slots.shape(1) > k;
    auto reach = zeros<double>({n, n});
    for (std::size_t t = 0; t < n; ++t) {
        const std::size_t seen = causal ? t + 1 : n;
        for (std::size_t s = 0; s < seen; ++s) {
            for (std::size_t j = 0; j < k; ++j)
                reach(t, s) += slots(t, j) * static_cast<double>(F(0, j, s));
            if (has_window) reach(t, s) += slots(t, k + s);
        }
    }
    return reach;
}

static Array<float> identity(std::size_t n) {
    auto rows = zeros<float>({1, n, n});
    for (std::size_t i = 0; i < n; ++i) rows(0, i, i) = 1;
    return rows;
}

// Of a window of r positions for each slot.
static std::vector<SlotReads> window_reads(std::size_t n, std::size_t r) {
    std::vector<SlotReads> reads;
    for (std::size_t begin = 0; begin < n; begin += r)
        reads.push_back({begin, std::min(begin + r, n)});
    return reads;
}

// Of E (k, n), of which a text of n' positions uses the first n' columns.
static std::vector<SlotReads> largest_reads(const Array<float>& E, std::size_t n_used) {
    std::vector<SlotReads> reads;
    for (std::size_t j = 0; j < E.shape(0); ++j) {
        const float* row = E.data() + j * E.shape(1);
        double used = 0, all = 0;  // sums of squares
        std::size_t largest = 0;
        for (std::size_t i = 0; i < E.shape(1); ++i) {
            const double square = static_cast<double>(row[i]) * static_cast<double>(row[i]);
            all += square;
            if (i >= n_used) continue;
            used += square;
            if (std::abs(row[i]) > std::abs(row[largest])) largest = i;
        }
        if (used < all / 2) {
            reads.push_back({n_used, n_used});
            continue;
        }
        const float most = row[largest];
        const auto is_like = [&](std::size_t i) { return row[i] / most >= 0.5F; };
        SlotReads around{largest, largest + 1};
        while (around.begin > 0 && is_like(around.begin - 1)) --around.begin;
        while (around.end < n_used && is_like(around.end)) ++around.end;
        reads.push_back(around);
    }
    return reads;
}

// Where a head is among the columns of Q, K and V.
struct HeadColumns {
    std::size_t group;     // of heads that are projected together
    std::size_t begin;     // the head's first column
    std::size_t d_h;       // its columns
    Range of_group;        // the group's columns
    std::size_t in_group;  // the head's first column among them

    HeadColumns(const Config& config, std::size_t head) : d_h(config.width / config.heads) {
        const std::size_t heads = config.heads / config.groups();  // of a group
        const std::size_t width = heads * d_h;
        group = head / heads;
        begin = head * d_h;
        of_group = {.begin = static_cast<std::ptrdiff_t>(group * width),
                    .end = static_cast<std::ptrdiff_t>((group + 1) * width)};
        in_group = head % heads * d_h;
    }
};

// What the attention of a layer has made of its input.
struct LayerRows {
    Var<float> Q, K, V;  // (1, n', d)
};

static HeadMaps head_maps(const nn::MultiHeadAttention<float>& attention, const Config& config,
                          const LayerRows& rows, std::size_t head) {
    const HeadColumns place(config, head);
    const Array<double> Q = columns(rows.Q.value(), place.begin, place.d_h);
    const Array<double> K = columns(rows.K.value(), place.begin, place.d_h);
    HeadMaps maps{
        .P = full_map(Q, K, config.causal), .slots = zeros<double>({}), .reach = zeros<double>({})};
    if (config.attention == nn::AttentionKind::full) return maps;

    const nn::Projection<float>& projection = *attention.projection;
    const std::size_t n = rows.K.shape()[1];
    if (config.has_matrices()) {
        maps.reads = largest_reads(projection.E[place.group]->value(), n);
    } else {
        const std::size_t k = projection.k[place.group];
        maps.reads = window_reads(n, (projection.n + k - 1) / k);
    }
    if (config.causal) {
        maps.slots = causal_slots(Q, K, projection.E[place.group]->value(), config.window);
    } else {
        const Var<float> K_g = slice(rows.K, -1, place.of_group);
        const Var<float> V_g = slice(rows.V, -1, place.of_group);
        const auto slots = projection(place.group, K_g, V_g, std::nullopt);
        const Array<double> K_bar = columns(slots.K.value(), place.in_group, place.d_h);
        maps.slots = full_map(Q, K_bar, false);
    }
    if (config.has_matrices()) {
        const Var<float> unit_rows = identity(n);
        const auto slots = projection(place.group, unit_rows, unit_rows, std::nullopt);
        maps.reach = reach_of(maps.slots, slots.V.value(), config.causal);
    }
    return maps;
}

std::vector<std::vector<HeadMaps>> attention_maps(const nn::Linformer<float>& model,
                                                  const Ids& tokens) {
    std::vector<std::vector<HeadMaps>> layers;
    Var<float> x = model.embedding(tokens);
    for (const nn::EncoderBlock<float>& layer : model.layers) {
        const Var<float> z = layer.norm == nn::Norm::pre ? layer.norm1(x) : x;
        const LayerRows rows{.Q = layer.attention.query(z),
                             .K = layer.attention.key(z),
                             .V = layer.attention.value(z)};
        std::vector<HeadMaps>& heads = layers.emplace_back();
        for (std::size_t head = 0; head < model.config.heads; ++head)
            heads.push_back(head_maps(layer.attention, model.config, rows, head));
        x = layer(x);
    }
    return layers;
}

}  // namespace taper::examples
