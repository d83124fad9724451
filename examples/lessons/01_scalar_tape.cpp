// Reverse-mode differentiation in sixty lines of C++ and nothing else: what a tape is.
//
// A computation is a list of small steps. Each step knows the derivative of its result by each of
// its inputs, so one loop from the last step to the first gives the derivative of the result by
// every number it was made of (the chain rule; Linnainmaa 1970). A number that is used twice gets
// the sum of what comes back along both ways.
//
// Run: build/release/bin/01_scalar_tape
#include <cmath>
#include <cstdio>
#include <vector>

#include "lesson.hpp"

using taper::lessons::claim;

// One step: up to two inputs, by their numbers on the tape, and the derivative of this step's
// result by each.
struct Record {
    std::size_t inputs[2];
    double derivatives[2];  // 0 where there is no such input
};
std::vector<Record> tape;

// A number and its place on the tape. A new one is a record without derivatives: nothing flows
// further back from it.
struct Number {
    double value;
    std::size_t index;

    Number(double v) : Number(v, {{0, 0}, {0, 0}}) {}
    Number(double v, const Record& record) : value(v), index(tape.size()) {
        tape.push_back(record);
    }
};

// The result first, then the local derivatives: d(ab)/da = b, d(ab)/db = a.
Number operator+(Number a, Number b) { return {a.value + b.value, {{a.index, b.index}, {1, 1}}}; }
Number operator*(Number a, Number b) {
    return {a.value * b.value, {{a.index, b.index}, {b.value, a.value}}};
}
Number tanh(Number a) {
    const double t = std::tanh(a.value);
    return {t, {{a.index, 0}, {1 - t * t, 0}}};
}

// d y / d (every record). What reads a step stands behind it on the tape, so when the loop comes to
// the step, all its readers have added their shares.
std::vector<double> backward(Number y) {
    std::vector<double> gradient(tape.size(), 0.0);
    gradient[y.index] = 1;
    for (std::size_t i = y.index + 1; i-- > 0;)
        for (int j = 0; j < 2; ++j)
            gradient[tape[i].inputs[j]] += gradient[i] * tape[i].derivatives[j];
    return gradient;
}

// x and t are used twice each. One text for Number and for double.
template <class N> N f(N x, N w) {
    using std::tanh;
    const N t = tanh(x);
    const N xt = x * t;
    const N wt = w * t;
    return xt + wt;
}

int main() {
    const double at_x = 0.7, at_w = -1.5;
    const Number x = at_x;
    const Number w = at_w;
    const Number y = f(x, w);
    const std::vector<double> gradient = backward(y);

    std::printf("y = x t + w t with t = tanh(x), at x = %g, w = %g\n\n", at_x, at_w);
    std::printf("record  inputs  derivatives           dy/d(record)\n");
    for (std::size_t i = 0; i < tape.size(); ++i) {
        const auto& [inputs, derivatives] = tape[i];
        std::printf("%6zu  %zu %zu     %9.6f %9.6f  %12.6f\n", i, inputs[0], inputs[1],
                    derivatives[0], derivatives[1], gradient[i]);
    }

    const double h = 1e-5;
    const double dx = (f(at_x + h, at_w) - f(at_x - h, at_w)) / (2 * h);
    const double dw = (f(at_x, at_w + h) - f(at_x, at_w - h)) / (2 * h);
    std::printf("\n    backward   central difference\n");
    std::printf("dx %9.6f   %9.6f\ndw %9.6f   %9.6f\n\n", gradient[x.index], dx, gradient[w.index],
                dw);
    claim(std::abs(gradient[x.index] - dx) < 1e-9 && std::abs(gradient[w.index] - dw) < 1e-9,
          "One loop backward gives both derivatives; differences need two evaluations for each.");

    // Two ways lead from x to y: straight into x t, and through t.
    const double t = std::tanh(at_x);
    const double straight = t;
    const double through_t = (at_x + at_w) * (1 - t * t);
    std::printf("\ndx straight %.6f, through t %.6f\n", straight, through_t);
    claim(std::abs(gradient[x.index] - (straight + through_t)) < 1e-12,
          "A value used twice gets the sum of both ways.");

    const Number z = 3.0;
    const Number square = z * z;
    claim(backward(square)[z.index] == 6,
          "z * z reads z twice: dz = z + z = 6 at z = 3, which is 2 z.");
    claim(backward(square)[x.index] == 0, "What a result was not made of gets 0: d(z * z)/dx = 0.");
}
