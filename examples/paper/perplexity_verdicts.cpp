#include "examples/paper/perplexity_verdicts.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace taper::examples {

Verdict falls_verdict(std::span<const double> perplexities) {
    const double fall = perplexities.front() / perplexities.back();
    if (fall <= 1 / nearly) return Verdict::does_not_hold;
    if (fall < nearly) return Verdict::not_visible;
    const bool always = std::is_sorted(perplexities.rbegin(), perplexities.rend());
    return always ? Verdict::holds : Verdict::holds_weaker;
}

static double mean_of(std::span<const double> numbers) {
    return std::accumulate(numbers.begin(), numbers.end(), 0.0) /
           static_cast<double>(numbers.size());
}

// The square of the standard error of the mean.
static double squared_error_of(std::span<const double> numbers) {
    if (numbers.size() < 2) return 0;
    const double mean = mean_of(numbers);
    double squares = 0;
    for (const double number : numbers) squares += (number - mean) * (number - mean);
    const auto count = static_cast<double>(numbers.size());
    return squares / (count - 1) / count;
}

Spread perplexities_of(std::span<const double> losses) {
    const auto [least, most] = std::minmax_element(losses.begin(), losses.end());
    return {.mean = std::exp(mean_of(losses)),
            .least = std::exp(*least),
            .most = std::exp(*most),
            .seeds = losses.size()};
}

PerplexityRatio perplexity_ratio(std::span<const double> losses,
                                 std::span<const double> reference_losses) {
    const double ratio = std::exp(mean_of(losses) - mean_of(reference_losses));
    const double error = std::sqrt(squared_error_of(losses) + squared_error_of(reference_losses));
    return {.ratio = ratio, .standard_error = ratio * error};
}

Verdict on_par_verdict(const PerplexityRatio& perplexity, bool learned) {
    if (!learned) return Verdict::not_visible;
    const double least = perplexity.ratio - 2 * perplexity.standard_error;
    const double most = perplexity.ratio + 2 * perplexity.standard_error;
    if (most <= nearly) return Verdict::holds;
    if (least > not_quite) return Verdict::does_not_hold;
    return least <= nearly && most > not_quite ? Verdict::not_visible : Verdict::holds_weaker;
}

Verdict same_verdict(std::span<const double> perplexities, bool learned) {
    const auto [least, most] = std::minmax_element(perplexities.begin(), perplexities.end());
    return on_par_verdict({.ratio = *most / *least}, learned);
}

}  // namespace taper::examples
