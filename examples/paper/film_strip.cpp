// Does E learn to look like anything? The rows of E (k, n) of each layer over the training of a
// masked language model of the characters of one text, as a strip of heat maps. The paper (arXiv
// 2006.04768) does not show its E and F, and does not say how they start.
//
// Two starts: as the means of k windows of n/k positions plus N(0, 0.02^2), which is taper's own,
// and as N(0, 1/k), which is that of the proofs. Measured is how local a row is: the share of its
// squared entries that n/k consecutive positions have, those where it is largest. A window mean has
// nearly 1; what a row of independent entries has is measured.
//
// To doubt: what a row looks at may be local and still be of no use; one k, one n, one text.
#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.hpp"
#include "core/io/safetensors.hpp"
#include "examples/common/heat_map.hpp"
#include "examples/common/program.hpp"
#include "examples/language_model/loading.hpp"
#include "examples/paper/masked_models.hpp"

namespace taper::examples {

namespace {

struct FilmOptions : MaskedOptions {
    std::uint64_t length = 32;
    std::uint64_t k = 8;

    FilmOptions() : MaskedOptions("film_strip") {}
    void declare_all(Options& options);
    void fit(const Options& options);
    void check(const Options& options) const;
    std::size_t window() const { return length / k; }
};

void FilmOptions::declare_all(Options& options) {
    options.count("--length", length, 8, 8192, "n");
    options.count("--k", k, 2, 8192, "rows of E, divides n");
    declare_training(options, "five minutes");
}

void FilmOptions::fit(const Options& options) {
    fit_training(options);
    if (!quick) return;
    if (!options.given("--length")) length = 16;
    if (!options.given("--k")) k = 4;
    if (!options.given("--tokens")) tokens = 256;
    if (!options.given("--steps")) steps = 60;
}

void FilmOptions::check(const Options& options) const {
    if (length % k != 0)
        throw Error(options.blamed({"--k", "--length"}) + ": k must divide n: k " +
                    std::to_string(k) + ", n " + std::to_string(length));
    check_training(options, length);
}

// ---- The measure and the verdicts ----

// The mean over the rows of E (k, n): see above.
double locality(const Array<float>& E, std::size_t window) {
    const std::size_t k = E.shape(0), n = E.shape(1);
    double sum = 0;
    for (std::size_t j = 0; j < k; ++j) {
        double all = 0;
        double largest = 0;
        for (std::size_t begin = 0; begin < n; ++begin) {
            all += std::pow(static_cast<double>(E(j, begin)), 2);
            double inside = 0;
            for (std::size_t i = begin; i < std::min(begin + window, n); ++i)
                inside += std::pow(static_cast<double>(E(j, i)), 2);
            largest = std::max(largest, inside);
        }
        sum += largest / all;
    }
    return sum / static_cast<double>(k);
}

// share: locality; random: that of rows of independent entries. A row looks at one place where its
// share is more than halfway from theirs to 1, and has come nearer to that, which is weaker, where
// it is a tenth of the way.
Verdict verdict_of_locality(double share, double random) {
    const double way = (share - random) / (1 - random);
    if (way >= 0.5) return Verdict::holds;
    return way >= 0.1 ? Verdict::holds_weaker : Verdict::does_not_hold;
}

// ---- The training ----

struct Frame {
    std::uint64_t step;
    std::vector<Array<float>> E;  // of each layer
};
using Film = std::vector<Frame>;
using Films = std::map<std::string, std::vector<Film>>;  // by the start: one a seed

const std::vector<std::string>& starts() {
    static const std::vector<std::string> all{"window", "normal"};
    return all;
}

MaskedModel model_from(const FilmOptions& o, const std::string& start) {
    return {.n = o.length, .k = {o.k}, .projection_init = start};
}

// Growing, beside the first, 0.
std::vector<std::uint64_t> frame_steps(const FilmOptions& o) {
    constexpr std::uint64_t frames = 5;
    std::vector<std::uint64_t> steps;
    for (std::uint64_t i = 1; i <= frames; ++i) {
        const std::uint64_t step = (i * o.steps + frames - 1) / frames;
        if (steps.empty() || step > steps.back()) steps.push_back(step);
    }
    return steps;
}

std::vector<Array<float>> all_E(const nn::Linformer<float>& model) {
    std::vector<Array<float>> all;
    for (const nn::EncoderBlock<float>& layer : model.layers)
        all.push_back(layer.attention.projection->E[0]->value());
    return all;
}

std::string frame_path(const std::string& directory, std::uint64_t step) {
    return directory + "/E_" + std::to_string(step) + ".safetensors";
}

// Each frame is a file of its run, so that a run may go on in another sitting.
int train(const FilmOptions& o, Runs& runs) {
    const std::vector<std::uint64_t> steps = frame_steps(o);
    const auto keep_frame = [&](const std::string& directory, std::uint64_t step,
                                const nn::Linformer<float>& model) {
        if (!std::binary_search(steps.begin(), steps.end(), step)) return;
        TensorFile file;
        const std::vector<Array<float>> all = all_E(model);
        for (std::size_t layer = 0; layer < all.size(); ++layer)
            file.tensors.emplace_back(std::to_string(layer), all[layer]);
        save_safetensors(frame_path(directory, step), file);
    };
    std::vector<MaskedModel> models;
    for (const std::string& start : starts()) models.push_back(model_from(o, start));
    return train_models(o, models, runs, keep_frame);
}

// The model before training is made again.
Film film_of(const FilmOptions& o, const std::string& directory, const std::string& start,
             std::uint64_t seed) {
    nn::Config config = load(directory, ModelKind::masked).model.config;
    config.seed = seed;
    config.projection_init =
        start == "window" ? nn::ProjectionInit::window_means : nn::ProjectionInit::normal;
    Film film{{.step = 0, .E = all_E(nn::Linformer<float>(config))}};
    for (const std::uint64_t step : frame_steps(o)) {
        const TensorFile file = load_safetensors(frame_path(directory, step));
        film.push_back({.step = step, .E = {}});
        for (std::size_t layer = 0; layer < config.layers; ++layer)
            film.back().E.push_back(file.get<float>(std::to_string(layer)));
    }
    return film;
}

Films all_films(const FilmOptions& o, const Runs& runs) {
    Films films;
    for (const std::string& start : starts())
        for (std::uint64_t seed = o.seed; seed < o.seed + o.seeds; ++seed)
            films[start].push_back(
                film_of(o, runs.directory(model_from(o, start).name(), seed), start, seed));
    return films;
}

// ---- The findings ----

// Of each seed the mean over the layers.
std::vector<double> localities(const FilmOptions& o, const std::vector<Film>& films,
                               std::size_t frame) {
    std::vector<double> of_seeds;
    for (const Film& film : films) {
        std::vector<double> of_layers;
        for (const Array<float>& E : film[frame].E) of_layers.push_back(locality(E, o.window()));
        of_seeds.push_back(spread_of(of_layers).mean);
    }
    return of_seeds;
}

void add_findings(PaperReport& report, const FilmOptions& o, const Films& films) {
    const std::size_t last = films.at("window")[0].size() - 1;
    const auto share = [&](const std::string& init, std::size_t frame) {
        return spread_of(localities(o, films.at(init), frame));
    };
    const std::string places =
        std::to_string(o.window()) + " consecutive positions of " + std::to_string(o.length);
    const Spread random = share("normal", 0);
    // The control is the other start, before training.
    const auto add = [&](const std::string& claim, const std::string& init) {
        const Spread end = share(init, last);
        const Verdict verdict = verdict_of_locality(end.mean, random.mean);
        const bool is_local = verdict != Verdict::does_not_hold;
        const Spread control = is_local ? random : share("window", 0);
        report.add({.claim = claim,
                    .paper = "does not show E and F",
                    .ours = "the share that " + places +
                            " have of a row's squares: " + text_of(share(init, 0)) +
                            " at the start, " + text_of(end) + " in the end",
                    .verdict = verdict,
                    .control = (is_local ? "E of N(0, 1/k), before training: "
                                         : "E of window means, before training: ") +
                               text_of(control),
                    .control_verdict = verdict_of_locality(control.mean, random.mean)});
    };
    add("Rows of E that start as window means still look at one place in the end", "window");
    add("Rows of E that start at random learn to look at one place", "normal");
    for (const auto& [init, of_seeds] : films)
        for (std::size_t frame = 0; frame <= last; ++frame)
            report.numbers()[init]["step " + std::to_string(of_seeds[0][frame].step)] =
                localities(o, of_seeds, frame);
}

// ---- The pictures ----

// A row a layer, a column a frame.
void draw_film(const FilmOptions& o, const Film& film, const std::string& start,
               const std::string& path) {
    std::vector<std::vector<HeatMap>> maps;
    for (std::size_t layer = 0; layer < film[0].E.size(); ++layer) {
        maps.emplace_back();
        for (const Frame& frame : film) {
            const Array<float>& E = frame.E[layer];
            maps.back().push_back(
                {"layer " + std::to_string(layer) + ", step " + std::to_string(frame.step),
                 o.k,
                 o.length,
                 {E.begin(), E.end()}});
        }
    }
    draw_heat_maps(path, {.title = "E over training, from " + start,
                          .down = "slots",
                          .across = "positions",
                          .entry = "an entry of E",
                          .maps = maps});
    show_picture(true, path);
}

int report_films(const FilmOptions& o, const Films& films) {
    PaperReport report(o, "film_strip", "Beyond the paper", "what E learns to look like");
    add_findings(report, o, films);
    return report.finish([&] {
        draw_film(o, films.at("window")[0], "window means", report.picture_path());
        draw_film(o, films.at("normal")[0], "N(0, 1/k)", o.out + "/film_strip_normal.svg");
    });
}

}  // namespace

}  // namespace taper::examples

int main(int argc, char** argv) {
    using namespace taper;
    using namespace taper::examples;
    return run_program("film_strip", [&] {
        FilmOptions o;
        Options options("film_strip", "The rows of E over the training of a masked model.");
        o.declare_all(options);
        if (!options.parse(argc, argv)) return 0;
        o.fit(options);
        o.check(options);
        o.apply(options);
        Runs runs(o, ModelKind::masked);
        if (const int status = train(o, runs); status != 0) return status;
        return report_films(o, all_films(o, runs));
    });
}
