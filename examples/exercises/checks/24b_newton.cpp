// The check of exercise 24b: bowls of second degree, whose lowest point is known, and one that is
// not of second degree, until its gradient is 0.
#include <cmath>
#include <functional>
#include <vector>

#include "examples/exercises/exercise.hpp"

using taper::exercises::Check;
using Vector = std::vector<double>;
using HessianTimes = std::function<Vector(const Vector&)>;

Vector newton_along(const Vector& w, const Vector& g, const Vector& v, const Vector& Hv);
Vector newton_for_two(const Vector& w, const Vector& g, const HessianTimes& hessian_times);

static void along_a_line(Check& check) {
    check.with("w {1,5}, g {4,-2}, v {1,3}, H v {8,0}");
    // The slope is -2, the curvature 8.
    check.compare("the new w", newton_along({1, 5}, {4, -2}, {1, 3}, {8, 0}), Vector{1.25, 5.75},
                  {{Vector{0.75, 4.25}, "This step goes uphill."},
                   {Vector{0.25, 0.75}, "That is the step alone. It is added to w."},
                   {Vector{1.2, 5.6}, "That is with v v in place of the curvature, v H v."},
                   {Vector{3, 11}, "That is without the curvature."},
                   {Vector{2, 4.5}, "The step goes along v, not along g."},
                   {Vector{0, 5.5}, "The step goes along v, not along -g."}});
    check.with("the same with v twice as long: v {2,6}, H v {16,0}");
    check.compare("the new w", newton_along({1, 5}, {4, -2}, {2, 6}, {16, 0}), Vector{1.25, 5.75},
                  {{Vector{1.5, 6.5}, "The curvature is a sum of products, v_i times (H v)_i."}});
    check.with(
        "three weights, a negative curvature: w {0,0,0}, g {1,2,3}, v {1,0,1}, H v {-1,5,-1}");
    check.compare("the new w", newton_along({0, 0, 0}, {1, 2, 3}, {1, 0, 1}, {-1, 5, -1}),
                  Vector{2, 0, 2});
}

// Of the loss (w - c) H (w - c) / 2, whose lowest point is c.
static Vector after_a_step(const Vector& w, const Vector& c, const Vector& H) {
    const HessianTimes hessian_times = [&H](const Vector& v) {
        return Vector{H[0] * v[0] + H[1] * v[1], H[1] * v[0] + H[2] * v[1]};
    };
    return newton_for_two(w, hessian_times({w[0] - c[0], w[1] - c[1]}), hessian_times);
}

static void a_bowl(Check& check) {
    check.with("a bowl with H {{2,0},{0,10}}, its lowest point (1,-1), from w {3,4}");
    check.compare("the new w", after_a_step({3, 4}, {1, -1}, {2, 0, 10}), Vector{1, -1},
                  {{Vector{5, 9}, "That is w + s. The step is against s."},
                   {Vector{2, 5}, "That is s alone. The new point is w - s."},
                   {Vector{-1, -46}, "That is w - g: a gradient step with the rate 1."}});
    check.with("a bowl with H {{3,1},{1,2}}, its lowest point (-2,7), from w {0,0}");
    check.compare("the new w", after_a_step({0, 0}, {-2, 7}, {3, 1, 2}), Vector{-2, 7},
                  {{Vector{1.0 / 3, 6}, "That is for an H without its entries off the diagonal."}});
    check.with("a saddle with H {{1,3},{3,1}}, flat at (0.5,0.25), from w {-1,2}");
    check.compare("the new w", after_a_step({-1, 2}, {0.5, 0.25}, {1, 3, 1}), Vector{0.5, 0.25});
}

static void several_steps(Check& check) {
    // e^(x + y) + x^2 + 2 y^2
    const auto gradient = [](const Vector& w) {
        const double e = std::exp(w[0] + w[1]);
        return Vector{e + 2 * w[0], e + 4 * w[1]};
    };
    Vector w{1, -1};
    for (int step = 0; step < 6; ++step) {
        const double e = std::exp(w[0] + w[1]);
        w = newton_for_two(w, gradient(w), [e](const Vector& v) {
            return Vector{(e + 2) * v[0] + e * v[1], e * v[0] + (e + 4) * v[1]};
        });
        w.resize(2);
    }
    check.with("e^(x + y) + x^2 + 2 y^2, six steps from (1,-1)");
    check.compare("the gradient", gradient(w), Vector{0, 0});
}

int main() { return taper::exercises::run("24b_newton", {along_a_line, a_bowl, several_steps}); }
