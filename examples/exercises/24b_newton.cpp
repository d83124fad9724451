// Exercise 24b. A step of Newton's method
//
// After lesson 24. About 25 minutes.
//
// A loss of several weights w has the gradient g and the Hessian matrix H. Lesson 24 gets H v, for
// any v, without making H. Two steps can be made of it.
//
// 1. Along a direction v. On the line w + s v the loss has a slope and a curvature at s = 0:
//
//     "slope" = g * v = sum_i g_i v_i
//     "curvature" = v * H v = sum_i v_i (H v)_i
//
// Newton's step for one variable says how far to go. Write `newton_along`, which returns the new w.
//
// 2. For two weights, to the point where the whole gradient would be 0 if H stayed what it is:
//
//     w <- w - H^(-1) g
//
// Write `newton_for_two`. H is not given, only the function `hessian_times` from v to H v: with
// which two v does it give the columns of H? The equation H s = g for two unknowns is solved by
// `solution_of`, which is there already.
//
// Run it: sh examples/exercises/run.sh 24b
#include <cstddef>
#include <functional>
#include <vector>

using Vector = std::vector<double>;
using HessianTimes = std::function<Vector(const Vector&)>;

// s of { H00 s0 + H01 s1 = g0, H10 s0 + H11 s1 = g1 }; {0, 0} where there is no single one.
Vector solution_of(double H00, double H01, double H10, double H11, const Vector& g) {
    const double determinant = H00 * H11 - H01 * H10;
    if (determinant == 0) return {0, 0};
    return {(H11 * g[0] - H01 * g[1]) / determinant, (H00 * g[1] - H10 * g[0]) / determinant};
}

// All vectors have the same size; Hv is H v, and the curvature is not 0.
Vector newton_along(const Vector& w, const Vector& g, const Vector& v, const Vector& Hv) {
    // YOUR CODE
    return Vector(w.size(), 0.0);
}

// Two weights.
Vector newton_for_two(const Vector& w, const Vector& g, const HessianTimes& hessian_times) {
    // YOUR CODE
    return {0, 0};
}
