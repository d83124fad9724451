#include "examples/language_model/masking.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/ops.hpp"
#include "examples/common/program.hpp"

namespace taper::examples {

void MaskedTask::fill_row(Batch& batch, std::size_t row, std::span<const std::int32_t> window,
                          const Random& random) const {
    const std::size_t n = window.size();
    const auto chosen = [&](std::size_t i) { return random.uniform(3 * i) < 0.15; };
    bool any = false;
    for (std::size_t i = 0; i < n; ++i) any = any || chosen(i);
    const std::size_t forced = any ? n : random.below(3 * n, n);
    for (std::size_t i = 0; i < n; ++i) {
        std::int64_t& token = batch.tokens(row, i);
        token = window[i];
        batch.targets(row, i) = ignore_index;
        if (!chosen(i) && i != forced) continue;
        batch.targets(row, i) = token;
        const double how = random.uniform(3 * i + 1);
        if (how < 0.8) token = *tokenizer_.mask_id();
        else if (how < 0.9)
            token = static_cast<std::int64_t>(
                random.below(3 * i + 2, static_cast<std::uint64_t>(tokenizer_.size())));
    }
}

// Of the training text where nothing is held out.
MaskedTask::MaskedTask(const Tokenizer& tokenizer, const Corpus& corpus)
    : tokenizer_(tokenizer), examples_(corpus.validation_windows(200)) {
    if (examples_.empty()) examples_.push_back(corpus.training_window(Random(0, "example"), 0));
}

std::string MaskedTask::sample(const nn::Linformer<float>& model, const Random& random) const {
    constexpr std::size_t shown = 200;  // tokens that fit on a few lines
    const auto example = examples_[random.below(0, examples_.size())];
    const std::size_t n = example.size();
    const auto masked_at = [&](std::size_t i) {
        return i == n / 2 || random.uniform(i + 1) < 0.125;
    };
    Ids tokens = empty<std::int64_t>({1, n});
    for (std::size_t i = 0; i < n; ++i)
        tokens(0, i) = masked_at(i) ? *tokenizer_.mask_id() : example[i];
    const Array<float> logits = model(tokens).value();
    std::string masked, filled;
    std::size_t right = 0, masks = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const bool is_mask = masked_at(i);
        const std::int32_t guess = is_mask ? best_guesses(logits, i, 1)[0].token : example[i];
        masks += is_mask;
        right += is_mask && guess == example[i];
        if (i >= shown) continue;
        const std::string bytes = tokenizer_.decode(std::span(&guess, 1));
        masked += is_mask ? mask_spelling : bytes;
        filled += is_mask ? "<" + bytes + ">" : bytes;
    }
    const std::string indentation = "    ";
    return "  masked: " + readable(masked, indentation) +
           "\n  filled: " + readable(filled, indentation) + "\n  right: " + std::to_string(right) +
           " of " + std::to_string(masks) + "\n";
}

std::vector<Guess> best_guesses(const Array<float>& logits, std::size_t position,
                                std::size_t count) {
    const std::size_t V = logits.shape(2);
    const float* row = logits.data() + position * V;
    const std::size_t words = V - 1;  // the last id is the mask
    for (std::size_t i = 0; i < words; ++i)
        if (!std::isfinite(row[i]))
            throw NotFinite("logits: every number must be finite: position " +
                            std::to_string(position) + ", token " + std::to_string(i) + ": " +
                            shortest(row[i]));
    const double largest = *std::max_element(row, row + words);
    std::vector<std::int32_t> order(words);
    std::iota(order.begin(), order.end(), 0);
    count = std::min(count, words);
    std::partial_sort(
        order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
        [&](std::int32_t a, std::int32_t b) { return row[a] != row[b] ? row[a] > row[b] : a < b; });
    double total = 0;
    for (std::size_t i = 0; i < words; ++i)
        total += std::exp(static_cast<double>(row[i]) - largest);
    std::vector<Guess> guesses;
    for (std::size_t i = 0; i < count; ++i)
        guesses.push_back(
            {order[i], std::exp(static_cast<double>(row[order[i]]) - largest) / total});
    return guesses;
}

}  // namespace taper::examples
