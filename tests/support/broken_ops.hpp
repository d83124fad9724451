// Ops with a broken backward, for the tests of the gradient checker.
#pragma once

#include <cmath>
#include <functional>
#include <vector>

#include "core/ops.hpp"

namespace taper::tests {

using Vars = std::vector<Var<double>>;  // the inputs of a function that is checked

struct SoftmaxWithoutRowSum final : Op<double> {
    Place<double> x;
    Array<double> y;
    const char* name() const override { return "softmax_without_row_sum"; }
    Var<double> forward(const Var<double>& input) {
        x = input;
        y = softmax(input.detach()).value();
        return y;
    }
    void backward(const Array<double>& dy, Gradients<double>& gradients) override {
        gradients.add(x, Array<double>(y * dy));
    }
};

// y = f(x) with backward dx = slope(x) dy, whatever the two are.
struct Claimed final : Op<double> {
    Var<double> x;
    std::function<double(double)> slope;
    const char* name() const override { return "claimed"; }
    Var<double> forward(const Var<double>& input, double (*f)(double),
                        const std::function<double(double)>& claim) {
        x = input;
        slope = claim;
        Array<double> y = x.value();
        for (double& entry : y) entry = f(entry);
        return y;
    }
    void backward(const Array<double>& dy, Gradients<double>& gradients) override {
        Array<double> dx = dy;
        for (std::size_t i = 0; i < dx.size(); ++i) dx.data()[i] *= slope(x.value().data()[i]);
        gradients.add(x, dx);
    }
};

inline Var<double> claimed(const Var<double>& x, double (*f)(double),
                           const std::function<double(double)>& slope) {
    return apply<Claimed>(here(), x, f, slope);
}

struct MulOfOneInput final : Op<double> {
    Var<double> a, b;
    const char* name() const override { return "mul_of_one_input"; }
    Var<double> forward(const Var<double>& left, const Var<double>& right) {
        a = left;
        b = right;
        return Array<double>(a.value() * b.value());
    }
    void backward(const Array<double>& dy, Gradients<double>& gradients) override {
        gradients.add(a, Array<double>(dy * b.value()));
    }
};

// y = a, and b gets a gradient as well.
struct GradientForNothing final : Op<double> {
    Place<double> a, b;
    const char* name() const override { return "gradient_for_nothing"; }
    Var<double> forward(const Var<double>& left, const Var<double>& right) {
        a = left;
        b = right;
        return left.value();
    }
    void backward(const Array<double>& dy, Gradients<double>& gradients) override {
        gradients.add(a, dy);
        gradients.add(b, Array<double>(1e-3 * dy));
    }
};

// Gives away in backward what it saved.
struct BackwardOnce final : Op<double> {
    Place<double> x;
    Array<double> twice;
    const char* name() const override { return "backward_once"; }
    Var<double> forward(const Var<double>& input) {
        x = input;
        twice = 2 * input.value();
        return Array<double>(input.value() * input.value());
    }
    void backward(const Array<double>& dy, Gradients<double>& gradients) override {
        twice *= dy;
        gradients.add(x, twice);
    }
};

// y = x, with one backward pass that is wrong: the one of that number, from 0.
struct WrongPass final : Op<double> {
    static inline int number = 0;
    Place<double> x;
    int passes = 0;
    const char* name() const override { return "wrong_pass"; }
    Var<double> forward(const Var<double>& input) {
        x = input;
        return input.value();
    }
    void backward(const Array<double>& dy, Gradients<double>& gradients) override {
        const double factor = passes == number ? 2 : 1;
        ++passes;
        gradients.add(x, Array<double>(factor * dy));
    }
};

struct WritesItsInput final : Op<double> {
    Var<double> x;
    const char* name() const override { return "writes_its_input"; }
    Var<double> forward(const Var<double>& input) {
        x = input;
        return input.value();
    }
    void backward(const Array<double>& dy, Gradients<double>& gradients) override {
        gradients.add(x, dy);
        const_cast<double&>(*x.value().data()) += 1;
    }
};

inline double twice_relu(double x) { return x > 0 ? 2 * x : 0; }
inline double sin_in_float(double x) {
    return static_cast<double>(std::sin(static_cast<float>(x)));
}

}  // namespace taper::tests
