// The model answer to exercise 10b, softmax backwards
//
// The chain rule sums over the row, and the sum comes apart:
//
//     dx_i = sum_j dy_j y_j ([i = j] - y_i)
//     dx_i = dy_i y_i - y_i sum_j dy_j y_j
//     dx_i = y_i (dy_i - sum_j y_j dy_j)
//
// The sum is the mean of dy, weighted by the probabilities. What is asked for more than on average
// is to rise, the rest to fall, and all of dx sums to 0: softmax does not see what is added to a
// whole row.
#include "core/array/array.hpp"

using namespace taper;

Array<double> softmax_dx(const Array<double>& y, const Array<double>& dy) {
    Array<double> dx = zeros<double>(y.shape());
    for (std::size_t i = 0; i < y.shape(0); ++i) {
        double inner = 0;
        for (std::size_t j = 0; j < y.shape(1); ++j) inner += y(i, j) * dy(i, j);
        for (std::size_t j = 0; j < y.shape(1); ++j) dx(i, j) = y(i, j) * (dy(i, j) - inner);
    }
    return dx;
}
