// Exercise 6b. Three bugs, and a gradient check
//
// After lesson 6. About 25 minutes.
//
// A block of a network: a linear map, a bend, a gain for each column, and the input once more. `x`
// and `y` have the shape (n, d), `W` (d, d), `b` and `g` (d).
//
//     h = x W + b
//     t = tanh(h)
//     y_(i k) = x_(i k) + g_k t_(i k)
//
// The forward pass is right. The backward pass is wrong in three places, each a single expression.
// Do not derive it anew: let the check tell you which gradients are wrong, and in which entries.
// What does the wrong gradient depend on that the right ones do not? Mend one, run it again, and
// see what has become right.
//
// Run it: sh examples/exercises/run.sh 06b
#include <cmath>
#include <map>
#include <string>

#include "core/array/array.hpp"

using namespace taper;

// x W + b
static Array<double> hidden(const Array<double>& x, const Array<double>& W,
                            const Array<double>& b) {
    Array<double> h = zeros<double>(x.shape());
    for (std::size_t i = 0; i < x.shape(0); ++i)
        for (std::size_t k = 0; k < b.size(); ++k) {
            h(i, k) = b(k);
            for (std::size_t j = 0; j < b.size(); ++j) h(i, k) += x(i, j) * W(j, k);
        }
    return h;
}

Array<double> block(const Array<double>& x, const Array<double>& W, const Array<double>& b,
                    const Array<double>& g) {
    const Array<double> h = hidden(x, W, b);
    Array<double> y = x;
    for (std::size_t i = 0; i < x.shape(0); ++i)
        for (std::size_t k = 0; k < b.size(); ++k) y(i, k) += g(k) * std::tanh(h(i, k));
    return y;
}

// "dx", "dW", "db" and "dg" of dy (n, d)
std::map<std::string, Array<double>> block_backward(const Array<double>& x, const Array<double>& W,
                                                    const Array<double>& b, const Array<double>& g,
                                                    const Array<double>& dy) {
    const Array<double> h = hidden(x, W, b);
    Array<double> dx = dy;  // straight from y
    Array<double> dW = zeros<double>(W.shape());
    Array<double> db = zeros<double>(b.shape());
    Array<double> dg = zeros<double>(g.shape());
    // YOUR CODE: mend what is wrong from here on
    for (std::size_t i = 0; i < x.shape(0); ++i)
        for (std::size_t k = 0; k < b.size(); ++k) {
            const double t = std::tanh(h(i, k));
            const double dt = dy(i, k) * g(k);
            const double dh = dt * (1 - t);
            dg(k) = dy(i, k) * t;
            db(k) += dh;
            for (std::size_t j = 0; j < b.size(); ++j) {
                dW(j, k) += x(i, j) * dh;
                dx(i, j) += dh * W(k, j);
            }
        }
    return {{"dx", dx}, {"dW", dW}, {"db", db}, {"dg", dg}};
}
