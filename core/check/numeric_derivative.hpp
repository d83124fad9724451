// The numeric half of the gradient checker: derivatives of <dy, f> along a line, kinks, and the
// verdict on an analytic value. core/check/gradcheck.hpp is what a test calls.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/array/array.hpp"

namespace taper::detail {

// What <dy, y> does between x - h u and x + h u.
struct Slopes {
    double central, below, above;  // (g(h) - g(-h)) / 2h, (g(0) - g(-h)) / h, (g(h) - g(0)) / h
    double terms;                  // sum_j |dy_j| |y_j(h) - y_j(-h)| / 2h
    // sum_j |dy_j| max(|y_j(h) - y_j(0)|, |y_j(0) - y_j(-h)|) / h: not 0 where f is even
    double sides;
    double noise;  // what the rounding of y can do to a slope
};

// f on the line x + t u, where u is one entry of one input, or a direction through all inputs. It
// keeps what it has evaluated.
class Line {
  public:
    // Sets the inputs to x + t u; to x exactly for t = 0.
    using Move = std::function<void(double t)>;
    Line(Move move, const std::function<Array<double>()>& f,
         const std::vector<Array<double>>& cotangents, const Array<double>& y, double h)
        : move_(std::move(move)), f_(f), cotangents_(cotangents), y_(y), h_(h) {}

    // The slopes under cotangent c at step h / 2^level; a level may be negative.
    const Slopes& slopes(int level, std::size_t c);

    // The change of slope at x, with the curvature taken out. Where f is smooth it goes to 0 as
    // h^3; at a kink it stays.
    double bend(int level, std::size_t c);
    // Is the bend more than rounding explains? True for NaN.
    bool bends(int level, std::size_t c, double scale);

  private:
    Move move_;
    const std::function<Array<double>()>& f_;
    const std::vector<Array<double>>& cotangents_;
    const Array<double>& y_;                     // at t = 0
    double h_;                                   // at level 0
    std::map<int, std::vector<Slopes>> levels_;  // for each level, the slopes of each cotangent
};

struct Verdict {
    double numeric;
    double relative_error = 1;
    std::string cause;            // empty: right
    bool kink = false;            // at x, or within a step of it
    double below = 0, above = 0;  // the slopes beside it
};

struct Tolerance {
    double relative, absolute;
};

// Compares an analytic derivative along the line, under cotangent c, with numeric ones. `size` is
// the size of its terms, `largest` that of the largest gradient under the same cotangent.
Verdict judge(Line& line, std::size_t c, double analytic, double size, double largest,
              const Tolerance& tolerance);

}  // namespace taper::detail
