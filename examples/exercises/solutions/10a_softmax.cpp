// The model answer to exercise 10a, softmax that does not overflow
//
// Subtract c from every score of a row: each power is multiplied by $e^(-c)$, and so is their sum,
// so y stays the same. With c the largest score of the row no power is above 1, and one is exactly
// 1: nothing overflows, and the sum is never 0. A score of -infinity gives $e^(-oo) = 0$. The
// largest must be that of the row: with the largest of the whole array a row far below it would be
// 0 / 0.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/array/array.hpp"

using namespace taper;

Array<double> stable_softmax(const Array<double>& x) {
    Array<double> y = zeros<double>(x.shape());
    for (std::size_t i = 0; i < x.shape(0); ++i) {
        double largest = -std::numeric_limits<double>::infinity();
        for (std::size_t j = 0; j < x.shape(1); ++j) largest = std::max(largest, x(i, j));
        double sum = 0;
        for (std::size_t j = 0; j < x.shape(1); ++j) {
            y(i, j) = std::exp(x(i, j) - largest);
            sum += y(i, j);
        }
        for (std::size_t j = 0; j < x.shape(1); ++j) y(i, j) /= sum;
    }
    return y;
}
