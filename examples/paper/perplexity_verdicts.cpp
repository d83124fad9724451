#include "examples/paper/perplexity_verdicts.hpp"

#include <algorithm>

namespace taper::examples {

Verdict falls_verdict(std::span<const double> perplexities) {
    const double fall = perplexities.front() / perplexities.back();
    if (fall <= 1 / nearly) return Verdict::does_not_hold;
    if (fall < nearly) return Verdict::not_visible;
    const bool always = std::is_sorted(perplexities.rbegin(), perplexities.rend());
    return always ? Verdict::holds : Verdict::holds_weaker;
}

Verdict on_par_verdict(double perplexity, double reference, bool learned) {
    if (!learned) return Verdict::not_visible;
    const double ratio = perplexity / reference;
    if (ratio <= nearly) return Verdict::holds;
    return ratio <= not_quite ? Verdict::holds_weaker : Verdict::does_not_hold;
}

Verdict same_verdict(std::span<const double> perplexities, bool learned) {
    const auto [least, most] = std::minmax_element(perplexities.begin(), perplexities.end());
    return on_par_verdict(*most, *least, learned);
}

}  // namespace taper::examples
