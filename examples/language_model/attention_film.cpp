#include "examples/language_model/attention_film.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "core/io/file.hpp"
#include "examples/common/markup.hpp"
#include "examples/common/output_path.hpp"
#include "examples/common/program.hpp"
#include "examples/common/progress.hpp"

namespace taper::examples {

namespace fs = std::filesystem;

static const std::string frame_prefix = "frame_";
static const std::string metadata_begin = "<metadata>", metadata_end = "</metadata>";

std::string frame_file(std::uint64_t step) {
    const std::string digits = std::to_string(step);
    return frame_prefix + std::string(10 - std::min<std::size_t>(digits.size(), 10), '0') + digits +
           ".svg";
}

void check_film(const TrainingOptions& options) {
    if (options.plot.empty()) return;
    std::error_code none;
    if (fs::weakly_canonical(options.plot, none) == fs::weakly_canonical(options.out, none))
        throw Error("--plot: the directory must be another than --out: " + options.plot);
    check_output_directory("--plot", options.plot);
    if (!fs::is_directory(options.plot)) return;
    for (const std::string& file : {frame_file(0), std::string("index.html")})
        check_output_file("--plot", options.plot + "/" + file);
}

// ---- A frame's file ----

static std::string metadata_of(const FilmFrame& frame) {
    nlohmann::ordered_json json{{"step", frame.step},
                                {"run", frame.run},
                                {"label", frame.label},
                                {"width", frame.width},
                                {"height", frame.height}};
    for (const MapPlace& place : frame.places)
        json["places"].push_back({place.x, place.y, place.width, place.height});
    json["captions"] = frame.captions;
    return metadata_begin + markup_json(json.dump()) + metadata_end;
}

static FilmFrame frame_of(const std::string& path) {
    const std::string svg = read_file(path);
    const std::size_t begin = svg.find(metadata_begin);
    const std::size_t end = svg.find(metadata_end);
    const auto refuse = [&] {
        return Error("--plot: a frame must be one that was written by --plot: " + path);
    };
    if (begin == svg.npos || end == svg.npos || end < begin) throw refuse();
    try {
        const std::size_t first = begin + metadata_begin.size();
        const auto json = nlohmann::json::parse(svg.substr(first, end - first));
        FilmFrame frame{.step = json.at("step"),
                        .run = json.at("run"),
                        .label = json.at("label"),
                        .width = json.at("width"),
                        .height = json.at("height"),
                        .places = {},
                        .captions = json.at("captions")};
        for (const auto& place : json.at("places"))
            frame.places.push_back({place.at(0), place.at(1), place.at(2), place.at(3)});
        return frame;
    } catch (const nlohmann::json::exception&) {
        throw refuse();
    }
}

// ---- The film ----

static TokenIds first_tokens(const TokenIds& ids, std::size_t most) {
    const std::size_t count = std::min(ids.size(), most);
    return {ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count)};
}

static std::vector<std::string> names_of_frames(const std::string& directory) {
    std::vector<std::string> names;
    if (!fs::is_directory(directory)) return names;
    for (const auto& entry : fs::directory_iterator(directory)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(frame_prefix) && name.ends_with(".svg")) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

AttentionFilm::AttentionFilm(std::string directory, const Tokenizer& tokenizer, const TokenIds& ids,
                             const std::string& run, std::uint64_t steps)
    : directory_(std::move(directory)),
      text_(plotted_text(tokenizer, first_tokens(ids, most_filmed_tokens))) {
    std::string identity = run;
    for (const std::string& name : text_.names) identity += "\n" + name;
    run_ = hash_text(identity);
    for (const std::string& name : names_of_frames(directory_)) {
        const std::string path = directory_ + "/" + name;
        FilmFrame frame = frame_of(path);
        if (frame.run != run_)
            throw Error(
                "--plot: the directory must have no frames of another run or another text: " +
                path);
        if (frame.step <= steps) frames_.push_back(std::move(frame));
        else later_.push_back(path);
    }
}

void AttentionFilm::remove_later_frames() {
    for (const std::string& path : later_) fs::remove(path);
    later_.clear();
}

static std::string label_of(const StepMetrics& metrics) {
    const std::string label = "step " + grouped(metrics.step) + ": ";
    if (metrics.step == 0) return label + "before training";
    const std::string loss = label + "loss " + fixed(metrics.loss, 2);
    return metrics.val_loss ? loss + ", validation loss " + fixed(*metrics.val_loss, 2) : loss;
}

FilmFrame AttentionFilm::draw_frame(const StepMetrics& metrics, const nn::Linformer<float>& model) {
    FilmFrame frame{.step = metrics.step,
                    .run = run_,
                    .label = label_of(metrics),
                    .width = 0,
                    .height = 0,
                    .places = {},
                    .captions = {}};
    HeatMapPicture picture = computed_picture(model.config);
    picture.title = frame.label + ". " + picture.title;
    titles_.clear();
    const auto layers = attention_maps(model, text_.tokens);
    const bool full = model.config.attention == nn::AttentionKind::full;
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
        picture.maps.push_back(computed_maps(layer, layers[layer], text_, model.config));
        for (HeatMap& map : picture.maps.back()) {
            map.column_label_room = longest_label;
            titles_.push_back(map.title);
        }
        for (const HeadMaps& maps : layers[layer])
            frame.captions.push_back(full ? attention_caption(maps.P, text_, model.config.causal)
                                          : slots_caption(maps, text_, model.config));
    }
    DrawnHeatMaps drawn = drawn_heat_maps(picture);
    frame.width = drawn.width;
    frame.height = drawn.height;
    frame.places = drawn.places;
    drawn.svg.insert(drawn.svg.rfind("</svg>"), metadata_of(frame) + "\n");
    const std::string path = directory_ + "/" + frame_file(metrics.step);
    for (const std::string& leftover : leftovers_of(path)) fs::remove(leftover);
    write_file(path, drawn.svg);
    return frame;
}

void AttentionFilm::add(const StepMetrics& metrics, const nn::Linformer<float>& model) {
    try {
        fs::create_directories(directory_);
        remove_later_frames();
        std::erase_if(frames_, [&](const FilmFrame& frame) { return frame.step == metrics.step; });
        frames_.push_back(draw_frame(metrics, model));
        write_file(directory_ + "/index.html",
                   film_page(frames_, titles_, text_, attention_scale()));
        drawn_ = true;
    } catch (const std::system_error& error) {  // a run can do without
        drawn_ = false;
        if (!said_undrawn_) say_line(std::string("--plot: no frame: ") + error.what());
        said_undrawn_ = true;
    }
}

std::string AttentionFilm::page() const { return drawn_ ? directory_ + "/index.html" : ""; }

// ---- What the programs do with it ----

// --plot-text, with masks where the tokenizer has one.
static TokenIds plot_text_ids(const Tokenizer& tokenizer, const std::string& text) {
    const std::string subject = "--plot-text";
    const bool masked = tokenizer.mask_id() && text.find(mask_spelling) != text.npos;
    const TokenIds ids =
        masked ? encode_with_masks(tokenizer, text, subject) : tokenizer.encode(text, subject);
    if (ids.empty()) throw Error(subject + ": the text must have at least one token: ''");
    return ids;
}

std::optional<AttentionFilm> film_of(const TrainingOptions& options, const Tokenizer& tokenizer,
                                     const TokenIds& example, std::size_t length,
                                     const std::string& run, std::uint64_t steps) {
    if (options.plot.empty()) return std::nullopt;
    const TokenIds ids =
        options.plot_text.empty() ? example : plot_text_ids(tokenizer, options.plot_text);
    return AttentionFilm(options.plot, tokenizer, first_tokens(ids, length), run, steps);
}

AfterEvaluation frames_of(std::optional<AttentionFilm>& film) {
    if (!film) return {};
    return [&film](const StepMetrics& metrics, const nn::Linformer<float>& model) {
        film->add(metrics, model);
    };
}

void say_film(const std::optional<AttentionFilm>& film) {
    if (film && !film->page().empty()) say_line("attention over the steps: " + film->page());
}

}  // namespace taper::examples
