// The model answer to exercise 3c, back through broadcasting
//
// Forwards, the entry (i, j) of the repeated array is a copy of one entry of `x`: of that in row i,
// or in row 0 where there is one row alone, and so with the column. It depends on this entry with
// the derivative 1. So the gradient of an entry of `x` is the sum over its copies:
//
//     dx_(r c) = sum_("copies " (i, j) " of " (r, c)) dy_(i j)
//
// One loop over `dy` makes all of these sums, for every shape: each entry is added where its copy
// came from. A missing axis in front is one of extent 1, so (m) is read as (1, m) and () as (1, 1).
#include "core/array/array.hpp"

using namespace taper;

Array<double> broadcast_gradient(const Array<double>& dy, const Shape& shape) {
    Array<double> dx = zeros<double>(shape);
    const std::size_t rows = shape.size() == 2 ? shape[0] : 1;
    const std::size_t columns = shape.size() >= 1 ? shape.back() : 1;
    for (std::size_t i = 0; i < dy.shape(0); ++i)
        for (std::size_t j = 0; j < dy.shape(1); ++j) {
            const std::size_t row = rows == 1 ? 0 : i;
            const std::size_t column = columns == 1 ? 0 : j;
            dx.data()[row * columns + column] += dy(i, j);
        }
    return dx;
}
