// Value and gradients of a function for one random cotangent, in either number type, and what they
// are to be.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/array/random.hpp"
#include "examples/common/apart.hpp"
#include "examples/gradients/cases.hpp"

namespace taper::tests {

using examples::Function;
using examples::Functions;

// The inputs of a test: an array for each name, the same ones every time.
inline Array<double> drawn(const char* name, const Shape& shape) {
    return normal<double>(Random(1, name), shape);
}

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

// The results of f are those expected. An error is relative to the largest entry of its array.
template <class T>
void check_results_in(const Function<T>& f, const std::vector<Array<double>>& inputs,
                      const std::vector<Array<double>>& expected, double tolerance) {
    const std::vector<Array<T>> found = results<T>(f, inputs);
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        INFO((sizeof(T) == 8 ? "double" : "float")
             << ", output " << i << " of the value and the gradients");
        REQUIRE(found[i].shape() == expected[i].shape());
        const double error = examples::apart(converted<double>(found[i]), expected[i]);
        CHECK(error <= tolerance * examples::largest(expected[i]));
    }
}

// In double to `tolerance`, and in float.
inline void check_results(const std::string& title, const Functions& f,
                          const std::vector<Array<double>>& inputs,
                          const std::vector<Array<double>>& expected, double tolerance = 1e-13) {
    INFO(title);
    check_results_in<double>(f.in_double, inputs, expected, tolerance);
    check_results_in<float>(f.in_float, inputs, expected, 2e-5);
}

}  // namespace taper::tests
