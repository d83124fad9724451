// How to add an op of your own: a struct with name, formula, forward and backward, recorded by
// apply<> as taper's own ops are, and checked with gradcheck before it is trusted. The op here is
// swish, y = x sigmoid(x) (Ramachandran, Zoph, Le 2017). taper has sigmoid, of which swish can be
// composed; as an op of its own it keeps x alone. Its map takes Arrays of one shape; where one is
// broadcast: zip(f, name(), a, b) forward, and sum_to(dx, a.shape()) backward, as Mul in
// core/ops/elementwise.cpp. Where a gradient is dear to make, ask gradients.wants(x) first. To
// begin one of your own, copy the file and change the lines between the two rules. Run it:
// build/release/bin/07_your_own_op
#include <cmath>
#include <iomanip>

#include "core/check/gradcheck.hpp"
#include "core/kernels/map.hpp"
#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"

using namespace taper;
using examples::largest;
using lessons::claim;

// ---- the op
// -------------------------------------------------------------------------------------------------

template <class T> T logistic(T x) { return 1 / (1 + std::exp(-x)); }

template <class T> struct Swish : Op<T> {
    const char* name() const override { return "swish"; }
    const char* formula() const override {
        return R"(y = x s,  s = 1 / (1 + e^-x)
  backward  dx = dy (s + x s (1 - s)))";
    }

    // what backward needs. Of an input whose value it does not need: Place<T>, which holds no
    // numbers
    Var<T> x;

    Var<T> forward(const Var<T>& input) {
        x = input;
        return map([](T v) { return v * logistic(v); }, x.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const auto slope = [](T g, T v) {
            const T s = logistic(v);
            return g * (s + v * s * (1 - s));
        };
        gradients.add(x, map(slope, dy, x.value()));
    }
};
template <class T> Var<T> swish(const Var<T>& x, Source at = here()) {
    return apply<Swish<T>>(at, x);
}

// -------------------------------------------------------------------------------------------------

// The same with the usual mistake: the slope of s is left out of backward.
template <class T> struct HalfSwish final : Swish<T> {
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        gradients.add(this->x, map([](T g, T v) { return g * logistic(v); }, dy, this->x.value()));
    }
};

int main() {
    std::cout << "1. Is backward the derivative of forward? Central differences tell\n";
    const auto inputs = normal<double>(Random(1, "inputs"), {3, 4}, 3);
    using Inputs = std::vector<Var<double>>;
    const auto report = gradcheck("swish", [](const Inputs& x) { return swish(x[0]); }, {inputs});
    std::cout << "  " << report.text() << "\n";
    claim(report.passed && report.entries == 12, "all 12 entries agree to nine digits");

    const auto broken =
        gradcheck("half a swish",
                  [](const Inputs& x) { return apply<HalfSwish<double>>(here(), x[0]); }, {inputs});
    std::cout << "  " << broken.text().substr(0, broken.text().find('\n')) << "\n";
    claim(!broken.passed, "with a term of backward left out it does not pass");

    std::cout << "2. One op or two\n";
    Parameter<double> x("x", inputs);
    Tape<double> tape;
    const Var<double> one = sum(swish(x));
    const std::size_t records = tape.records().size();
    const Var<double> composed = sum(x * sigmoid(x));
    const std::size_t more = tape.records().size() - records;
    std::cout << "  records of swish and sum " << records << " (with x), of the composition "
              << more << "\n";
    std::cout << "  record 1: " << tape.records()[1].name << ", from line "
              << tape.records()[1].source.line << "\n";
    claim(std::abs(one.item() - composed.item()) < 1e-13, "both give the same sum");
    claim(records == 3 && more == 3,
          "swish is one record and keeps one array; the composition is two, and keeps two");
    tape.backward(one - composed);
    claim(largest(x.gradient()) < 1e-12, "and their gradients cancel");

    std::cout << "3. At work: a network with 4 units of swish learns exclusive or\n";
    const Var<double> points = Array<double>{{0, 0}, {0, 1}, {1, 0}, {1, 1}};
    const Var<double> answers = reshaped<double>({0, 1, 1, 0}, {4, 1});
    Parameter<double> W1("W1", normal<double>(Random(1, "W1"), {4, 2}));
    Parameter<double> b1("b1", zeros<double>({4}));
    Parameter<double> W2("W2", normal<double>(Random(1, "W2"), {1, 4}));
    Parameter<double> b2("b2", zeros<double>({1}));
    double first = 0, last = 0;
    for (int step = 0; step <= 2000; ++step) {
        Tape<double> pass;
        const Var<double> error = linear(swish(linear(points, W1, b1)), W2, b2) - answers;
        const Var<double> loss = mean(error * error);
        last = loss.item();
        if (step == 0) first = last;
        if (step % 500 == 0)
            std::cout << "  step " << std::setw(4) << step << "  loss " << last << "\n";
        pass.backward(loss);
        for (Parameter<double>* w : {&W1, &b1, &W2, &b2}) {
            w->mutable_value() -= 0.1 * w->gradient();
            w->clear_gradient();
        }
    }
    claim(last < 1e-6 && first > 0.1,
          "the loss falls to nothing: no straight line could do that (0.25 at best)");
}
