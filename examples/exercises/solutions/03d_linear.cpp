// The model answer to exercise 3d, a linear layer backwards
//
// One factor stands beside the other in the forward sum, and each is the derivative by the other.
// What remains is to sum over the entries of `y` that a number reaches: $x_(m i j)$ reaches the
// outputs k of its own row, $W_(k j)$ and $b_k$ reach column k of every row of every text.
//
//     dx_(m i j) = sum_k dy_(m i k) W_(k j)
//     dW_(k j) = sum_m sum_i dy_(m i k) x_(m i j)
//     db_k = sum_m sum_i dy_(m i k)
//
// As matrices, the rows of all texts one below the other: $dx = dy W$, $dW = dy^T x$.
#include "core/array/array.hpp"

using namespace taper;

Array<double> linear_dx(const Array<double>& W, const Array<double>& dy) {
    Array<double> dx = zeros<double>({dy.shape(0), dy.shape(1), W.shape(1)});
    for (std::size_t m = 0; m < dy.shape(0); ++m)
        for (std::size_t i = 0; i < dy.shape(1); ++i)
            for (std::size_t j = 0; j < W.shape(1); ++j)
                for (std::size_t k = 0; k < W.shape(0); ++k) dx(m, i, j) += dy(m, i, k) * W(k, j);
    return dx;
}

Array<double> linear_dW(const Array<double>& x, const Array<double>& dy) {
    Array<double> dW = zeros<double>({dy.shape(2), x.shape(2)});
    for (std::size_t m = 0; m < x.shape(0); ++m)
        for (std::size_t i = 0; i < x.shape(1); ++i)
            for (std::size_t k = 0; k < dy.shape(2); ++k)
                for (std::size_t j = 0; j < x.shape(2); ++j) dW(k, j) += dy(m, i, k) * x(m, i, j);
    return dW;
}

Array<double> linear_db(const Array<double>& dy) {
    Array<double> db = zeros<double>({dy.shape(2)});
    for (std::size_t m = 0; m < dy.shape(0); ++m)
        for (std::size_t i = 0; i < dy.shape(1); ++i)
            for (std::size_t k = 0; k < dy.shape(2); ++k) db(k) += dy(m, i, k);
    return db;
}
