// Exercise 20a. Wire the block
//
// After lesson 20. About 15 minutes.
//
// An encoder block is made of four pieces: two norms, attention and the feed-forward network. Each
// is a function from an array to an array of the same shape. Wire them, with a residual connection
// around each sublayer. There are two ways to do it (lesson 17), and this exercise wants both:
//
// - *pre-norm*: a sublayer reads what its norm has made of x, and x itself passes by.
// - *post-norm*, as in the first Transformer: a sublayer reads x, and the norm comes after the sum.
//
// Vars are added with `+`, and a piece is called like a function: `pieces.norm1(x)`. In the first
// case of the check the pieces are so simple that a pencil can follow them.
//
// Run it: sh examples/exercises/run.sh 20a
#include <functional>

#include "core/ops.hpp"

using namespace taper;

struct Pieces {
    std::function<Var<double>(const Var<double>&)> norm1, attention, norm2, feed_forward;
};

Var<double> pre_norm_block(const Pieces& pieces, const Var<double>& x) {
    Var<double> y = zeros<double>(x.shape());
    // YOUR CODE
    return y;
}

Var<double> post_norm_block(const Pieces& pieces, const Var<double>& x) {
    Var<double> y = zeros<double>(x.shape());
    // YOUR CODE
    return y;
}
