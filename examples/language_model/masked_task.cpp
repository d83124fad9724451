#include "examples/language_model/masked_task.hpp"

#include "examples/language_model/guessing.hpp"

namespace taper::examples {

// `random` has three numbers for each position, and one more for the row.
void MaskedTask::fill_row(Batch& batch, std::size_t row, std::span<const std::int32_t> window,
                          const Random& random) const {
    const std::size_t n = window.size();
    const auto drawn = [&](std::size_t i) { return random.uniform(3 * i) < 0.15; };
    bool any = false;
    for (std::size_t i = 0; i < n; ++i) any = any || drawn(i);
    const std::size_t forced = any ? n : random.below(3 * n, n);  // n: none
    const auto vocabulary = static_cast<std::uint64_t>(tokenizer_.size());
    for (std::size_t i = 0; i < n; ++i) {
        std::int64_t& token = batch.tokens(row, i);
        token = window[i];
        batch.targets(row, i) = ignore_index;
        const bool chosen = drawn(i) || i == forced;
        if (!chosen) continue;
        batch.targets(row, i) = token;
        const double share = random.uniform(3 * i + 1);
        if (share < 0.8) token = *tokenizer_.mask_id();
        else if (share < 0.9)
            token = static_cast<std::int64_t>(random.below(3 * i + 2, vocabulary));
    }
}

MaskedTask::MaskedTask(const Tokenizer& tokenizer, const Corpus& corpus)
    : tokenizer_(tokenizer), examples_(corpus.validation_windows(most_validation_windows)) {
    if (examples_.empty()) examples_.push_back(corpus.training_window(Random(0, "example"), 0));
}

std::string MaskedTask::sample(const nn::Linformer<float>& model, const Random& random) const {
    const auto example = examples_[random.below(0, examples_.size())];
    const std::size_t n = example.size();
    const auto is_mask = [&](std::size_t i) { return i == n / 2 || random.uniform(i + 1) < 0.125; };
    Ids tokens = empty<std::int64_t>({1, n});
    for (std::size_t i = 0; i < n; ++i)
        tokens(0, i) = is_mask(i) ? *tokenizer_.mask_id() : example[i];
    const Array<float> logits = model(tokens).value();

    constexpr std::size_t shown = 200;  // tokens that fit on a few lines
    std::string masked, filled;
    std::size_t right = 0;
    std::size_t masks = 0;
    for (std::size_t i = 0; i < n; ++i) {
        std::int32_t token = example[i];
        if (is_mask(i)) {
            token = best_guesses(logits, i, 1)[0].token;
            ++masks;
            if (token == example[i]) ++right;
        }
        if (i >= shown) continue;
        const std::string bytes = tokenizer_.decode(std::span(&token, 1));
        masked += is_mask(i) ? mask_spelling : bytes;
        filled += is_mask(i) ? "<" + bytes + ">" : bytes;
    }
    const std::string indentation = "    ";
    std::string text = "  masked: " + readable(masked, indentation);
    text += "\n  filled: " + readable(filled, indentation);
    text += "\n  right: " + std::to_string(right) + " of " + std::to_string(masks) + "\n";
    return text;
}

}  // namespace taper::examples
