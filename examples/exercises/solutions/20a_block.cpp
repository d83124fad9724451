// The model answer to exercise 20a, wire the block
//
// Pre-norm, with y between the two sublayers:
//
//     y = x + "attention"("norm1"(x))
//     z = y + "feed_forward"("norm2"(y))
//
// The path straight through is x and two sums, nothing else. Post-norm has the norms on that path:
//
//     y = "norm1"(x + "attention"(x))
//     z = "norm2"(y + "feed_forward"(y))
//
// In both the second sublayer starts from what the first has made, and the second residual
// connection carries y, not x.
#include <functional>

#include "core/ops.hpp"

using namespace taper;

struct Pieces {
    std::function<Var<double>(const Var<double>&)> norm1, attention, norm2, feed_forward;
};

Var<double> pre_norm_block(const Pieces& pieces, const Var<double>& x) {
    const Var<double> y = x + pieces.attention(pieces.norm1(x));
    return y + pieces.feed_forward(pieces.norm2(y));
}

Var<double> post_norm_block(const Pieces& pieces, const Var<double>& x) {
    const Var<double> y = pieces.norm1(x + pieces.attention(x));
    return pieces.norm2(y + pieces.feed_forward(y));
}
