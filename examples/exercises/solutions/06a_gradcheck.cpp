// The model answer to exercise 6a, a small gradient check
//
// Each entry is moved up, then down, and put back: the others are differentiated at the same x. The
// condition is written so that nan does not pass. Every comparison with nan is false, so
// `error <= bound` refuses it, where `error > bound` would let it through; and `std::max` of a
// number and nan may be the number, so each entry is compared by itself.
#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

using Function = std::function<double(const std::vector<double>&)>;

bool gradient_is_right(const Function& f, std::vector<double> x,
                       const std::vector<double>& gradient) {
    if (gradient.size() != x.size()) return false;
    const double h = 1e-5;
    std::vector<double> numeric(x.size());
    double largest = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double at = x[i];
        x[i] = at + h;
        const double above = f(x);
        x[i] = at - h;
        const double below = f(x);
        x[i] = at;
        numeric[i] = (above - below) / (2 * h);
        largest = std::max(largest, std::abs(numeric[i]));
    }
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double error = std::abs(gradient[i] - numeric[i]);
        if (!(error <= 1e-6 * largest)) return false;
    }
    return true;
}
