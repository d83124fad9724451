#include "examples/language_model/pictures.hpp"

#include <array>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <xtensor-blas/xlinalg.hpp>

#include "core/io/file.hpp"
#include "examples/common/output_path.hpp"
#include "examples/common/picture_page.hpp"
#include "examples/common/plot.hpp"
#include "examples/common/program.hpp"
#include "examples/common/progress.hpp"

namespace taper::examples {

std::vector<double> singular_values(const Array<double>& x) {
    const auto s = std::get<1>(xt::linalg::svd(x, false, false));
    return {s.begin(), s.end()};
}

// The share of the first 1, 2, ... singular values in their sum, the mean of the heads.
static std::vector<double> spectrum_of(const std::vector<HeadMaps>& heads) {
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
    return shares;
}

constexpr std::array picture_files = {"attention.svg",   "slots.svg",    "reach.svg",
                                      "projections.svg", "spectrum.svg", "index.html"};

// What is no regular file stays.
static void remove_picture(const std::string& path) {
    const auto status = std::filesystem::symlink_status(path);
    if (std::filesystem::is_regular_file(status)) std::filesystem::remove(path);
}

void check_pictures(const std::string& directory) {
    check_output_directory("--plot", directory);
    if (!std::filesystem::is_directory(directory)) return;
    for (const char* name : picture_files) check_output_file("--plot", directory + "/" + name);
}

static std::string head_title(std::size_t layer, std::size_t head) {
    return "layer " + std::to_string(layer) + ", head " + std::to_string(head);
}

static bool is_full(const nn::Config& config) {
    return config.attention == nn::AttentionKind::full;
}

ColourScale attention_scale() { return {1, false, Shade::square_root}; }

std::vector<HeatMap> computed_maps(std::size_t layer, const std::vector<HeadMaps>& heads,
                                   const PlottedText& text, const nn::Config& config) {
    std::vector<HeatMap> maps;
    for (std::size_t head = 0; head < heads.size(); ++head) {
        const std::string title = head_title(layer, head);
        if (is_full(config)) {
            maps.push_back(heat_map(title, heads[head].P, text.names, text.names));
            continue;
        }
        std::vector<std::string> columns = slot_labels(heads[head], text);
        const std::size_t k = columns.size();
        const bool has_window = heads[head].slots.shape(1) > k;
        if (has_window) columns.insert(columns.end(), text.names.begin(), text.names.end());
        maps.push_back(heat_map(title, heads[head].slots, text.names, columns));
        if (has_window) maps.back().border = k;
    }
    return maps;
}

HeatMapPicture computed_picture(const nn::Config& config) {
    HeatMapPicture picture{.title = "What each token attends to",
                           .down = "the tokens that look",
                           .across = "the tokens they look at",
                           .entry = "attention weight",
                           .maps = {},
                           .scale = attention_scale()};
    if (is_full(config)) return picture;
    picture.title += ", as the model computes it: over its slots";
    picture.across = "the slots, each with what it reads of the text";
    if (config.window == 0) return picture;
    picture.title += " and a window";
    picture.across += "; right of the line the window, the last " + std::to_string(config.window) +
                      " tokens, seen exactly";
    return picture;
}

namespace {

// A picture, how its page speaks of it, and a caption for each of its maps.
struct Shown {
    std::string name, heading, words;
    HeatMapPicture picture;
    std::vector<std::string> captions;

    void add(std::vector<HeatMap> line) {
        if (!line.empty()) picture.maps.push_back(std::move(line));
    }

    // Each map by itself, all with the scale of the picture.
    PageSection section() const {
        PageSection section{heading, words, name + ".svg", {}};
        const ColourScale scale = picture.scale ? *picture.scale : scale_of(picture);
        const std::size_t side = longest_side(picture);
        std::size_t number = 0;
        for (const auto& line : picture.maps)
            for (const HeatMap& map : line) {
                const HeatMapPicture alone{.title = "",
                                           .down = "",
                                           .across = "",
                                           .entry = picture.entry,
                                           .maps = {{map}},
                                           .scale = scale,
                                           .longest_side = side};
                section.figures.push_back(
                    {drawn_heat_maps(alone).svg, map.title + ": " + captions.at(number)});
                ++number;
            }
        return section;
    }
};

using Layers = std::vector<std::vector<HeadMaps>>;

// P of full attention: what a model with full attention computes, and one with linformer does not.
Shown attention_of(const Layers& layers, const PlottedText& text, const nn::Config& config) {
    Shown shown{.name = "attention",
                .heading = "What each token attends to",
                .words =
                    "Each row is a token of the text. Its cells, one for each token that it "
                    "may look at, add up to 1: softmax(Q K^T / sqrt(d_h)), which multiplies "
                    "the values.",
                .picture = {.title = "What each token attends to: softmax(Q K^T / sqrt(d_h))",
                            .down = "the tokens that look",
                            .across = "the tokens they look at",
                            .entry = "attention weight",
                            .maps = {}},
                .captions = {}};
    if (!is_full(config)) {
        shown.heading = "Full attention over the same Q and K, which this model does not compute";
        shown.words =
            "What softmax(Q K^T / sqrt(d_h)) would be for this model's queries and "
            "keys. The model itself computes the attention over its slots, above; this "
            "is drawn to compare with.";
        shown.picture.title =
            "Full attention over this model's Q and K, which the model does not "
            "compute: softmax(Q K^T / sqrt(d_h))";
    }
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
        std::vector<HeatMap> line;
        for (std::size_t head = 0; head < layers[layer].size(); ++head) {
            const Array<double>& P = layers[layer][head].P;
            line.push_back(heat_map(head_title(layer, head), P, text.names, text.names));
            shown.captions.push_back(attention_caption(P, text, config.causal));
        }
        shown.add(std::move(line));
    }
    shown.picture.scale = attention_scale();
    return shown;
}

Shown slots_of(const Layers& layers, const PlottedText& text, const nn::Config& config) {
    Shown shown{.name = "slots",
                .heading = "What this model computes: attention over slots",
                .words =
                    "Each row is a token of the text. It looks at k slots instead of all "
                    "tokens: each slot is a sum over positions, and its label says what it "
                    "reads most of (– for what is past the end of this text). The cells of a "
                    "row add up to 1.",
                .picture = computed_picture(config),
                .captions = {}};
    if (config.window > 0)
        shown.words += " Right of the line are the tokens themselves: of each row the last " +
                       std::to_string(config.window) + ", its window.";
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
        if (is_full(config)) continue;
        shown.add(computed_maps(layer, layers[layer], text, config));
        for (const HeadMaps& head : layers[layer])
            shown.captions.push_back(slots_caption(head, text, config));
    }
    shown.picture.scale = attention_scale();
    return shown;
}

Shown reach_of_all(const Layers& layers, const PlottedText& text, const nn::Config& config) {
    Shown shown{.name = "reach",
                .heading = "What each token takes of the value of each token",
                .words =
                    "The attention over the slots times what the slots take of each value, "
                    "P-bar F: what comes of it from token to token. Unlike attention it may "
                    "be below 0, and a row need not add up to 1.",
                .picture = {.title = "What each token takes of the value of each: P-bar F",
                            .down = "the tokens that look",
                            .across = "the tokens whose values they take",
                            .entry = "how many times the value",
                            .maps = {}},
                .captions = {}};
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
        std::vector<HeatMap> line;
        if (is_full(config) || !config.has_matrices()) continue;
        for (std::size_t head = 0; head < layers[layer].size(); ++head) {
            const Array<double>& reach = layers[layer][head].reach;
            line.push_back(heat_map(head_title(layer, head), reach, text.names, text.names));
            shown.captions.push_back(reach_caption(reach, text));
        }
        shown.add(std::move(line));
    }
    return shown;
}

Shown projections_of(const nn::Linformer<float>& model) {
    const bool has_slots = model.config.has_matrices();
    Shown shown{.name = "projections",
                .heading = "What each slot reads of each position: E and F",
                .words = has_slots ? "E makes the keys of the slots from those of all positions, "
                                     "F the values. A row is a slot, a column a position."
                                   : "Each slot is a window of positions, which a convolution "
                                     "weighs. A row is a channel of a head, a column a position "
                                     "in the window.",
                .picture = {.title = "What each slot reads of each position: E and F",
                            .down = has_slots ? "the slots" : "the channels of a head",
                            .across = has_slots ? "the positions" : "the positions in a window",
                            .entry = "an entry of E or F",
                            .maps = {}},
                .captions = {}};
    for (const auto& layer : model.layers) {
        std::vector<HeatMap> line;
        if (!layer.attention.projection) continue;
        const nn::Projection<float>& projection = *layer.attention.projection;
        const auto add = [&](const nn::SharedParameter<float>& matrix, const char* more) {
            line.push_back(heat_map(matrix->name() + more, matrix->value()));
            shown.captions.push_back(projection_caption(matrix->value(), has_slots));
        };
        for (std::size_t group = 0; group < projection.E.size(); ++group) {
            const bool one = projection.E[group] == projection.F[group];
            add(projection.E[group], one ? " (and F)" : "");
            if (!one) add(projection.F[group], "");
        }
        shown.add(std::move(line));
    }
    return shown;
}

}  // namespace

// Singular values of long texts take seconds.
static void note_long_work(const nn::Config& config, std::size_t n) {
    constexpr std::size_t long_text = 1000;
    if (n < long_text) return;
    note("--plot: computing the singular values of " + grouped(config.layers * config.heads) +
         " attention matrices, " + grouped(n) + " x " + grouped(n) + " each");
}

// Returns what the page says of it. None: gnuplot is missing or failed.
static std::optional<PageSection> draw_spectrum(const Layers& layers, const nn::Config& config,
                                                const std::string& path) {
    std::vector<Curve> curves;
    std::string caption;
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
        const std::vector<double> shares = spectrum_of(layers[layer]);
        const std::string title = "layer " + std::to_string(layer);
        Curve curve{title, "linespoints pt 7 ps 0.3 lw 2", {}};
        for (std::size_t i = 0; i < shares.size(); ++i)
            curve.points.emplace_back(static_cast<double>(i + 1), shares[i]);
        curves.push_back(std::move(curve));
        caption += (layer == 0 ? "" : "; ") + title + ": " + spectrum_caption(shares);
    }
    const std::string whose =
        is_full(config) ? "" : " over this model's Q and K, which the model does not compute";
    if (!plot(path, "Singular values of full attention" + whose,
              "index of the singular value, the largest first", "cumulative share of their sum",
              curves))
        return std::nullopt;
    return PageSection{"How few directions would do: singular values of full attention" + whose,
                       "The share of the largest singular values of softmax(Q K^T / sqrt(d_h)) in "
                       "the sum of all, the mean of a layer's heads. A curve that rises early is "
                       "that of a matrix of low rank, on which Linformer rests.",
                       "spectrum.svg",
                       {{read_file(path), caption + "."}}};
}

void draw_attention(const nn::Linformer<float>& model, const PlottedText& text,
                    const std::string& directory) {
    std::filesystem::create_directories(directory);
    const nn::Config& config = model.config;
    note_long_work(config, text.tokens.shape(1));
    const Layers layers = attention_maps(model, text.tokens);
    std::set<std::string> drawn;
    std::vector<PageSection> sections;
    const auto draw = [&](const Shown& shown) {
        if (shown.picture.maps.empty()) return;
        draw_heat_maps(directory + "/" + shown.name + ".svg", shown.picture);
        sections.push_back(shown.section());
        drawn.insert(shown.name + ".svg");
    };
    draw(slots_of(layers, text, config));
    draw(reach_of_all(layers, text, config));
    draw(projections_of(model));
    draw(attention_of(layers, text, config));
    const auto spectrum = draw_spectrum(layers, config, directory + "/spectrum.svg");
    if (spectrum) sections.push_back(*spectrum);
    const std::string page = picture_page(
        "What the heads of a model attend to",
        "The text, token by token, each behind its position (␣ is a space, \\n the end of a line). "
        "All maps of a section have one colour scale, darker for more; what is said below each is "
        "computed from its numbers.",
        text.names, sections);
    write_file(directory + "/index.html", page);
    drawn.insert({"spectrum.svg", "index.html"});
    for (const char* file : picture_files)  // of another model
        if (!drawn.contains(file)) remove_picture(directory + "/" + file);
    if (!spectrum)
        throw std::runtime_error(
            "--plot: spectrum.svg needs gnuplot (Debian: gnuplot-nox): it is missing or failed: " +
            directory);
}

}  // namespace taper::examples
