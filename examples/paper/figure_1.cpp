// Figure 1 of arXiv 2006.04768: self-attention is low rank. The attention matrix of a head is P =
// softmax(Q K^T / sqrt(d_h)), n x n (Eq. 2). The paper takes the singular values of P of each layer
// and head of RoBERTa, n = 512, over many texts, and draws their cumulative share: (s_1 + ... +
// s_k) / (s_1 + ... + s_n) against k. At k = n/4 = 128 its heat map reaches from 0.88 to 0.96, and
// higher layers have more.
//
// Here the same of a masked language model with full attention, over windows of the held-out last
// tenth of its text: a model directory of train_mlm (--model), or one that is trained first
// (OUT/model_SEED; where such a run was stopped, the same command goes on with it).
//
// A high share alone says little, as each row of P sums to 1: s_1 is 1 or more, and if all rows
// were uniform, the first share would be all. So P is compared with matrices of the same rows whose
// structure is lost (with_shuffled_rows in spectra.hpp), which have to need markedly more singular
// values. Two more things are measured that a reader of Figure 1 must know: an untrained model,
// whose P is nearly uniform and thus of lower rank than a trained one's, and the softmax of Q K^T
// of random Q and K, which is not of full rank either, as Q K^T has rank d_h alone. What Figure 1
// shows is then no proof of what training has done. For heads of a high rank a reason is tested:
// whether they look at a neighbour, so that P is like a shifted identity.
//
// The index n/4 is d_h by default, in the paper it is twice d_h: here less of the rank of Q K^T is
// room to spare.
//
// What to doubt: a toy model of one text, n far below 512, two thousand steps: where its loss is
// that of guessing by frequency (the program says so), its attention has learned next to nothing.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <span>

#include "core/ops.hpp"
#include "examples/common/options.hpp"
#include "examples/common/plot.hpp"
#include "examples/common/program.hpp"
#include "examples/common/progress.hpp"
#include "examples/language_model/batches.hpp"
#include "examples/language_model/checkpoint.hpp"
#include "examples/language_model/loading.hpp"
#include "examples/language_model/masked_task.hpp"
#include "examples/language_model/train_program.hpp"
#include "examples/language_model/training_options.hpp"
#include "examples/paper/report.hpp"
#include "examples/paper/spectra.hpp"

namespace taper::examples {
namespace {

// ---- The verdicts ----

// What the singular values behind the first n/4 have of the sum: 0.04 to 0.12 in the paper.
double remainder_of(const Shares& shares) { return 1 - shares[shares.size() / 4 - 1]; }

// Of the mean over texts, layers and heads.
struct Rest {
    double own;       // remainder_of P
    double shuffled;  // of P with shuffled rows
    double ratio() const { return own / shuffled; }
};

// (a) Low rank: less remains than in the paper's worst head, 0.12, and markedly less than where the
// same rows have no structure: half of it. Where either is missed it holds weaker. A matrix that is
// not told apart from its own shuffled rows has no low rank. A model that has not learned to use
// its attention is no trained one: nothing is visible.
Verdict low_rank_verdict(const Rest& rest, bool learned) {
    const bool told_apart = rest.ratio() < 0.95;  // false also of 0 / 0, where all rows are uniform
    if (!told_apart) return Verdict::does_not_hold;
    if (rest.ratio() > 0.75 || !learned) return Verdict::not_visible;
    const bool as_low_as_the_paper = rest.own <= 0.12;
    const bool markedly = rest.ratio() <= 0.5;
    return as_low_as_the_paper && markedly ? Verdict::holds : Verdict::holds_weaker;
}

// Guessing without a look at other positions costs at least 0.8 of the entropy of the tokens, as
// four fifths of the targets are hidden (MaskedTask), and the others might be read off.
bool has_learned(double loss, double entropy) { return loss < 0.8 * entropy; }

// The mean of the upper half of the layers less that of the lower half; a layer in the middle is in
// neither.
double rise_of(std::span<const double> layers) {
    const std::size_t half = layers.size() / 2;
    if (half == 0) return 0;
    double rise = 0;
    for (std::size_t i = 0; i < half; ++i) rise += layers[layers.size() - 1 - i] - layers[i];
    return rise / static_cast<double>(half);
}

double rise_above_lowest(std::span<const double> layers) { return rise_of(layers.subspan(1)); }

// (b) Higher layers are more skewed: a larger share. The paper's heat map reaches from 0.88 to
// 0.96: with a steady rise its upper half would have 0.04 more than its lower half. A quarter of
// that is the least that we call a rise, or a fall. A rise from the lowest layer to the others,
// which are alike, is a weaker one.
Verdict skew_verdict(std::span<const double> layers) {
    constexpr double of_the_paper = 0.04;
    constexpr double least = of_the_paper / 4;
    const double rise = rise_of(layers);
    if (rise <= -least) return Verdict::does_not_hold;
    if (rise < least) return Verdict::not_visible;
    const bool goes_on = rise_above_lowest(layers) >= least;
    return rise >= of_the_paper && goes_on ? Verdict::holds : Verdict::holds_weaker;
}

// ---- The settings ----

struct Figure1Options : PaperOptions {
    std::string model;
    std::vector<std::string> text;
    std::uint64_t windows = 50;
    std::string tokenizer = "byte";
    std::uint64_t length = 32;
    std::uint64_t width = 64;
    std::uint64_t heads = 8;
    std::uint64_t layers = 4;
    std::uint64_t batch = 32;
    std::uint64_t steps = 2000;
    double lr = 3e-3;

    Figure1Options() : PaperOptions("figure_1") { seeds = 1; }
    void declare_all(Options& options);
    void fit(const Options& options);
    void check_sizes(const Options& options) const;
    std::string directory(std::uint64_t model_seed) const;
    std::vector<std::string> training_words(std::uint64_t model_seed, bool resume) const;
};

void Figure1Options::declare_all(Options& options) {
    options.path("--model", model,
                 "a directory that train_mlm --attention full wrote; else a model is trained");
    options.files("--text", text, "the model's text, whose last tenth is looked at; repeatable");
    options.count("--windows", windows, 1, 100'000, "held-out windows to look at, at most");
    options.word("--tokenizer", tokenizer, {"char", "byte", "bpe"}, "of the model to train");
    options.count("--length", length, 8, 8192, "n of the model to train");
    options.count("--width", width, 1, 65536, "d of the model to train, a multiple of --heads");
    options.count("--heads", heads, 1, 65536, "h of the model to train");
    options.count("--layers", layers, 2, 1000, "L of the model to train");
    options.count("--batch", batch, 1, 1'000'000, "windows in a step of the training");
    options.count("--steps", steps, 1, 1'000'000'000, "steps of the training");
    options.number("--lr", lr, positive_float(), "largest learning rate of the training");
    declare(options, "some five minutes a seed");
}

// The settings of --quick, where others were not given; what --model leaves without effect.
void Figure1Options::fit(const Options& options) {
    if (text.empty())
        throw Error("--text: at least one file must be given, also with --model: none");
    if (!model.empty()) {
        const std::string idle =
            options.without_effect({"--seeds", "--tokenizer", "--length", "--width", "--heads",
                                    "--layers", "--batch", "--steps", "--lr"},
                                   "--model");
        if (!idle.empty()) note(idle);
        seeds = 1;
    }
    if (!quick) return;
    const std::map<std::string, std::pair<std::uint64_t*, std::uint64_t>> quick_values{
        {"--windows", {&windows, 10}},
        {"--width", {&width, 32}},
        {"--layers", {&layers, 2}},
        {"--batch", {&batch, 16}},
        {"--steps", {&steps, 60}}};
    for (const auto& [name, setting] : quick_values)
        if (!options.given(name)) *setting.first = setting.second;
}

void Figure1Options::check_sizes(const Options& options) const {
    if (model.empty() && width % heads != 0)
        throw Error(options.blamed({"--heads", "--width"}) +
                    ": the width must be a multiple of the heads: width " + std::to_string(width) +
                    ", heads " + std::to_string(heads));
}

// A quick model is another one.
std::string Figure1Options::directory(std::uint64_t model_seed) const {
    if (!model.empty()) return model;
    return out + (quick ? "/quick_model_" : "/model_") + std::to_string(model_seed);
}

// Those of train_mlm's command line.
std::vector<std::string> Figure1Options::training_words(std::uint64_t model_seed,
                                                        bool resume) const {
    std::vector<std::string> words{"--out",       directory(model_seed),
                                   "--attention", "full",
                                   "--tokenizer", tokenizer,
                                   "--length",    std::to_string(length),
                                   "--width",     std::to_string(width),
                                   "--heads",     std::to_string(heads),
                                   "--layers",    std::to_string(layers),
                                   "--batch",     std::to_string(batch),
                                   "--steps",     std::to_string(steps),
                                   "--lr",        shortest(lr),
                                   "--threads",   std::to_string(threads),
                                   "--seed",      std::to_string(model_seed)};
    for (const std::string& path : text) {
        words.push_back("--text");
        words.push_back(path);
    }
    if (resume) words.push_back("--resume");
    return words;
}

// Trains the model of a seed, or what is left of it. Returns the exit status: not 0 where it was
// stopped.
int train_figure_model(const Figure1Options& o, const std::string& own_path, std::uint64_t seed) {
    const auto make_task = [](const Tokenizer& tokenizer, const Corpus& corpus) {
        return std::make_unique<MaskedTask>(tokenizer, corpus);
    };
    const bool begun = std::filesystem::exists(checkpoint_path(o.directory(seed)));
    std::vector<std::string> words = o.training_words(seed, begun);
    words.insert(words.begin(),
                 std::filesystem::path(own_path).replace_filename("train_mlm").string());
    const int status = train_here(words, "figure_1", "", ModelKind::masked, make_task);
    if (status != 0) say_line("or give the same command again");
    return status;
}

// ---- The measurement ----

struct ModelFigures {
    ModelSpectra spectra;
    nn::Config config;
    double loss = 0;     // nats a masked token, held out
    double entropy = 0;  // of a token of the held-out text
};

double loss_of(const LoadedModel& loaded, const Corpus& corpus) {
    TrainingOptions batches;
    batches.length = loaded.model.config.length;
    const MaskedTask task(*loaded.tokenizer, corpus);
    double sum = 0;
    std::size_t targets = 0;
    for (const Batch& batch : validation_batches(batches, corpus, task)) {
        const auto ignored =
            std::count(batch.targets.begin(), batch.targets.end(), std::int64_t{ignore_index});
        const std::size_t counted = batch.targets.size() - static_cast<std::size_t>(ignored);
        const double loss = cross_entropy(loaded.model(batch.tokens), batch.targets).item();
        sum += loss * static_cast<double>(counted);
        targets += counted;
    }
    return sum / static_cast<double>(targets);
}

// The entropy of the tokens, in nats.
double entropy_of(const std::vector<std::span<const std::int32_t>>& windows) {
    std::map<std::int32_t, double> counts;
    double total = 0;
    for (const auto window : windows)
        for (const std::int32_t token : window) {
            counts[token] += 1;
            total += 1;
        }
    double entropy = 0;
    for (const auto& [token, count] : counts) entropy -= count / total * std::log(count / total);
    return entropy;
}

Corpus corpus_of(const Figure1Options& o, const LoadedModel& loaded) {
    std::vector<Text> texts;
    for (const std::string& path : o.text)
        texts.push_back(read_text(path, encoding_of(loaded.tokenizer->kind())));
    return {*loaded.tokenizer, std::move(texts), loaded.model.config.length};
}

void check_figure_model(const nn::Config& config, const std::string& directory) {
    const std::string subject = "--model: " + directory + "/config.json: ";
    if (config.attention != nn::AttentionKind::full)
        throw Error(subject + "attention: the value must be full: linformer");
    if (config.layers < 2)
        throw Error(subject + "layers: the value must be 2 or more, as layers are compared: 1");
    if (config.length < 8)
        throw Error(subject +
                    "length: the value must be 8 or more: " + std::to_string(config.length));
}

// None: stopped by a signal.
std::optional<ModelFigures> measure_model(const Figure1Options& o, std::uint64_t seed) {
    const std::string directory = o.directory(seed);
    const LoadedModel loaded = load(directory, ModelKind::masked);
    check_figure_model(loaded.model.config, directory);
    const Corpus corpus = corpus_of(o, loaded);
    const auto all_windows = corpus.validation_windows(corpus.validation_tokens());
    if (all_windows.empty())
        throw Error("--text: the last tenth of a text must hold a window of the model's length: " +
                    std::to_string(loaded.model.config.length));
    ModelFigures figures{.spectra = {}, .config = loaded.model.config};
    figures.loss = finite_or_error(directory, [&] { return loss_of(loaded, corpus); });
    figures.entropy = entropy_of(all_windows);

    nn::Config config = loaded.model.config;
    config.seed = seed;
    const nn::Linformer<float> untrained(config);
    const auto windows = corpus.validation_windows(o.windows);
    WorkProgress progress(windows.size());
    for (const auto window : windows) {
        if (stop_status() != 0) return std::nullopt;
        Ids tokens = empty<std::int64_t>({1, window.size()});
        std::copy(window.begin(), window.end(), tokens.begin());
        add_spectra(figures.spectra, loaded.model, untrained, tokens, seed);
        progress.done();
    }
    progress.leave();
    return figures;
}

// ---- What the tables of spectra say ----

// Which cells of a table: all, or those of one text or layer.
struct Cells {
    std::optional<std::size_t> text = {};
    std::optional<std::size_t> layer = {};
    std::optional<std::size_t> head = {};
};

// The mean of `number` over the cells.
template <class F> double mean_over(const SpectrumTable& table, const Cells& cells, F number) {
    double sum = 0;
    double count = 0;
    for (std::size_t text = 0; text < table.texts; ++text)
        for (std::size_t layer = 0; layer < table.layers; ++layer)
            for (std::size_t head = 0; head < table.heads; ++head) {
                const bool chosen = text == cells.text.value_or(text) &&
                                    layer == cells.layer.value_or(layer) &&
                                    head == cells.head.value_or(head);
                if (!chosen) continue;
                sum += number(table.at(text, layer, head));
                count += 1;
            }
    return sum / count;
}

Rest rest_of(const SpectrumTable& table, const Cells& cells = {}) {
    return {mean_over(table, cells, [](const Spectrum& s) { return remainder_of(s.shares); }),
            mean_over(table, cells, [](const Spectrum& s) { return remainder_of(s.shuffled); })};
}

Shares mean_shares(const SpectrumTable& table, const Cells& cells, Shares Spectrum::*member) {
    Shares mean((table.cells[0].*member).size());
    for (std::size_t i = 0; i < mean.size(); ++i)
        mean[i] = mean_over(table, cells, [&](const Spectrum& s) { return (s.*member)[i]; });
    return mean;
}

// Of each layer the share at n/4; text: of all, or of one.
std::vector<double> layer_shares(const SpectrumTable& table, std::optional<std::size_t> text = {}) {
    std::vector<double> shares;
    for (std::size_t layer = 0; layer < table.layers; ++layer)
        shares.push_back(1 - rest_of(table, {.text = text, .layer = layer}).own);
    return shares;
}

using Models = std::vector<ModelFigures>;  // one a seed

bool learned_model(const ModelFigures& figures) {
    return has_learned(figures.loss, figures.entropy);
}

// A number of each seed; of one seed alone also its range over the texts.
template <class OfModel, class OfText>
std::string with_spread(const Models& models, OfModel of_model, OfText of_text) {
    std::vector<double> numbers;
    for (const ModelFigures& figures : models) numbers.push_back(of_model(figures));
    const std::string text = text_of(spread_of(numbers));
    if (models.size() > 1) return text;
    std::vector<double> of_texts;
    for (std::size_t i = 0; i < models[0].spectra.trained.texts; ++i)
        of_texts.push_back(of_text(models[0], i));
    const Spread spread = spread_of(of_texts);
    return text + ", over " + std::to_string(of_texts.size()) + " texts " + fixed(spread.least, 3) +
           " to " + fixed(spread.most, 3);
}

// ---- The findings ----

// The mean over the models.
template <class F> double model_mean(const Models& models, F number) {
    double sum = 0;
    for (const ModelFigures& figures : models) sum += number(figures);
    return sum / static_cast<double>(models.size());
}

Rest mean_rest(const Models& models, SpectrumTable ModelSpectra::*table) {
    return {.own = model_mean(models,
                              [&](const ModelFigures& f) { return rest_of(f.spectra.*table).own; }),
            .shuffled = model_mean(
                models, [&](const ModelFigures& f) { return rest_of(f.spectra.*table).shuffled; })};
}

std::string rest_text(const Rest& rest) {
    return fixed(1 - rest.own, 3) + ", rows shuffled " + fixed(1 - rest.shuffled, 3) +
           ": what remains is " + fixed(rest.ratio(), 2) + " of the shuffled rows' rest";
}

void add_low_rank(PaperReport& report, const Models& models) {
    const auto share_of = [](const ModelFigures& figures, const Cells& cells) {
        return 1 - rest_of(figures.spectra.trained, cells).own;
    };
    const std::string share = with_spread(
        models, [&](const ModelFigures& figures) { return share_of(figures, {}); },
        [&](const ModelFigures& figures, std::size_t text) {
            return share_of(figures, {.text = text});
        });
    const Rest trained = mean_rest(models, &ModelSpectra::trained);
    const Rest random = mean_rest(models, &ModelSpectra::random_scores);
    const bool learned = std::all_of(models.begin(), models.end(), learned_model);
    report.add({.claim = "P of a trained model is of low rank: few singular values are most of the "
                         "sum",
                .paper = "share 0.88 to 0.96 at n/4 = 128 of 512 (Figure 1, heat map)",
                .ours = "share at n/4 " + share + "; " + rest_text(trained),
                .verdict = low_rank_verdict(trained, learned),
                .control = "softmax of independent random scores of the same scale, against its "
                           "own shuffled rows: share " +
                           rest_text(random),
                .control_verdict = low_rank_verdict(random, learned)});
}

std::vector<double> mean_layer_shares(const Models& models) {
    std::vector<double> mean(models[0].config.layers, 0);
    for (const ModelFigures& figures : models) {
        const std::vector<double> shares = layer_shares(figures.spectra.trained);
        for (std::size_t layer = 0; layer < mean.size(); ++layer)
            mean[layer] += shares[layer] / static_cast<double>(models.size());
    }
    return mean;
}

// rise: rise_of or rise_above_lowest.
std::string rise_text(const Models& models, double (*rise)(std::span<const double>)) {
    return with_spread(
        models,
        [&](const ModelFigures& figures) { return rise(layer_shares(figures.spectra.trained)); },
        [&](const ModelFigures& figures, std::size_t text) {
            return rise(layer_shares(figures.spectra.trained, text));
        });
}

// The control of (b): the layers in reverse order. Where the halves hardly differ that changes
// nothing. Then each token of the lower half attends to itself alone: that P is the identity, n
// equal singular values, whose share at n/4 is 1/4.
void add_skew(PaperReport& report, const Models& models) {
    const std::vector<double> shares = mean_layer_shares(models);
    const Verdict verdict = skew_verdict(shares);
    std::string control = "the layers in reverse order: ";
    std::vector<double> control_shares(shares.rbegin(), shares.rend());
    if (verdict == Verdict::not_visible) {
        control = "P of the lower half of the layers replaced by the identity: ";
        control_shares = shares;
        std::fill_n(control_shares.begin(), shares.size() / 2, 0.25);
    }
    report.add(
        {.claim = "Higher layers are more skewed: the share at n/4 rises with the layer",
         .paper = "from about 0.88 to 0.96 (Figure 1, heat map), so about 0.04 between the halves",
         .ours = "the upper half of the layers has more than the lower half by " +
                 rise_text(models, rise_of) + "; without the lowest layer by " +
                 rise_text(models, rise_above_lowest),
         .verdict = verdict,
         .control = control + fixed(rise_of(control_shares), 3),
         .control_verdict = skew_verdict(control_shares)});
}

// ---- What else is said ----

struct NamedTable {
    std::string name;
    SpectrumTable ModelSpectra::*table;
};

const std::vector<NamedTable>& named_tables() {
    static const std::vector<NamedTable> tables{{"trained", &ModelSpectra::trained},
                                                {"untrained", &ModelSpectra::untrained},
                                                {"random scores", &ModelSpectra::random_scores},
                                                {"random Q and K", &ModelSpectra::random_heads}};
    return tables;
}

std::string padded(const std::string& text, std::size_t width) {
    return std::string(width - std::min(width, text.size()), ' ') + text;
}

double entropy_of_rows(const Spectrum& s) { return s.entropy; }
double weight_of_distance(const Spectrum& s) { return s.distance; }

// Over the trained heads: the correlation (Pearson) of the share at n/4 and weight_at_one_distance.
double distance_correlation(const SpectrumTable& table) {
    std::vector<double> shares, distances;
    for (std::size_t layer = 0; layer < table.layers; ++layer)
        for (std::size_t head = 0; head < table.heads; ++head) {
            const Cells cells{.layer = layer, .head = head};
            shares.push_back(1 - rest_of(table, cells).own);
            distances.push_back(mean_over(table, cells, weight_of_distance));
        }
    const double mean_share = spread_of(shares).mean;
    const double mean_distance = spread_of(distances).mean;
    double product = 0;
    double share_squares = 0;
    double distance_squares = 0;
    for (std::size_t i = 0; i < shares.size(); ++i) {
        const double share = shares[i] - mean_share;
        const double distance = distances[i] - mean_distance;
        product += share * distance;
        share_squares += share * share;
        distance_squares += distance * distance;
    }
    return product / std::sqrt(share_squares * distance_squares);
}

// The share at n/4 without s_1, which is 1 or more in any matrix whose rows sum to 1.
double share_without_first(const Shares& shares) {
    const double first = shares[0];
    if (first >= 1) return 1;
    return (shares[shares.size() / 4 - 1] - first) / (1 - first);
}

std::string heading(const ModelFigures& figures) {
    const nn::Config& config = figures.config;
    return "\nn " + std::to_string(config.length) + ", d_h " +
           std::to_string(config.width / config.heads) + ", " +
           std::to_string(figures.spectra.trained.texts) + " texts; held-out loss " +
           fixed(figures.loss, 3) + " nats a masked token, entropy of a token " +
           fixed(figures.entropy, 3) +
           "\n"
           "  behind s_1    the share at n/4 of the other singular values\n"
           "  90 % at       so many singular values\n"
           "  entropy       of a row, in parts of log n\n"
           "  one distance  weight on the keys at one distance from the query\n"
           "matrix          layer  share at n/4  shuffled  behind s_1  90 % at  shuffled  entropy  "
           "one distance\n";
}

std::string table_row(const NamedTable& named, const ModelFigures& figures, std::size_t layer) {
    const SpectrumTable& table = figures.spectra.*named.table;
    const Cells cells{.layer = layer};
    const Rest rest = rest_of(table, cells);
    const Shares shares = mean_shares(table, cells, &Spectrum::shares);
    const Shares shuffled = mean_shares(table, cells, &Spectrum::shuffled);
    const double entropy = mean_over(table, cells, entropy_of_rows);
    const double distance = mean_over(table, cells, weight_of_distance);
    std::string row = named.name + std::string(16 - named.name.size(), ' ');
    row += padded(std::to_string(layer), 5);
    row += padded(fixed(1 - rest.own, 3), 14);
    row += padded(fixed(1 - rest.shuffled, 3), 10);
    row += padded(fixed(share_without_first(shares), 3), 12);
    row += padded(std::to_string(count_for(shares, 0.9)), 9);
    row += padded(std::to_string(count_for(shuffled, 0.9)), 10);
    row += padded(fixed(entropy, 3), 9);
    row += padded(fixed(distance, 3), 14);
    return row + "\n";
}

void print_tables(const ModelFigures& figures) {
    std::string text = heading(figures);
    for (const NamedTable& named : named_tables())
        for (std::size_t layer = 0; layer < figures.config.layers; ++layer)
            text += table_row(named, figures, layer);
    print_result(text);
}

// What the numbers say that Figure 1 does not.
void print_cautions(const Models& models) {
    const Rest untrained = mean_rest(models, &ModelSpectra::untrained);
    const Rest trained = mean_rest(models, &ModelSpectra::trained);
    const Rest heads = mean_rest(models, &ModelSpectra::random_heads);
    std::string text = "\nThe same verdict of other matrices, which no training has made:\n";
    text += "  untrained       share " + rest_text(untrained) + ": " +
            name_of(low_rank_verdict(untrained, true)) + "\n";
    text += "  random Q and K  share " + rest_text(heads) + ": " +
            name_of(low_rank_verdict(heads, true)) + "\n";
    if (untrained.own < trained.own)
        text +=
            "An untrained model has the lower rank: training raises the rank of P, as its rows "
            "become less uniform.\n";
    const double correlation = model_mean(models, [](const ModelFigures& figures) {
        return distance_correlation(figures.spectra.trained);
    });
    text +=
        "Over the trained heads, the share at n/4 and the weight at one distance correlate with " +
        fixed(correlation, 2) + ".\n";
    const auto learned = std::count_if(models.begin(), models.end(), learned_model);
    const auto idle = std::ssize(models) - learned;
    if (idle == 0 && correlation < -0.5)
        text +=
            "A head that looks at a neighbour has a P like a shifted identity, whose rank is "
            "high.\n";
    if (idle > 0)
        text +=
            "Models that guess hardly better than by frequency, whose attention has learned next "
            "to nothing: " +
            std::to_string(idle) + " of " + std::to_string(models.size()) +
            ". More --steps may help.\n";
    print_result(text);
}

nlohmann::ordered_json table_json(const SpectrumTable& table) {
    nlohmann::ordered_json json;
    for (std::size_t layer = 0; layer < table.layers; ++layer) {
        std::vector<double> heads;
        for (std::size_t head = 0; head < table.heads; ++head)
            heads.push_back(1 - rest_of(table, {.layer = layer, .head = head}).own);
        const Cells cells{.layer = layer};
        json["layers"].push_back(
            {{"share_at_quarter", 1 - rest_of(table, cells).own},
             {"share_at_quarter_shuffled", 1 - rest_of(table, cells).shuffled},
             {"share_at_quarter_of_heads", heads},
             {"row_entropy", mean_over(table, cells, entropy_of_rows)},
             {"weight_at_one_distance", mean_over(table, cells, weight_of_distance)},
             {"shares", mean_shares(table, cells, &Spectrum::shares)},
             {"shares_shuffled", mean_shares(table, cells, &Spectrum::shuffled)}});
    }
    return json;
}

nlohmann::ordered_json model_json(const ModelFigures& figures) {
    nlohmann::ordered_json json{
        {"n", figures.config.length},
        {"d_h", figures.config.width / figures.config.heads},
        {"layers", figures.config.layers},
        {"heads", figures.config.heads},
        {"texts", figures.spectra.trained.texts},
        {"index", figures.config.length / 4},
        {"held_out_loss", figures.loss},
        {"correlation_of_share_and_distance", distance_correlation(figures.spectra.trained)},
        {"token_entropy", figures.entropy}};
    for (const NamedTable& named : named_tables())
        json[named.name] = table_json(figures.spectra.*named.table);
    return json;
}

// ---- The pictures ----

Curve shares_curve(const std::string& title, const Shares& shares) {
    Curve curve{title, "linespoints lw 2 pt 7 ps 0.3", {}};
    for (std::size_t i = 0; i < shares.size(); ++i)
        curve.points.emplace_back(static_cast<double>(i + 1), shares[i]);
    return curve;
}

void draw_shares(const ModelFigures& figures, const std::string& path) {
    const ModelSpectra& spectra = figures.spectra;
    const std::size_t quarter = figures.config.length / 4;
    const std::size_t top = figures.config.layers - 1;
    const auto trained_layer = [&](std::size_t layer) {
        return shares_curve("trained, layer " + std::to_string(layer),
                            mean_shares(spectra.trained, {.layer = layer}, &Spectrum::shares));
    };
    std::vector<Curve> curves{
        trained_layer(0),
        trained_layer(top),
        shares_curve("trained, rows shuffled",
                     mean_shares(spectra.trained, {}, &Spectrum::shuffled)),
        shares_curve("random scores", mean_shares(spectra.random_scores, {}, &Spectrum::shares)),
        shares_curve("random Q and K", mean_shares(spectra.random_heads, {}, &Spectrum::shares)),
        shares_curve("untrained", mean_shares(spectra.untrained, {}, &Spectrum::shares))};
    const auto x = static_cast<double>(quarter);
    curves.push_back({"n/4", "lines lw 1 dt 2", {{x, 0}, {x, 1}}});
    const Rest rest = rest_of(spectra.trained);
    const std::string title = "The first " + std::to_string(quarter) + " of " +
                              std::to_string(figures.config.length) + " singular values hold " +
                              fixed(1 - rest.own, 2) + " of their sum, with shuffled rows " +
                              fixed(1 - rest.shuffled, 2);
    const bool drawn = plot(path, title, "singular values, the largest first",
                            "cumulative share of their sum", curves);
    require_drawn(drawn, path);
}

// From the least entry, white, to the largest.
HeatMap share_map(const SpectrumTable& table) {
    std::vector<double> shares;
    for (std::size_t layer = 0; layer < table.layers; ++layer)
        for (std::size_t head = 0; head < table.heads; ++head)
            shares.push_back(1 - rest_of(table, {.layer = layer, .head = head}).own);
    const auto [least, most] = std::minmax_element(shares.begin(), shares.end());
    const std::string title =
        "from " + fixed(*least, 3) + " (white) to " + fixed(*most, 3) + " (dark)";
    HeatMap map{title, table.layers, table.heads, {}};
    for (const double share : shares) map.entries.push_back(static_cast<float>(share - *least));
    return map;
}

void draw_heads(const ModelFigures& figures, const std::string& path) {
    const std::string title = "Share at n/4 = " + std::to_string(figures.config.length / 4) +
                              " of P of each head: layers down, heads across";
    const bool drawn = plot(path, title, {{share_map(figures.spectra.trained)}});
    require_drawn(drawn, path);
}

int report_figure(const Figure1Options& o, const Models& models) {
    PaperReport report(o, "figure_1", "Figure 1", "self-attention is low rank");
    report.numbers()["models"] = nlohmann::ordered_json::array();
    for (const ModelFigures& figures : models) {
        report.numbers()["models"].push_back(model_json(figures));
        print_tables(figures);
    }
    add_low_rank(report, models);
    add_skew(report, models);
    print_cautions(models);
    draw_shares(models[0], report.picture_path());
    const std::string heads_path = o.out + "/figure_1_heads.svg";
    draw_heads(models[0], heads_path);
    const int status = report.finish();
    print_result("heads    " + heads_path + "\n");
    return status;
}

}  // namespace
}  // namespace taper::examples

int main(int argc, char** argv) {
    using namespace taper;
    using namespace taper::examples;
    return run_program("figure_1", [&] {
        Figure1Options o;
        Options options("figure_1",
                        "Figure 1: the singular values of the attention matrices of a trained "
                        "model, over held-out text.");
        o.declare_all(options);
        if (!options.parse(argc, argv)) return 0;
        o.fit(options);
        o.check_sizes(options);
        o.apply();
        Models models;
        for (std::uint64_t seed = o.seed; seed < o.seed + o.seeds; ++seed) {
            if (o.model.empty())
                if (const int status = train_figure_model(o, argv[0], seed); status != 0)
                    return status;
            std::optional<ModelFigures> figures = measure_model(o, seed);
            if (!figures) return stop_status();
            models.push_back(std::move(*figures));
        }
        return report_figure(o, models);
    });
}
