// taper's tape, and the numbers of lesson 1 again. Lesson 1 makes a list of records and goes
// through it once, from the last to the first (Linnainmaa 1970). With dx for the gradient of x:
//     dx += dy (slope of y in x)     for each input x of each record y
// taper's tape (core/engine/tape.hpp) is the same list and the same loop. A record there is an op
// on whole arrays that knows how to make dx from dy, where lesson 1 wrote down two slopes; and the
// tape lets go of what is needed no more. Run it: build/release/bin/02_tape
#include <cmath>
#include <iomanip>

#include "core/ops.hpp"
#include "core/show/inspect.hpp"
#include "examples/lessons/lesson.hpp"

using namespace taper;
using lessons::claim;

// The example of lesson 1: x and t are used twice each.
struct Example {
    Var<double> t, y;
};
static Example f(const Var<double>& x, const Var<double>& w) {
    const Var<double> t = tanh(x);
    const Var<double> xt = x * t;
    const Var<double> wt = w * t;
    return {t, xt + wt};
}

static bool near(double a, double b) { return std::abs(a - b) < 1e-12; }

// The words of the Error in g, or nothing.
template <class G> std::string complaint(G g) {
    try {
        g();
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

int main() {
    const double at_x = 0.7;
    const double at_w = -1.5;
    const double t = std::tanh(at_x);
    // By hand.
    const double dt = at_x + at_w;
    const double dx = t + dt * (1 - t * t);
    const double dw = t;
    Parameter<double> x("x", full<double>({}, at_x));
    Parameter<double> w("w", full<double>({}, at_w));

    std::cout
        << "1. The example of lesson 1: y = x t + w t with t = tanh(x), at x = 0.7, w = -1.5\n";
    {
        Tape<double> tape;  // records while it is alive
        const Example made = f(x, w);
        // without Keep::everything its column |gradient| would be empty
        tape.backward(made.y, Keep::everything);
        std::cout << as_table(tape) << std::fixed << std::setprecision(6) << "dx " << x.gradient()()
                  << "   dw " << w.gradient()() << "   dt " << tape.gradient(made.t)() << "\n";
        claim(near(x.gradient()(), dx) && near(w.gradient()(), dw),
              "dx and dw are those of lesson 1");
        claim(tape.records().size() == 6,
              "and so are the records: six (a Parameter gets its own where it is first used)");
        claim(near(tape.gradient(made.t)(), dt),
              "t is no Parameter: the tape itself has kept its gradient, x + w");
        tape.backward(made.y, Keep::everything);
        claim(near(x.gradient()(), 2 * dx) && near(tape.gradient(made.t)(), dt),
              "a tape that keeps can run again: dx of a Parameter adds up, dt is that of the last "
              "pass");
    }

    std::cout << "2. The same on arrays: x has four entries, and the one w serves all four\n";
    Parameter<double> xs("xs", Array<double>{at_x, -0.2, 1.3, 0});
    w.clear_gradient();
    Tape<double> tape;
    const Var<double> loss = sum(f(xs, w).y);
    std::cout << as_table(tape);
    const auto holds = [&tape](std::size_t i) { return !tape.records()[i].value.expired(); };
    claim(tape.records().size() == 7,
          "one record more, for the sum: the list grows with the ops, not with the numbers");
    claim(holds(1), "t is held by the ops that need it backward: tanh, and both products");
    claim(!holds(2) && !holds(4) && !holds(5),
          "x t, w t and their sum are gone already: add and sum need the shapes alone");

    std::cout << "   After backward (a Parameter's gradient is in the Parameter; the column shows "
                 "what the tape keeps):\n";
    tape.backward(loss);
    std::cout << as_table(tape);
    double sum_of_t = 0;
    for (const double entry : xs.value()) sum_of_t += std::tanh(entry);
    claim(near(xs.gradient()(0), dx), "dx of the first entry is the one of lesson 1");
    claim(near(w.gradient()(), sum_of_t), "dw is the sum of what the four entries send back");
    bool released = !holds(1);
    for (const auto& record : tape.records()) released = released && !record.op && !record.gradient;
    claim(released && holds(0) && holds(6),
          "the ops, t and the gradients between are released; what the program holds itself stays: "
          "xs, w, loss");

    std::cout << "3. A tape runs backward once, unless told to keep\n";
    const std::string second = complaint([&] { tape.backward(loss); });
    std::cout << "  Error: " << second << "\n";
    claim(second.find("backward: a tape runs backward once") == 0,
          "a second time is an Error that says so");
    claim(near(w.gradient()(), sum_of_t), "and leaves the gradients alone");

    std::cout << "4. Gradients add up, over uses and over passes, until they are cleared\n";
    Parameter<double> z("z", full<double>({}, 3));
    const auto pass = [&z] {
        Tape<double> another;
        another.backward(z * z);
        std::cout << "  dz " << z.gradient()() << "\n";
        return z.gradient()();
    };
    claim(pass() == 6, "z * z reads z twice: dz = 3 + 3");
    claim(pass() == 12, "a second pass adds its 6: so a large batch can be made of small ones");
    z.clear_gradient();
    claim(pass() == 6, "after clear_gradient() it begins anew; Adam's step clears by itself");

    std::cout << "5. Without a tape nothing is recorded (the one above has run backward, and "
                 "records no more)\n";
    const auto square = [&z] { return z * z; };
    z.clear_gradient();
    const Var<double> untaped = square();
    Tape<double> late;
    const std::string constant = complaint([&] { late.backward(untaped); });
    std::cout << "  z z = " << untaped.item() << ", records " << late.records().size()
              << "\n  Error: " << constant << "\n";
    claim(untaped.item() == 9 && late.records().empty() && !z.has_gradient(),
          "the value is there, and no way back");
    claim(constant.find("is a constant") != std::string::npos, "to a later tape it is a constant");
    late.backward(square());
    claim(z.gradient()() == 6, "which records what is computed from now on");
}
