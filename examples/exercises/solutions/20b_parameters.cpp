// The model answer to exercise 20b, count the parameters
//
// A linear map from p to q numbers has p q weights and q biases. So a block has
//
//     4 d + 4 (d^2 + d) + (d * "hidden" + "hidden") + ("hidden" * d + d)
//
// for the norms, the four maps, up and down. Heads only divide the d numbers among themselves; the
// maps stay as large.
//
// E and F have k n numbers each, and what is shared changes how many of them there are: 2 h L, 2 L,
// L, or 1. For BERT base (12 layers of 12 heads, n = 512) and k = 128 that is 19 million without
// sharing, in a model of 110 million, and 66 thousand with one matrix for all.
#include "nn/config.hpp"

using namespace taper;

static std::size_t of_linear(std::size_t from, std::size_t to) { return from * to + to; }

std::size_t numbers_of_a_block(std::size_t d, std::size_t hidden) {
    const std::size_t norms = 4 * d;
    const std::size_t maps = 4 * of_linear(d, d);
    return norms + maps + of_linear(d, hidden) + of_linear(hidden, d);
}

static std::size_t matrices(std::size_t h, std::size_t L, nn::Sharing sharing) {
    switch (sharing) {
        case nn::Sharing::none:
            return 2 * h * L;
        case nn::Sharing::headwise:
            return 2 * L;
        case nn::Sharing::key_value:
            return L;
        case nn::Sharing::layerwise:
            return 1;
    }
    return 0;
}

std::size_t numbers_of_E_and_F(std::size_t n, std::size_t k, std::size_t h, std::size_t L,
                               nn::Sharing sharing) {
    return matrices(h, L, sharing) * k * n;
}
