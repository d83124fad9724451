#include "examples/language_model/pictures.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <xtensor-blas/xlinalg.hpp>

#include "core/ops.hpp"
#include "examples/common/output.hpp"
#include "examples/common/plot.hpp"
#include "examples/common/program.hpp"
#include "examples/common/progress.hpp"

namespace taper::examples {

using nn::Config;

// Some columns of the rows of x (1, n', d), in double.
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

// Q K^T / sqrt(d_h); causal: -inf where a key comes after the query.
static Array<double> scores(const Array<double>& Q, const Array<double>& K, bool causal) {
    const double scale = 1 / std::sqrt(static_cast<double>(Q.shape(1)));
    Array<double> S = (matmul<double>(Q, K, {.transpose_b = true}) * scale).value();
    for (std::size_t t = 0; causal && t < S.shape(0); ++t)
        for (std::size_t s = t + 1; s < S.shape(1); ++s) S(t, s) = -INFINITY;
    return S;
}

// Query t on K-bar of the first t positions, a sum that grows with t, and on its window.
static Array<double> causal_slots(const Array<double>& Q, const Array<double>& K,
                                  const Array<float>& E, std::size_t window) {
    const std::size_t n = Q.shape(0), d_h = Q.shape(1), k = E.shape(0);
    const double scale = 1 / std::sqrt(static_cast<double>(d_h));
    auto K_bar = zeros<double>({k, d_h});
    auto S = full<double>({n, k + (window ? n : 0)}, -INFINITY);
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
        for (std::size_t s = t + 1 - std::min(t + 1, window); s <= t && window; ++s)
            S(t, k + s) = score(t, K.data() + s * d_h);
    }
    return softmax_rows(S);
}

// P-bar F, for a causal query over the first t positions; what the window takes comes on top.
// F (1, k, n') as the projection has it for a sequence this long: what it makes of the identity.
static Array<double> reach_of(const Array<double>& slots, const Array<float>& F, bool causal) {
    const std::size_t n = slots.shape(0), k = F.shape(1);
    auto reach = zeros<double>({n, n});
    for (std::size_t t = 0; t < n; ++t)
        for (std::size_t s = 0; s < (causal ? t + 1 : n); ++s) {
            for (std::size_t j = 0; j < k; ++j)
                reach(t, s) += slots(t, j) * static_cast<double>(F(0, j, s));
            if (slots.shape(1) > k) reach(t, s) += slots(t, k + s);
        }
    return reach;
}

static Array<float> identity(std::size_t n) {
    auto rows = zeros<float>({1, n, n});
    for (std::size_t i = 0; i < n; ++i) rows(0, i, i) = 1;
    return rows;
}

std::vector<std::vector<HeadMaps>> attention_maps(const nn::Linformer<float>& model,
                                                  const Ids& tokens) {
    const Config& config = model.config;
    const std::size_t d_h = config.width / config.heads, in_group = config.heads / config.groups();
    std::vector<std::vector<HeadMaps>> layers;
    Var<float> x = model.embedding(tokens);
    for (const nn::EncoderBlock<float>& layer : model.layers) {
        const Var<float> z = layer.norm == nn::Norm::pre ? layer.norm1(x) : x;
        const Var<float> Q = layer.attention.query(z), K = layer.attention.key(z),
                         V = layer.attention.value(z);
        std::vector<HeadMaps> heads;
        for (std::size_t head = 0; head < config.heads; ++head) {
            const Array<double> q = columns(Q.value(), head * d_h, d_h),
                                k = columns(K.value(), head * d_h, d_h);
            HeadMaps maps{softmax_rows(scores(q, k, config.causal)), zeros<double>({}),
                          zeros<double>({})};
            if (config.attention == nn::Attention::linformer) {
                const nn::Projection<float>& projection = *layer.attention.projection;
                const std::size_t group = head / in_group, first = head % in_group * d_h,
                                  w = in_group * d_h;
                if (config.causal) {
                    maps.slots = causal_slots(q, k, projection.E[group]->value(), config.window);
                } else {
                    const auto from = static_cast<std::ptrdiff_t>(group * w),
                               to = static_cast<std::ptrdiff_t>((group + 1) * w);
                    const auto slots =
                        projection(group, slice(K, -1, {.begin = from, .end = to}),
                                   slice(V, -1, {.begin = from, .end = to}), std::nullopt);
                    maps.slots =
                        softmax_rows(scores(q, columns(slots.K.value(), first, d_h), false));
                }
                if (config.has_matrices()) {
                    const Var<float> each = identity(x.shape()[1]);
                    const Array<float> F = projection(group, each, each, std::nullopt).V.value();
                    maps.reach = reach_of(maps.slots, F, config.causal);
                }
            }
            heads.push_back(std::move(maps));
        }
        layers.push_back(std::move(heads));
        x = layer(x);
    }
    return layers;
}

std::vector<double> singular_values(const Array<double>& x) {
    const auto s = std::get<1>(xt::linalg::svd(x, false, false));
    return {s.begin(), s.end()};
}

template <class T> static HeatMap heat_map(const std::string& title, const Array<T>& x) {
    HeatMap map{title, x.shape(0), x.shape(1), {}};
    for (std::size_t i = 0; i < x.size(); ++i)
        map.entries.push_back(static_cast<float>(x.data()[i]));
    return map;
}

static Curve spectrum(const std::string& title, const std::vector<HeadMaps>& heads) {
    Curve curve{title, "linespoints pt 7 ps 0.3 lw 2", {}};
    const std::size_t n = heads[0].P.shape(0);
    std::vector<double> shares(n, 0);
    for (const HeadMaps& head : heads) {
        const std::vector<double> s = singular_values(head.P);
        double all = 0, sum = 0;
        for (const double value : s) all += value;
        for (std::size_t i = 0; i < n; ++i)
            shares[i] += (sum += s[i]) / all / static_cast<double>(heads.size());
    }
    for (std::size_t i = 0; i < n; ++i)
        curve.points.emplace_back(static_cast<double>(i + 1), shares[i]);
    return curve;
}

constexpr std::array picture_names = {"attention", "slots", "reach", "projections", "spectrum"};

static std::string picture_path(const std::string& directory, const std::string& name) {
    return directory + "/" + name + ".svg";
}

// What is no regular file stays.
static void remove_file(const std::string& path) {
    const auto status = std::filesystem::symlink_status(path);
    if (std::filesystem::is_regular_file(status)) std::filesystem::remove(path);
}

void check_pictures(const std::string& directory) {
    check_output_directory("--plot", directory);
    if (!std::filesystem::is_directory(directory)) return;
    for (const char* name : picture_names)
        check_output_file("--plot", picture_path(directory, name));
}

void draw_attention(const nn::Linformer<float>& model, const Ids& tokens,
                    const std::string& directory) {
    std::filesystem::create_directories(directory);
    constexpr std::size_t many = 1000;  // from here on singular values take seconds
    if (const std::size_t n = tokens.shape(1); n >= many)
        note("--plot: computing the singular values of " +
             grouped(model.config.layers * model.config.heads) + " attention matrices, " +
             grouped(n) + " x " + grouped(n) + " each");
    const auto layers = attention_maps(model, tokens);
    std::vector<std::vector<HeatMap>> P, slots, reach, projections;
    std::vector<Curve> spectra;
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
        std::vector<HeatMap> rows[3];
        for (std::size_t head = 0; head < layers[layer].size(); ++head) {
            const std::string name =
                "layer " + std::to_string(layer) + ", head " + std::to_string(head);
            const HeadMaps& maps = layers[layer][head];
            rows[0].push_back(heat_map(name, maps.P));
            if (maps.slots.dimension() == 2) rows[1].push_back(heat_map(name, maps.slots));
            if (maps.reach.dimension() == 2) rows[2].push_back(heat_map(name, maps.reach));
        }
        P.push_back(rows[0]), slots.push_back(rows[1]), reach.push_back(rows[2]);
        spectra.push_back(spectrum("layer " + std::to_string(layer), layers[layer]));
        if (const auto& projection = model.layers[layer].attention.projection;
            projection && !projection->E.empty()) {
            std::vector<HeatMap> matrices;
            for (std::size_t group = 0; group < projection->E.size(); ++group) {
                const bool one = projection->E[group] == projection->F[group];
                matrices.push_back(heat_map(projection->E[group]->name() + (one ? " (and F)" : ""),
                                            projection->E[group]->value()));
                if (!one)
                    matrices.push_back(
                        heat_map(projection->F[group]->name(), projection->F[group]->value()));
            }
            projections.push_back(matrices);
        }
    }
    std::set<std::string> drawn;
    const auto draw = [&](const std::string& name, const auto&... what) {
        if (!plot(picture_path(directory, name), what...))
            throw std::runtime_error(
                "--plot: the pictures need gnuplot (Debian: gnuplot-nox): it is missing or "
                "failed: " +
                directory);
        drawn.insert(name);
    };
    draw("attention", "softmax(Q K^T / sqrt(d_h)): queries down, keys across", P);
    if (!slots[0].empty())
        draw("slots",
             model.config.window > 0 ? "over the k slots, then the window: queries down"
                                     : "over the k slots: queries down",
             slots);
    if (!reach[0].empty())
        draw("reach", "P-bar F: what each query (down) takes of each value (across)", reach);
    if (!projections.empty())
        draw("projections",
             model.config.has_matrices()
                 ? "E and F: slots down, positions across"
                 : "E and F: channels of a head down, positions of a window across",
             projections);
    draw("spectrum", "singular values of softmax(Q K^T / sqrt(d_h))", "singular values",
         "cumulative share", spectra);
    for (const char* name : picture_names)  // of another model
        if (!drawn.contains(name)) remove_file(picture_path(directory, name));
}

}  // namespace taper::examples
