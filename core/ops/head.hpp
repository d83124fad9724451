// A head of a batch row, as attention and causal_attention see it.
#pragma once

#include "core/kernels/gemm.hpp"

namespace taper {

// The columns [column, column + d_h) of batch row `batch_row` in x (B, positions, d), where x is Q,
// K, V or y. Heads are numbered through the batch, row by row.
struct Head {
    std::size_t number, batch_row, column, d_h, d;

    Head(std::size_t head_number, std::size_t heads, std::size_t width)
        : number(head_number),
          batch_row(number / heads),
          column(number % heads * (width / heads)),
          d_h(width / heads),
          d(width) {}

    // The entry of x (B, positions, d) where a position begins.
    std::size_t offset(std::size_t position, std::size_t positions) const {
        return (batch_row * positions + position) * d + column;
    }

    // The positions first, first + 1, ... of x (B, positions, d), `rows` of them: (rows, d_h).
    template <class T>
    MatrixView<T> matrix(const Array<T>& x, std::size_t first, std::size_t rows) const {
        return {x.data() + offset(first, x.shape(1)), rows, d_h, d};
    }
};

}  // namespace taper
