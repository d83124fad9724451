// Value and gradients of a function for one random cotangent, in either number type.
#pragma once

#include "core/array/random.hpp"
#include "tests/core/ops/gradient_table.hpp"

namespace taper::tests {

// The same numbers for both, up to their rounding.
template <class T> Array<T> cotangent(const Shape& shape) {
    return normal<T>(Random(2, "cotangent"), shape);
}

// y, and the gradient of <cotangent, y> with respect to each input: zeros where none came.
template <class T>
std::vector<Array<T>> results(const Function<T>& f, const std::vector<Array<double>>& inputs) {
    std::vector<Parameter<T>> parameters;
    for (const Array<double>& input : inputs) parameters.emplace_back("x", converted<T>(input));
    Tape<T> tape;
    const Var<T> y = f(std::vector<Var<T>>(parameters.begin(), parameters.end()));
    tape.backward(y, cotangent<T>(y.shape()));
    std::vector<Array<T>> all{y.value()};
    for (const Parameter<T>& p : parameters)
        all.push_back(p.has_gradient() ? p.gradient() : zeros<T>(p.shape()));
    return all;
}

}  // namespace taper::tests
