#include "examples/language_model/guessing.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.hpp"
#include "examples/common/program.hpp"

namespace taper::examples {

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

    count = std::min(count, words);
    std::vector<std::int32_t> order(words);
    std::iota(order.begin(), order.end(), 0);
    const auto likelier = [&](std::int32_t a, std::int32_t b) {
        return row[a] != row[b] ? row[a] > row[b] : a < b;
    };
    const auto last = order.begin() + static_cast<std::ptrdiff_t>(count);
    std::partial_sort(order.begin(), last, order.end(), likelier);

    const double largest = *std::max_element(row, row + words);
    const auto exponential = [&](float logit) {
        return std::exp(static_cast<double>(logit) - largest);
    };
    double total = 0;
    for (std::size_t i = 0; i < words; ++i) total += exponential(row[i]);
    std::vector<Guess> guesses;
    for (std::size_t i = 0; i < count; ++i) {
        const std::int32_t token = order[i];
        guesses.push_back({token, exponential(row[token]) / total});
    }
    return guesses;
}

}  // namespace taper::examples
