#include "examples/language_model/guessing.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "core/error.hpp"
#include "examples/common/program.hpp"

namespace taper::examples {

std::vector<Guess> likeliest(std::span<const float> logits, std::size_t count) {
    count = std::min(count, logits.size());
    std::vector<std::int32_t> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    const auto likelier = [&](std::int32_t a, std::int32_t b) {
        const float logit_a = logits[static_cast<std::size_t>(a)];
        const float logit_b = logits[static_cast<std::size_t>(b)];
        return logit_a != logit_b ? logit_a > logit_b : a < b;
    };
    const auto last = order.begin() + static_cast<std::ptrdiff_t>(count);
    std::partial_sort(order.begin(), last, order.end(), likelier);

    const double largest = *std::max_element(logits.begin(), logits.end());
    const auto exponential = [&](float logit) {
        return std::exp(static_cast<double>(logit) - largest);
    };
    double total = 0;
    for (const float logit : logits) total += exponential(logit);
    std::vector<Guess> guesses;
    for (std::size_t i = 0; i < count; ++i)
        guesses.push_back(
            {order[i], exponential(logits[static_cast<std::size_t>(order[i])]) / total});
    return guesses;
}

std::string guess_line(double probability, const std::string& name) {
    char digits[32];  // enough for a sum of at most 1
    std::snprintf(digits, sizeof digits, "  %-12.6g", probability);
    return digits + name + "\n";
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
    return likeliest(std::span(row, words), count);
}

}  // namespace taper::examples
