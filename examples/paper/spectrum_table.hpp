// The spectra of the attention matrices of many texts, layers and heads, and means over them. How a
// spectrum is computed: spectra.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace taper::examples {

// Entry k - 1: the share of the k largest singular values in the sum of all.
using Shares = std::vector<double>;

// Of an n x n matrix whose rows sum to 1.
struct Spectrum {
    Shares shares;
    Shares shuffled;  // of the same, with_shuffled_rows
    double entropy;   // row_entropy
    double distance;  // weight_at_one_distance
};

// Those of each text, layer and head.
struct SpectrumTable {
    std::size_t texts, layers, heads;
    std::vector<Spectrum> cells;

    bool empty() const { return cells.empty(); }
    const Spectrum& at(std::size_t text, std::size_t layer, std::size_t head) const {
        return cells[(text * layers + layer) * heads + head];
    }
};

// What is compared, head by head and text by text. The random matrices have the scale of scores of
// the trained P that they stand for.
struct ModelSpectra {
    SpectrumTable trained;
    SpectrumTable untrained;      // a model of the same configuration, as it starts; or empty
    SpectrumTable random_scores;  // softmax_of_random_scores
    SpectrumTable random_heads;   // softmax_of_random_heads
};

// Which cells of a table: all, or those of one text, layer or head.
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

// The mean over the cells of shares or shuffled, index by index.
Shares mean_shares(const SpectrumTable& table, const Cells& cells, Shares Spectrum::*member);

// What the singular values behind the first n/4 have of the sum: 0.04 to 0.12 in the paper.
double remainder_of(const Shares& shares);

// Of the mean over texts, layers and heads.
struct Rest {
    double own;       // remainder_of P
    double shuffled;  // of P with shuffled rows
    double ratio() const { return own / shuffled; }
};

Rest rest_of(const SpectrumTable& table, const Cells& cells = {});
// The shares at n/4 of both, and the ratio.
std::string rest_text(const Rest& rest);

// Of each layer the share at n/4; text: of all, or of one.
std::vector<double> layer_shares(const SpectrumTable& table, std::optional<std::size_t> text = {});

}  // namespace taper::examples
