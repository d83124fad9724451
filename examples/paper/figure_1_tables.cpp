#include "examples/paper/figure_1_tables.hpp"

#include <algorithm>
#include <cmath>

#include "examples/common/program.hpp"
#include "examples/common/progress.hpp"
#include "examples/paper/figure_1_verdicts.hpp"

namespace taper::examples {

namespace {

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

// "64", or "64, 128" where the layers differ.
std::string widths_text(const std::vector<std::size_t>& d_h) {
    std::string text = std::to_string(d_h[0]);
    const bool alike = std::count(d_h.begin(), d_h.end(), d_h[0]) == std::ssize(d_h);
    for (std::size_t layer = 1; layer < d_h.size() && !alike; ++layer)
        text += ", " + std::to_string(d_h[layer]);
    return text;
}

std::string heading(const ModelFigures& figures) {
    std::string held_out = "no model, thus no loss, and no untrained one";
    if (figures.held_out)
        held_out = "held-out loss " + fixed(figures.held_out->loss, 3) +
                   " nats a masked token, entropy of a token " +
                   fixed(figures.held_out->entropy, 3);
    return "\nn " + std::to_string(figures.length) + ", d_h " + widths_text(figures.d_h) + ", " +
           std::to_string(figures.spectra.trained.texts) + " texts; " + held_out +
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
    row += right_aligned(std::to_string(layer), 5);
    row += right_aligned(fixed(1 - rest.own, 3), 14);
    row += right_aligned(fixed(1 - rest.shuffled, 3), 10);
    row += right_aligned(fixed(share_without_first(shares), 3), 12);
    row += right_aligned(std::to_string(count_for(shares, 0.9)), 9);
    row += right_aligned(std::to_string(count_for(shuffled, 0.9)), 10);
    row += right_aligned(fixed(entropy, 3), 9);
    row += right_aligned(fixed(distance, 3), 14);
    return row + "\n";
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

}  // namespace

void print_tables(const ModelFigures& figures) {
    std::string text = heading(figures);
    for (const NamedTable& named : named_tables())
        for (std::size_t layer = 0; layer < (figures.spectra.*named.table).layers; ++layer)
            text += table_row(named, figures, layer);
    print_result(text);
}

void print_cautions(const Models& models) {
    const bool has_untrained = !models[0].spectra.untrained.empty();
    const Rest untrained =
        has_untrained ? mean_rest(models, &ModelSpectra::untrained) : Rest{.own = 1, .shuffled = 1};
    const Rest trained = mean_rest(models, &ModelSpectra::trained);
    const Rest heads = mean_rest(models, &ModelSpectra::random_heads);
    std::string text = "\nThe same verdict of other matrices, which no training has made:\n";
    if (has_untrained)
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

nlohmann::ordered_json model_json(const ModelFigures& figures) {
    const SpectrumTable& trained = figures.spectra.trained;
    nlohmann::ordered_json json{
        {"n", figures.length},
        {"d_h", figures.d_h},
        {"layers", trained.layers},
        {"heads", trained.heads},
        {"texts", trained.texts},
        {"index", figures.quarter()},
        {"correlation_of_share_and_distance", distance_correlation(trained)}};
    if (figures.held_out) {
        json["held_out_loss"] = figures.held_out->loss;
        json["token_entropy"] = figures.held_out->entropy;
    }
    for (const NamedTable& named : named_tables())
        if (const SpectrumTable& table = figures.spectra.*named.table; !table.empty())
            json[named.name] = table_json(table);
    return json;
}

}  // namespace taper::examples
