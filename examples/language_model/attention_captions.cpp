#include "examples/language_model/attention_captions.hpp"

#include <algorithm>
#include <cmath>

#include "examples/common/markup.hpp"
#include "examples/common/progress.hpp"

namespace taper::examples {

PlottedText plotted_text(const Tokenizer& tokenizer, const TokenIds& ids) {
    PlottedText text{.tokens = empty<std::int64_t>({1, ids.size()}), .names = {}, .asked = {}};
    std::copy(ids.begin(), ids.end(), text.tokens.data());
    for (std::size_t i = 0; i < ids.size(); ++i) {
        text.names.push_back(tokenizer.spelling(ids[i]));
        if (ids[i] == tokenizer.mask_id()) text.asked.push_back(i);
    }
    if (!tokenizer.mask_id()) text.asked.push_back(ids.size() - 1);
    return text;
}

namespace {

struct Entry {
    std::size_t row, column;
    double value;
};

// The entry of the rows from `first` on that comes before all others by `before`.
template <class T, class Before>
Entry extreme(const Array<T>& x, std::size_t first, const Before& before) {
    Entry best{first, 0, static_cast<double>(x(first, 0))};
    for (std::size_t i = first; i < x.shape(0); ++i)
        for (std::size_t j = 0; j < x.shape(1); ++j) {
            const auto value = static_cast<double>(x(i, j));
            if (before(value, best.value)) best = {i, j, value};
        }
    return best;
}

template <class T> Entry largest(const Array<T>& x, std::size_t first = 0) {
    return extreme(x, first, std::greater<double>());
}

Entry largest_of_row(const Array<double>& x, std::size_t row) {
    Entry best{row, 0, x(row, 0)};
    for (std::size_t j = 1; j < x.shape(1); ++j)
        if (x(row, j) > best.value) best = {row, j, x(row, j)};
    return best;
}

// 0.41, 0.064
std::string weight_text(double weight) { return fixed(weight, std::abs(weight) < 0.0995 ? 3 : 2); }

// “␣LORD” (4)
std::string token_at(const PlottedText& text, std::size_t position) {
    return "“" + visible(text.names[position], 24) + "” (" + std::to_string(position) + ")";
}

// The first row that has something to choose from.
std::size_t first_row(std::size_t rows, bool causal) { return causal && rows > 1 ? 1 : 0; }

// exp of the entropy of each row, the mean of the rows from `first` on.
double mean_spread(const Array<double>& x, std::size_t first) {
    double sum = 0;
    for (std::size_t i = first; i < x.shape(0); ++i) {
        double entropy = 0;
        for (std::size_t j = 0; j < x.shape(1); ++j)
            if (x(i, j) > 0) entropy -= x(i, j) * std::log(x(i, j));
        sum += std::exp(entropy);
    }
    return sum / static_cast<double>(x.shape(0) - first);
}

std::string distance_words(std::ptrdiff_t distance) {
    if (distance == 0) return "the token itself";
    const std::string tokens = std::abs(distance) == 1
                                   ? "the token"
                                   : "the token " + std::to_string(std::abs(distance)) + " places";
    return tokens + (distance < 0 ? " before" : " after");
}

// The distance from a token that gets the most, the mean of the rows that have such a token, which
// are at least half of all.
std::string distance_sentence(const Array<double>& P, std::size_t first) {
    const auto n = static_cast<std::ptrdiff_t>(P.shape(0));
    if (n < 4) return "";
    double most = -1;
    std::ptrdiff_t best = 0;
    for (std::ptrdiff_t distance = -n / 2; distance <= n / 2; ++distance) {
        double sum = 0;
        std::size_t rows = 0;
        for (auto t = static_cast<std::ptrdiff_t>(first); t < n; ++t) {
            if (t + distance < 0 || t + distance >= n) continue;
            sum += P(static_cast<std::size_t>(t), static_cast<std::size_t>(t + distance));
            ++rows;
        }
        if (rows > 0 && sum / static_cast<double>(rows) > most) {
            most = sum / static_cast<double>(rows);
            best = distance;
        }
    }
    return " By distance most goes to " + distance_words(best) + ": " + weight_text(most) +
           " on average.";
}

std::string spread_sentence(const Array<double>& x, std::size_t first, const std::string& of) {
    return " A token spreads its attention as evenly as over " + fixed(mean_spread(x, first), 1) +
           " of " + of + ", on average (exp of the entropy).";
}

// A slot and what it reads of the text.
std::string slot_words(const HeadMaps& maps, const PlottedText& text, std::size_t slot) {
    const SlotReads reads = maps.reads[slot];
    const std::string name = "slot " + std::to_string(slot) + ", which reads ";
    if (reads.begin == reads.end) return name + "mostly past the end of this text";
    if (reads.end - reads.begin == 1) return name + "most of " + token_at(text, reads.begin);
    return name + "most of the tokens from " + token_at(text, reads.begin) + " to " +
           token_at(text, reads.end - 1);
}

}  // namespace

std::string attention_caption(const Array<double>& P, const PlottedText& text, bool causal) {
    const std::size_t n = P.shape(0);
    const std::size_t first = first_row(n, causal);
    const Entry darkest = largest(P, first);
    std::string words =
        std::string(first == 1 ? "After the first row the darkest cell: " : "Darkest cell: ") +
        token_at(text, darkest.row) + " looks at " + token_at(text, darkest.column) + ", " +
        weight_text(darkest.value) + " of its attention.";
    for (const std::size_t position : text.asked) {
        const Entry most = largest_of_row(P, position);
        words += " " + token_at(text, position) + " looks most at " + token_at(text, most.column) +
                 ": " + weight_text(most.value) + ".";
    }
    return words + spread_sentence(P, first, counted(n, "token", "tokens")) +
           distance_sentence(P, first);
}

// What column j of P-bar is: a slot, or a position in the window.
static std::string column_words(const HeadMaps& maps, const PlottedText& text, std::size_t j) {
    const std::size_t k = maps.reads.size();
    return j < k ? slot_words(maps, text, j) : token_at(text, j - k) + " in its window";
}

std::string slots_caption(const HeadMaps& maps, const PlottedText& text, const nn::Config& config) {
    const Array<double>& slots = maps.slots;
    const std::size_t k = maps.reads.size();
    const std::size_t first = first_row(slots.shape(0), config.causal);
    const Entry darkest = largest(slots, first);
    std::string words =
        std::string(first == 1 ? "After the first row the darkest cell: " : "Darkest cell: ") +
        token_at(text, darkest.row) + " gives " + weight_text(darkest.value) +
        " of its attention to " + column_words(maps, text, darkest.column) + ".";
    for (const std::size_t position : text.asked) {
        const Entry most = largest_of_row(slots, position);
        words += " " + token_at(text, position) + " gives most, " + weight_text(most.value) +
                 ", to " + column_words(maps, text, most.column) + ".";
    }
    if (slots.shape(1) > k) {
        double share = 0;
        for (std::size_t t = first; t < slots.shape(0); ++t)
            for (std::size_t j = k; j < slots.shape(1); ++j) share += slots(t, j);
        share /= static_cast<double>(slots.shape(0) - first);
        return words + " The window gets " + fixed(share, 2) +
               " of the attention on average, the slots the rest.";
    }
    return words + spread_sentence(slots, first, counted(k, "slot", "slots"));
}

std::string reach_caption(const Array<double>& reach, const PlottedText& text) {
    const Entry most = largest(reach);
    const Entry least = extreme(reach, 0, std::less<double>());
    std::string words = "Largest: " + token_at(text, most.row) + " takes " +
                        weight_text(most.value) + " times the value of " +
                        token_at(text, most.column) + ".";
    if (least.value < 0)
        words += " Least: " + token_at(text, least.row) + " takes " + weight_text(least.value) +
                 " times that of " + token_at(text, least.column) + ".";
    return words;
}

std::string projection_caption(const Array<float>& matrix, bool has_slots) {
    const Entry most = largest(matrix);
    std::size_t below = 0;
    for (const float entry : matrix) below += entry < 0;
    const std::string row = has_slots ? "slot " : "channel ";
    return "Largest entry: " + row + std::to_string(most.row) + " at position " +
           std::to_string(most.column) + (has_slots ? "" : " of a window") + ", " +
           weight_text(most.value) + ". Below 0: " + counted(below, "entry", "entries") + " of " +
           grouped(matrix.size()) + ".";
}

std::string spectrum_caption(const std::vector<double>& shares) {
    const auto enough =
        std::find_if(shares.begin(), shares.end(), [](double share) { return share >= 0.9; });
    const auto number = static_cast<std::uint64_t>(enough - shares.begin()) + 1;
    return "the first " + std::to_string(number) + " of " +
           counted(shares.size(), "singular value", "singular values") + " make " +
           fixed(100 * *enough, 0) + " % of the sum";
}

std::vector<std::string> slot_labels(const HeadMaps& maps, const PlottedText& text) {
    std::vector<std::string> labels;
    for (std::size_t j = 0; j < maps.reads.size(); ++j) {
        const SlotReads reads = maps.reads[j];
        std::string label = std::to_string(j) + ":";
        if (reads.begin == reads.end) label += "–";
        else label += text.names[reads.begin];
        if (reads.end > reads.begin + 1) label += "…" + text.names[reads.end - 1];
        labels.push_back(label);
    }
    return labels;
}

}  // namespace taper::examples
