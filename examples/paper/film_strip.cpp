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
#include <memory>
#include <optional>

#include "core/error.hpp"
#include "core/ops.hpp"
#include "examples/common/plot.hpp"
#include "examples/common/program.hpp"
#include "examples/common/progress.hpp"
#include "examples/language_model/batches.hpp"
#include "examples/language_model/masked_task.hpp"
#include "examples/paper/masked_models.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/clip.hpp"
#include "nn/optim/schedule.hpp"

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

Frame frame_of(const nn::Linformer<float>& model, std::uint64_t step) {
    Frame frame{.step = step, .E = {}};
    for (const nn::EncoderBlock<float>& layer : model.layers)
        frame.E.push_back(layer.attention.projection->E[0]->value());
    return frame;
}

// The text as the models read it.
struct TrainingText {
    std::unique_ptr<Tokenizer> tokenizer;
    std::unique_ptr<Corpus> corpus;
    std::unique_ptr<MaskedTask> task;

    explicit TrainingText(const FilmOptions& o) {
        const TokenizerKind kind = tokenizer_kind_from(o.tokenizer);
        std::vector<Text> texts;
        for (const std::string& path : o.text) texts.push_back(read_text(path, encoding_of(kind)));
        tokenizer = build_tokenizer(kind, texts, std::nullopt, true).tokenizer;
        corpus = std::make_unique<Corpus>(*tokenizer, std::move(texts), o.length);
        task = std::make_unique<MaskedTask>(*tokenizer, *corpus);
    }
};

TrainingOptions training_options(const FilmOptions& o, const std::string& init,
                                 std::uint64_t seed) {
    TrainingOptions chosen;
    chosen.length = o.length;
    chosen.width = o.width;
    chosen.heads = o.heads;
    chosen.layers = o.layers;
    chosen.k = {o.k};
    chosen.projection_init = init;
    chosen.seed = seed;
    chosen.batch = o.tokens / o.length;
    chosen.steps = o.steps;
    chosen.warmup = std::min<std::uint64_t>(chosen.warmup, o.steps / 10);
    chosen.lr = o.lr;
    return chosen;
}

// Trains with the steps of train_mlm. None: stopped by a signal.
std::optional<Film> film_of(const FilmOptions& o, const TrainingText& text, const std::string& init,
                            std::uint64_t seed, WorkProgress& progress) {
    const TrainingOptions chosen = training_options(o, init, seed);
    const auto vocab_size = static_cast<std::size_t>(text.tokenizer->vocab_size());
    nn::Linformer<float> model(chosen.model_config(vocab_size, false));
    const nn::Parameters<float> parameters = model.parameters();
    nn::Adam<float> adam(parameters, {.weight_decay = chosen.weight_decay});
    const nn::Schedule schedule{.lr = chosen.lr, .warmup = chosen.warmup, .steps = chosen.steps};
    constexpr std::uint64_t frames = 5;  // beside the first
    Film film{frame_of(model, 0)};
    for (std::uint64_t step = 1; step <= o.steps; ++step) {
        if (stop_status() != 0) return std::nullopt;
        const Batch batch = training_batch(chosen, *text.corpus, *text.task, step);
        Tape<float> tape;
        tape.backward(cross_entropy(model(batch.tokens), batch.targets));
        nn::clip_gradients(parameters, chosen.clip);
        adam.step(schedule(step));
        if (step * frames / o.steps > (step - 1) * frames / o.steps)
            film.push_back(frame_of(model, step));
        progress.done();
    }
    return film;
}

using Films = std::map<std::string, std::vector<Film>>;  // by the start: one a seed

std::optional<Films> all_films(const FilmOptions& o) {
    const TrainingText text(o);
    WorkProgress progress(2 * o.seeds * o.steps);
    Films films;
    for (const char* init : {"window", "normal"})
        for (std::uint64_t seed = o.seed; seed < o.seed + o.seeds; ++seed) {
            std::optional<Film> film = film_of(o, text, init, seed, progress);
            if (!film) return std::nullopt;
            films[init].push_back(std::move(*film));
        }
    progress.leave();
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
    // The control is a row of the other kind: random, or one that a window mean has become.
    const auto add = [&](const std::string& claim, const std::string& init) {
        const Spread end = share(init, last);
        const Verdict verdict = verdict_of_locality(end.mean, random.mean);
        const bool is_local = verdict != Verdict::does_not_hold;
        const Spread control = is_local ? random : share("window", last);
        report.add({.claim = claim,
                    .paper = "does not show E and F",
                    .ours = "the share that " + places +
                            " have of a row's squares: " + text_of(share(init, 0)) +
                            " at the start, " + text_of(end) + " in the end",
                    .verdict = verdict,
                    .control = (is_local ? "E of N(0, 1/k), before training: "
                                         : "E that started as window means, in the end: ") +
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
    const std::string title = "E over training, from " + start + ": slots down, positions across";
    require_drawn(plot(path, title, maps), path);
}

int report_films(const FilmOptions& o, const Films& films) {
    PaperReport report(o, "film_strip", "Beyond the paper", "what E learns to look like");
    add_findings(report, o, films);
    draw_film(o, films.at("window")[0], "window means", report.picture_path());
    const std::string other = o.out + "/film_strip_normal.svg";
    draw_film(o, films.at("normal")[0], "N(0, 1/k)", other);
    const int status = report.finish();
    print_result("normal   " + other + "\n");
    return status;
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
        o.apply();
        const std::optional<Films> films = all_films(o);
        return films ? report_films(o, *films) : stop_status();
    });
}
