#include "examples/common/arithmetic.hpp"

#include <algorithm>

namespace taper::examples {

double multiply_adds(const nn::Config& c, std::size_t batch) {
    const auto real = [](std::size_t number) { return static_cast<double>(number); };
    const double n = real(c.length), d = real(c.width), W = real(c.ffn_width), h = real(c.heads);
    const bool full = c.attention == nn::AttentionKind::full;
    double total = n * d * real(c.vocab_size);
    for (std::size_t layer = 0; layer < c.layers; ++layer) {
        total += 4 * n * d * d + 2 * n * d * W;
        for (std::size_t head = 0; head < c.heads; ++head) {
            const double keys = full ? n : real(c.k(layer, head));
            const double near = full ? 0 : std::min(real(c.window), n);
            double projected = 0;  // multiply-adds of E or F for a number of K or V
            if (!full && c.projections() > 0)
                projected = c.projection == nn::ProjectionKind::conv ? 1 : keys;
            total += 2 * n * (keys + near + projected) * d / h;  // scores and sums, E and F
        }
    }
    return total * real(batch);
}

}  // namespace taper::examples
