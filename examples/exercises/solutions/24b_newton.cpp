// The model answer to exercise 24b, a step of Newton's method
//
// On the line w + s v the loss is a function of the one variable s, with the slope $g * v$ and the
// curvature $v * H v$ at 0. So
//
//     s = - (g * v) / (v * H v)
//     w <- w + s v
//
// The length of v does not matter: if it is doubled, the slope is too, the curvature is four times
// as large, and s is half. For v = -g that is gradient descent whose learning rate is found by
// itself.
//
// The columns of H are H (1, 0) and H (0, 1). With them H s = g is solved, and w - s is the new
// point. On a loss of second degree, where H is the same everywhere, one step goes to its lowest
// point. Where the curvature is negative, Newton's step goes uphill: it looks for a slope of 0, and
// does not ask which.
#include <cstddef>
#include <functional>
#include <vector>

using Vector = std::vector<double>;
using HessianTimes = std::function<Vector(const Vector&)>;

Vector solution_of(double H00, double H01, double H10, double H11, const Vector& g) {
    const double determinant = H00 * H11 - H01 * H10;
    if (determinant == 0) return {0, 0};
    return {(H11 * g[0] - H01 * g[1]) / determinant, (H00 * g[1] - H10 * g[0]) / determinant};
}

static double dot(const Vector& a, const Vector& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
}

Vector newton_along(const Vector& w, const Vector& g, const Vector& v, const Vector& Hv) {
    const double s = -dot(g, v) / dot(v, Hv);
    Vector next = w;
    for (std::size_t i = 0; i < w.size(); ++i) next[i] += s * v[i];
    return next;
}

Vector newton_for_two(const Vector& w, const Vector& g, const HessianTimes& hessian_times) {
    const Vector first = hessian_times({1, 0});
    const Vector second = hessian_times({0, 1});
    const Vector s = solution_of(first[0], second[0], first[1], second[1], g);
    return {w[0] - s[0], w[1] - s[1]};
}
