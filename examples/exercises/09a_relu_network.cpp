// Exercise 9a. A network of two layers, forwards and backwards
//
// After lesson 9. About 30 minutes.
//
// A network with one hidden layer, and the mean squared error of its answers:
//
//     h = x W_1 + b_1
//     a = max(h, 0)
//     y = a W_2 + b_2
//     L = 1/n sum_i (y_i - t_i)^2
//
// `x` has the shape (n, in), `W1` (in, width), `b1` (width), `W2` (width), `b2` is a number, and
// the targets `t` have the shape (n): each row has one answer $y_i$. Write the loss, and its
// gradient by `W1`, `b1`, `W2` and `b2`, with nothing but loops. No tape is at work here: you are
// it.
//
// Go backwards line by line: first $dy_i$ from the loss, then `dW2`, `db2` and `da` from the third
// line, `dh` from the second, `dW1` and `db1` from the first. The bend $max(h, 0)$, called relu,
// has the slope 1 where $h > 0$ and 0 elsewhere.
//
// Run it: sh examples/exercises/run.sh 09a
#include "core/array/array.hpp"

using namespace taper;

struct Network {
    Array<double> W1, b1, W2;
    double b2;
};

// L
double network_loss(const Network& net, const Array<double>& x, const Array<double>& t) {
    // YOUR CODE
    return 0;
}

// dL / d (each of the four), each in its shape
Network network_gradient(const Network& net, const Array<double>& x, const Array<double>& t) {
    Network d = {zeros<double>(net.W1.shape()), zeros<double>(net.b1.shape()),
                 zeros<double>(net.W2.shape()), 0};
    // YOUR CODE
    return d;
}
