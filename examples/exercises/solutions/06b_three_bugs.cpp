// The model answer to exercise 6b, three bugs
//
// All four gradients were wrong at first, and told of three mistakes:
//
// - `dg` does not contain dh, so it has a mistake of its own. Its entries were those of the last
//   row alone: g is used in every row, and gets a sum. `dg(k) += ...`
// - `db`, `dW` and `dx` all contain dh. With one row, n = 1, they were wrong as well, so it is no
//   sum over rows: it is dh itself. The derivative of tanh is $1 - t^2$.
// - With dh right, `db` and `dW` are right, and `dx` is still wrong. There $W_(j k)$ and $W_(k j)$
//   had changed places: $x_(i j)$ reaches $h_(i k)$ with the factor $W_(j k)$.
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

std::map<std::string, Array<double>> block_backward(const Array<double>& x, const Array<double>& W,
                                                    const Array<double>& b, const Array<double>& g,
                                                    const Array<double>& dy) {
    const Array<double> h = hidden(x, W, b);
    Array<double> dx = dy;  // straight from y
    Array<double> dW = zeros<double>(W.shape());
    Array<double> db = zeros<double>(b.shape());
    Array<double> dg = zeros<double>(g.shape());
    for (std::size_t i = 0; i < x.shape(0); ++i)
        for (std::size_t k = 0; k < b.size(); ++k) {
            const double t = std::tanh(h(i, k));
            const double dt = dy(i, k) * g(k);
            const double dh = dt * (1 - t * t);
            dg(k) += dy(i, k) * t;
            db(k) += dh;
            for (std::size_t j = 0; j < b.size(); ++j) {
                dW(j, k) += x(i, j) * dh;
                dx(i, j) += dh * W(j, k);
            }
        }
    return {{"dx", dx}, {"dW", dW}, {"db", db}, {"dg", dg}};
}
