// What the tests of numbers at the edges share: the special numbers, and a function's value and
// gradient at a point.
#pragma once

#include <cmath>
#include <limits>
#include <utility>

#include "core/ops.hpp"

namespace taper::tests {

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

// The same number, or both NaN.
template <class T> bool same_or_both_nan(T a, T b) {
    return a == b || (std::isnan(a) && std::isnan(b));
}

// y = f(x), and the gradient of <dy, y> with respect to x.
template <class T, class F>
std::pair<Array<T>, Array<T>> value_and_gradient(F f, const Array<T>& x, const Array<T>& dy) {
    Parameter<T> p("x", x);
    Tape<T> tape;
    const Var<T> y = f(p);
    tape.backward(y, dy);
    return {y.value(), p.gradient()};
}

// The same where every entry of dy is 1: the gradient of sum(y).
template <class T, class F>
std::pair<Array<T>, Array<T>> value_and_gradient(F f, const Array<T>& x) {
    Parameter<T> p("x", x);
    Tape<T> tape;
    const Var<T> y = f(p);
    tape.backward(y, full<T>(y.shape(), T(1)));
    return {y.value(), p.gradient()};
}

}  // namespace taper::tests
