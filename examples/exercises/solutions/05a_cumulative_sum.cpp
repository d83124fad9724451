// The model answer to exercise 5a, a vector-Jacobian product without the Jacobian
//
// $x_j$ is in every $y_i$ from $y_j$ on, with the derivative 1:
//
//     dx_j = dy_j + dy_(j + 1) + ... + dy_(n - 1) = dy_j + dx_(j + 1)
//
// so `dx` is the running sum of `dy` from the back: n additions. The forgetting sum makes
// $z_(j + 1)$ of $z_j$ with the derivative r, so what comes back from behind is multiplied by r
// once a step:
//
//     dx_j = dz_j + r dx_(j + 1)
//
// Forwards a sum runs from the front to the back, and backwards from the back to the front.
#include <cstddef>
#include <vector>

std::vector<double> running_sum_backward(const std::vector<double>& dy) {
    std::vector<double> dx(dy.size(), 0.0);
    double behind = 0;
    for (std::size_t j = dy.size(); j-- > 0;) {
        behind += dy[j];
        dx[j] = behind;
    }
    return dx;
}

std::vector<double> forgetting_sum_backward(const std::vector<double>& dz, double r) {
    std::vector<double> dx(dz.size(), 0.0);
    double behind = 0;
    for (std::size_t j = dz.size(); j-- > 0;) {
        behind = dz[j] + r * behind;
        dx[j] = behind;
    }
    return dx;
}
