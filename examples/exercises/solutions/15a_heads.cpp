// The model answer to exercise 15a, where each number goes
//
// Column c of head i is column $i d_h + c$ of `x`, and batch and position stay what they are:
//
//     "heads"_(b i t c) = x_(b t (i d_h + c))
//
// Joining is the same line read from right to left.
//
// The number of an entry is taken apart from its right end: the last axis, of extent $d_h$, is the
// remainder, and what is left over is divided by the extent of the axis before. Here the axes are
// b, head, t, c, from the left. In `x` they are put together in another order: b, t, head, c.
#include "core/array/array.hpp"

using namespace taper;

Array<double> heads_of(const Array<double>& x, std::size_t h) {
    const std::size_t d_h = x.shape(2) / h;
    Array<double> heads = zeros<double>({x.shape(0), h, x.shape(1), d_h});
    for (std::size_t b = 0; b < x.shape(0); ++b)
        for (std::size_t i = 0; i < h; ++i)
            for (std::size_t t = 0; t < x.shape(1); ++t)
                for (std::size_t c = 0; c < d_h; ++c) heads(b, i, t, c) = x(b, t, i * d_h + c);
    return heads;
}

Array<double> columns_of(const Array<double>& heads) {
    const std::size_t h = heads.shape(1);
    const std::size_t d_h = heads.shape(3);
    Array<double> x = zeros<double>({heads.shape(0), heads.shape(2), h * d_h});
    for (std::size_t b = 0; b < x.shape(0); ++b)
        for (std::size_t t = 0; t < x.shape(1); ++t)
            for (std::size_t j = 0; j < h * d_h; ++j) x(b, t, j) = heads(b, j / d_h, t, j % d_h);
    return x;
}

std::size_t came_from(std::size_t i, std::size_t n, std::size_t h, std::size_t d_h) {
    const std::size_t c = i % d_h;
    const std::size_t t = i / d_h % n;
    const std::size_t head = i / d_h / n % h;
    const std::size_t b = i / d_h / n / h;
    return ((b * n + t) * h + head) * d_h + c;
}
