// Exercise 13a. The embedding, forwards and backwards
//
// After lesson 13. About 15 minutes.
//
// An embedding looks up a row of the table `W` for each token. The tokens of B texts, n of each,
// stand in `ids`:
//
//     y_(b t j) = W_(id_(b t) j)
//
// `W` has the shape (V, d), `ids` (B, n) and `y` (B, n, d). Write the lookup, and its backward
// pass: of `dy`, in the shape of `y`, the gradient `dW`, in the shape of `W`. No matrix of one-hot
// rows is needed for either.
//
// An id is a whole number of 64 bits: `static_cast<std::size_t>(ids(b, t))` can be an index.
//
// Which entries of `y` are copies of $W_(v j)$? What about a row that no token asks for, and one
// that several ask for, perhaps in two texts?
//
// Run it: sh examples/exercises/run.sh 13a
#include "core/array/array.hpp"

using namespace taper;

// y (B, n, d) of W (V, d) and ids (B, n)
Array<double> embedding_rows(const Array<double>& W, const Ids& ids) {
    Array<double> y = zeros<double>({ids.shape(0), ids.shape(1), W.shape(1)});
    // YOUR CODE
    return y;
}

// dW (V, d) of dy (B, n, d) and ids (B, n)
Array<double> embedding_dW(const Array<double>& dy, const Ids& ids, std::size_t V) {
    Array<double> dW = zeros<double>({V, dy.shape(2)});
    // YOUR CODE
    return dW;
}
