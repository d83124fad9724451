// The model answer to exercise 3b, a bias added to every row
//
// $b_j$ reaches $y_(m i j)$ for every text m and every position i, each time with the derivative 1.
// The chain rule sums over all of these paths:
//
//     db_j = sum_m sum_i dy_(m i j)
//
// What was repeated forwards is summed backwards. A mean would be wrong: twice as many rows push
// twice as hard.
#include "core/array/array.hpp"

using namespace taper;

Array<double> add_bias(const Array<double>& x, const Array<double>& b) {
    Array<double> y = zeros<double>(x.shape());
    for (std::size_t m = 0; m < x.shape(0); ++m)
        for (std::size_t i = 0; i < x.shape(1); ++i)
            for (std::size_t j = 0; j < x.shape(2); ++j) y(m, i, j) = x(m, i, j) + b(j);
    return y;
}

Array<double> bias_gradient(const Array<double>& dy) {
    Array<double> db = zeros<double>({dy.shape(2)});
    for (std::size_t m = 0; m < dy.shape(0); ++m)
        for (std::size_t i = 0; i < dy.shape(1); ++i)
            for (std::size_t j = 0; j < dy.shape(2); ++j) db(j) += dy(m, i, j);
    return db;
}
