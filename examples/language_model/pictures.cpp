#include "examples/language_model/pictures.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <xtensor-blas/xlinalg.hpp>

#include "examples/common/output_path.hpp"
#include "examples/common/plot.hpp"
#include "examples/common/program.hpp"
#include "examples/common/progress.hpp"
#include "examples/language_model/attention_maps.hpp"

namespace taper::examples {

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

// The share of the first 1, 2, ... singular values in their sum, the mean of the heads.
static Curve spectrum(const std::string& title, const std::vector<HeadMaps>& heads) {
    const std::size_t n = heads[0].P.shape(0);
    std::vector<double> shares(n, 0);
    for (const HeadMaps& head : heads) {
        const std::vector<double> s = singular_values(head.P);
        double total = 0;
        for (const double value : s) total += value;
        double sum = 0;
        for (std::size_t i = 0; i < n; ++i) {
            sum += s[i];
            shares[i] += sum / total / static_cast<double>(heads.size());
        }
    }
    Curve curve{title, "linespoints pt 7 ps 0.3 lw 2", {}};
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

namespace {

using MapRow = std::vector<HeatMap>;

// What is drawn of a model, a row for each layer.
struct ModelPictures {
    std::vector<MapRow> P, slots, reach;
    std::vector<MapRow> projections;  // of the layers that have any
    std::vector<Curve> spectra;

    void add_heads(std::size_t layer, const std::vector<HeadMaps>& heads) {
        MapRow& P_row = P.emplace_back();
        MapRow& slots_row = slots.emplace_back();
        MapRow& reach_row = reach.emplace_back();
        const std::string layer_title = "layer " + std::to_string(layer);
        for (std::size_t head = 0; head < heads.size(); ++head) {
            const std::string title = layer_title + ", head " + std::to_string(head);
            const HeadMaps& maps = heads[head];
            P_row.push_back(heat_map(title, maps.P));
            if (maps.slots.dimension() == 2) slots_row.push_back(heat_map(title, maps.slots));
            if (maps.reach.dimension() == 2) reach_row.push_back(heat_map(title, maps.reach));
        }
        spectra.push_back(spectrum(layer_title, heads));
    }

    void add_projection(const nn::Projection<float>& projection) {
        MapRow row;
        for (std::size_t group = 0; group < projection.E.size(); ++group) {
            const nn::SharedParameter<float>& E = projection.E[group];
            const nn::SharedParameter<float>& F = projection.F[group];
            const bool one = E == F;
            row.push_back(heat_map(E->name() + (one ? " (and F)" : ""), E->value()));
            if (!one) row.push_back(heat_map(F->name(), F->value()));
        }
        if (!row.empty()) projections.push_back(row);
    }
};

}  // namespace

static ModelPictures pictures_of(const nn::Linformer<float>& model, const Ids& tokens) {
    const auto layers = attention_maps(model, tokens);
    ModelPictures pictures;
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
        pictures.add_heads(layer, layers[layer]);
        const auto& projection = model.layers[layer].attention.projection;
        if (projection) pictures.add_projection(*projection);
    }
    return pictures;
}

// Singular values of long texts take seconds.
static void note_long_work(const nn::Config& config, std::size_t n) {
    constexpr std::size_t long_text = 1000;
    if (n < long_text) return;
    note("--plot: computing the singular values of " + grouped(config.layers * config.heads) +
         " attention matrices, " + grouped(n) + " x " + grouped(n) + " each");
}

void draw_attention(const nn::Linformer<float>& model, const Ids& tokens,
                    const std::string& directory) {
    std::filesystem::create_directories(directory);
    note_long_work(model.config, tokens.shape(1));
    const ModelPictures pictures = pictures_of(model, tokens);
    std::set<std::string> drawn;
    const auto draw = [&](const std::string& name, const auto&... content) {
        if (!plot(picture_path(directory, name), content...))
            throw std::runtime_error(
                "--plot: the pictures need gnuplot (Debian: gnuplot-nox): it is missing or "
                "failed: " +
                directory);
        drawn.insert(name);
    };
    draw("attention", "softmax(Q K^T / sqrt(d_h)): queries down, keys across", pictures.P);
    if (!pictures.slots[0].empty())
        draw("slots",
             model.config.window > 0 ? "over the k slots, then the window: queries down"
                                     : "over the k slots: queries down",
             pictures.slots);
    if (!pictures.reach[0].empty())
        draw("reach", "P-bar F: what each query (down) takes of each value (across)",
             pictures.reach);
    if (!pictures.projections.empty())
        draw("projections",
             model.config.has_matrices()
                 ? "E and F: slots down, positions across"
                 : "E and F: channels of a head down, positions of a window across",
             pictures.projections);
    draw("spectrum", "singular values of softmax(Q K^T / sqrt(d_h))", "singular values",
         "cumulative share", pictures.spectra);
    for (const char* name : picture_names)  // of another model
        if (!drawn.contains(name)) remove_file(picture_path(directory, name));
}

}  // namespace taper::examples
