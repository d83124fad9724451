// The model answer to exercise 13a, the embedding forwards and backwards
//
// Forwards, $y_(b t j)$ is a copy of one entry of `W`, so its derivative by that entry is 1 and by
// all others 0:
//
//     (del y_(b t j)) / (del W_(v j)) = [id_(b t) = v]
//
// The chain rule sums over all entries of `y`, and the bracket leaves those of the tokens v:
//
//     dW_(v j) = sum_(b t) [id_(b t) = v] dy_(b t j)
//
// As a loop it is the lookup turned round: where a row was read, a row of `dy` is added. A token
// that stands in several places, in one text or in two, is one variable that is used several
// times, and gets a sum. A row that nobody read keeps 0.
#include "core/array/array.hpp"

using namespace taper;

Array<double> embedding_rows(const Array<double>& W, const Ids& ids) {
    Array<double> y = zeros<double>({ids.shape(0), ids.shape(1), W.shape(1)});
    for (std::size_t b = 0; b < ids.shape(0); ++b)
        for (std::size_t t = 0; t < ids.shape(1); ++t) {
            const auto id = static_cast<std::size_t>(ids(b, t));
            for (std::size_t j = 0; j < W.shape(1); ++j) y(b, t, j) = W(id, j);
        }
    return y;
}

Array<double> embedding_dW(const Array<double>& dy, const Ids& ids, std::size_t V) {
    Array<double> dW = zeros<double>({V, dy.shape(2)});
    for (std::size_t b = 0; b < ids.shape(0); ++b)
        for (std::size_t t = 0; t < ids.shape(1); ++t) {
            const auto v = static_cast<std::size_t>(ids(b, t));
            for (std::size_t j = 0; j < dy.shape(2); ++j) dW(v, j) += dy(b, t, j);
        }
    return dW;
}
