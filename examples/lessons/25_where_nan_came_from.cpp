// How to find what made a NaN. It spreads: the loss is nan, and so is every weight a step later,
// and neither tells where it began. Tape<double> tape(Finite::checked) reads every result and every
// gradient, and stops at the first that is not finite with the op, its line and its inputs; also at
// a -inf that was meant, as of a mask made with select. Two cases: one is made forward, one
// backward, from a loss that looks well. Run it: build/release/bin/25_where_nan_came_from
#include <cmath>
#include <iomanip>

#include "core/ops.hpp"
#include "examples/lessons/lesson.hpp"

using namespace taper;
using lessons::claim;

static const Var<double> x = Array<double>{-2, -1, 1, 30}, t = Array<double>{0, 0, 1, 1};
static int log_line = 0, sqrt_line = 0;  // of the two culprits below

// Logistic regression, written as in a textbook: p is the probability of class 1, t the class.
Var<double> textbook_loss(const Var<double>& w) {
    const Var<double> p = 1.0 / (1.0 + exp(-(w * x)));
    const Var<double> log_p = log(p);
    log_line = here().line + 1;
    const Var<double> log_not_p = log(1.0 - p);
    return -mean(t * log_p + (1.0 - t) * log_not_p);
}

// The same from the logit z: -ln p = ln(1 + e^-z), with no difference that can round to 0.
Var<double> stable_loss(const Var<double>& w) {
    const Var<double> z = w * x;
    return mean(maximum(z, 0.0) - t * z + log(1.0 + exp(-maximum(z, -z))));
}

// The length of v, as a penalty; eps 0 is the textbook's.
Var<double> length(const Var<double>& v, double eps) {
    const Var<double> squares = sum(v * v) + eps;
    sqrt_line = here().line + 1;
    return sqrt(squares);
}

// What a checked tape says of f and its backward pass; nothing if all is finite.
template <class F> std::string complaint(F f) {
    Tape<double> tape(Finite::checked);
    try {
        tape.backward(f());
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

static bool says(const std::string& text, const std::string& words) {
    return text.find(words) != std::string::npos;
}
static std::string at(int line) { return "25_where_nan_came_from.cpp:" + std::to_string(line); }

// One step of gradient descent; returns the loss before it. (abs below: a nan may have a sign, and
// would print it.)
template <class F> double descend(Parameter<double>& w, F f) {
    Tape<double> tape;
    const Var<double> loss = f(w);
    tape.backward(loss);
    w.mutable_value() -= 0.15 * w.gradient();
    w.clear_gradient();
    return loss.item();
}

int main() {
    std::cout << "1. A training run goes well, and then it does not\n";
    Parameter<double> w("w", zeros<double>({1}));
    double before = 0, loss = 0;
    for (int step = 1; step <= 100 && !std::isnan(loss); ++step) {
        before = w.value()(0);
        loss = descend(w, textbook_loss);
        if (step % 5 == 1)
            std::cout << "  step " << std::setw(2) << step << "  w " << std::setw(8) << before
                      << "  loss " << std::setw(9) << std::abs(loss) << "  then w "
                      << std::abs(w.value()(0)) << "\n";
    }
    claim(std::isnan(loss) && std::isnan(w.value()(0)),
          "the loss is nan, and w with it: the run is lost");

    std::cout << "2. The last step again, on a checked tape\n";
    w.mutable_value().fill(before);
    const std::string forward = complaint([&] { return textbook_loss(w); });
    std::cout << "  " << forward << "\n";
    claim(says(forward, "log: every result must be finite"),
          "it stops at log, before the product that made the nan");
    claim(says(forward, at(log_line)), "and names the line: log(1.0 - p)");
    claim(says(forward, "input 0 (4): sub") && says(forward, ", 0 to "),
          "its input is a difference, and holds a 0");
    {
        Tape<double> tape;
        const double p = (1.0 / (1.0 + exp(-(w * x)))).value()(3);
        const double q = 1 - p;
        std::cout << "  at x = 30: p " << p << "  1 - p " << q << "  ln " << std::log(q)
                  << "  0 ln(1 - p) " << std::abs(0 * std::log(q)) << "\n";
        claim(std::isinf(std::log(q)) && std::isnan(0 * std::log(q)),
              "p has rounded to 1, and 0 (-inf) is nan");
    }

    std::cout << "3. The cure: no difference of near numbers under the log\n";
    const std::string silent = complaint([&] { return stable_loss(w); });
    const double stable = stable_loss(w).item();
    Parameter<double> small("w", full<double>({1}, 0.5));
    std::cout << "  w " << before << "  loss " << stable << "\n";
    claim(silent.empty() && std::isfinite(stable),
          "the same w gives a finite loss and a finite gradient");
    claim(std::abs(stable_loss(small).item() - textbook_loss(small).item()) < 1e-12,
          "and at w = 0.5 both losses agree");

    std::cout << "4. A loss that looks well: the length of v at v = 0\n";
    Parameter<double> v("v", zeros<double>({3}));
    {
        Tape<double> tape;
        const Var<double> penalty = length(v, 0);
        tape.backward(penalty);
        std::cout << "  length " << penalty.item() << "  dv " << std::abs(v.gradient()(0)) << "\n";
        claim(penalty.item() == 0 && std::isnan(v.gradient()(0)),
              "the length is 0, its gradient nan");
        v.clear_gradient();
    }
    const std::string backward = complaint([&] { return length(v, 0); });
    std::cout << "  " << backward << "\n";
    claim(says(backward, "backward of sqrt") && says(backward, at(sqrt_line)),
          "backward of sqrt made the first, at its line");
    claim(says(backward, "is inf"),
          "it was inf: dy / (2 sqrt 0). Times v = 0 that is nan, one op further back");
    v.clear_gradient();
    claim(complaint([&] { return length(v, 1e-12); }).empty(),
          "sqrt(sum v^2 + 1e-12) has a gradient everywhere");
}
