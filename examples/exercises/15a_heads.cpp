// Exercise 15a. Heads: where each number goes
//
// After lesson 15. About 20 minutes.
//
// The d columns of `x` (B, n, d) belong to h heads of $d_h = d // h$ columns, side by side. Write
// `heads_of`, which cuts them apart into the shape (B, h, n, d_h), and `columns_of`, which joins
// them again. Both only move numbers: find, for each entry of the result, the entry that it is.
//
// Memory knows no axes. The entries of an array stand there one behind the other, row by row: in an
// array of the shape (B, n, d) the entry (b, t, c) is number
//
//     (b n + t) d + c
//
// `came_from` says for entry number i of the result of `heads_of` which number it had in `x`. It
// takes whole numbers alone, with `/` and `%`. So an op can read the heads
// where they are, and never move them.
//
// Run it: sh examples/exercises/run.sh 15a
#include "core/array/array.hpp"

using namespace taper;

// (B, h, n, d_h) of x (B, n, d)
Array<double> heads_of(const Array<double>& x, std::size_t h) {
    const std::size_t d_h = x.shape(2) / h;
    Array<double> heads = zeros<double>({x.shape(0), h, x.shape(1), d_h});
    // YOUR CODE
    return heads;
}

// (B, n, d) of heads (B, h, n, d_h)
Array<double> columns_of(const Array<double>& heads) {
    const std::size_t h = heads.shape(1);
    const std::size_t d_h = heads.shape(3);
    Array<double> x = zeros<double>({heads.shape(0), heads.shape(2), h * d_h});
    // YOUR CODE
    return x;
}

// The number in x of entry number i of heads_of(x, h)
std::size_t came_from(std::size_t i, std::size_t n, std::size_t h, std::size_t d_h) {
    // YOUR CODE
    return 0;
}
