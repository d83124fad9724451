// The model answer to exercise 9a, a network of two layers
//
// From the loss, each $y_i$ stands in one square: $dy_i = 2 // n (y_i - t_i)$. Then line by line:
//
//     (dW_2)_k = sum_i a_(i k) dy_i
//     db_2 = sum_i dy_i
//     da_(i k) = dy_i (W_2)_k
//     dh_(i k) = da_(i k) [h_(i k) > 0]
//     (dW_1)_(j k) = sum_i x_(i j) dh_(i k)
//     (db_1)_k = sum_i dh_(i k)
//
// where $[h > 0]$ is 1 where that holds and 0 elsewhere. What is a weight is used in every row, so
// its gradient is a sum over rows; what is computed of a row stays in it. The forward pass is run
// again in the gradient, because backwards needs h.
#include <algorithm>

#include "core/array/array.hpp"

using namespace taper;

struct Network {
    Array<double> W1, b1, W2;
    double b2;
};

// h (n, width)
static Array<double> hidden(const Network& net, const Array<double>& x) {
    Array<double> h = zeros<double>({x.shape(0), net.b1.size()});
    for (std::size_t i = 0; i < h.shape(0); ++i)
        for (std::size_t k = 0; k < h.shape(1); ++k) {
            h(i, k) = net.b1(k);
            for (std::size_t j = 0; j < x.shape(1); ++j) h(i, k) += x(i, j) * net.W1(j, k);
        }
    return h;
}

// y_i of row i of h
static double answer(const Network& net, const Array<double>& h, std::size_t i) {
    double y = net.b2;
    for (std::size_t k = 0; k < h.shape(1); ++k) y += std::max(h(i, k), 0.0) * net.W2(k);
    return y;
}

double network_loss(const Network& net, const Array<double>& x, const Array<double>& t) {
    const Array<double> h = hidden(net, x);
    double total = 0;
    for (std::size_t i = 0; i < t.size(); ++i) {
        const double error = answer(net, h, i) - t(i);
        total += error * error;
    }
    return total / static_cast<double>(t.size());
}

Network network_gradient(const Network& net, const Array<double>& x, const Array<double>& t) {
    Network d = {zeros<double>(net.W1.shape()), zeros<double>(net.b1.shape()),
                 zeros<double>(net.W2.shape()), 0};
    const Array<double> h = hidden(net, x);
    for (std::size_t i = 0; i < t.size(); ++i) {
        const double dy = 2 / static_cast<double>(t.size()) * (answer(net, h, i) - t(i));
        d.b2 += dy;
        for (std::size_t k = 0; k < h.shape(1); ++k) {
            d.W2(k) += std::max(h(i, k), 0.0) * dy;
            const double da = dy * net.W2(k);
            const double dh = h(i, k) > 0 ? da : 0;
            d.b1(k) += dh;
            for (std::size_t j = 0; j < x.shape(1); ++j) d.W1(j, k) += x(i, j) * dh;
        }
    }
    return d;
}
