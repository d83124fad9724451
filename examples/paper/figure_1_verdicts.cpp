#include "examples/paper/figure_1_verdicts.hpp"

namespace taper::examples {

Verdict low_rank_verdict(const Rest& rest, bool learned) {
    const bool told_apart = rest.ratio() < 0.95;  // false also of 0 / 0, where all rows are uniform
    if (!told_apart) return Verdict::does_not_hold;
    if (rest.ratio() > 0.75 || !learned) return Verdict::not_visible;
    const bool as_low_as_the_paper = rest.own <= 0.12;
    const bool markedly = rest.ratio() <= 0.5;
    return as_low_as_the_paper && markedly ? Verdict::holds : Verdict::holds_weaker;
}

double rise_of(std::span<const double> layers) {
    const std::size_t half = layers.size() / 2;
    if (half == 0) return 0;
    double rise = 0;
    for (std::size_t i = 0; i < half; ++i) rise += layers[layers.size() - 1 - i] - layers[i];
    return rise / static_cast<double>(half);
}

double rise_above_lowest(std::span<const double> layers) { return rise_of(layers.subspan(1)); }

Verdict skew_verdict(std::span<const double> layers) {
    constexpr double of_the_paper = 0.04;
    constexpr double least = of_the_paper / 4;
    const double rise = rise_of(layers);
    if (rise <= -least) return Verdict::does_not_hold;
    if (rise < least) return Verdict::not_visible;
    const bool goes_on = rise_above_lowest(layers) >= least;
    return rise >= of_the_paper && goes_on ? Verdict::holds : Verdict::holds_weaker;
}

}  // namespace taper::examples
