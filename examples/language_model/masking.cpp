#include "examples/language_model/masking.hpp"

#include "core/ops.hpp"

namespace taper::examples {

void mask_row(Batch& batch, std::size_t row, std::span<const std::int32_t> window, std::int64_t mask_id, const Random& random) {
    const std::size_t n = window.size();
    const auto draw = [&](std::size_t i, std::uint64_t which) { return random.uniform(3 * i + which); };
    bool any = false;
    for (std::size_t i = 0; i < n; ++i) any |= draw(i, 0) < 0.15;
    const std::size_t forced = any ? n : random.below(3 * n, n);
    for (std::size_t i = 0; i < n; ++i) {
        std::int64_t& token = batch.tokens(row, i);
        std::int64_t& target = batch.targets(row, i);
        token = window[i];
        target = ignore_index;
        if (draw(i, 0) >= 0.15 && i != forced) continue;
        target = token;
        const double how = draw(i, 1);
        if (how < 0.8)
            token = mask_id;
        else if (how < 0.9)
            token = static_cast<std::int64_t>(random.below(3 * i + 2, static_cast<std::uint64_t>(mask_id)));
    }
}

}  // namespace taper::examples
