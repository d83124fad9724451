// Checking a gradient, and catching a broken one. What backward says is held against differences of
// the forward pass alone:
//    f'(x) = (f(x + h) - f(x - h)) / 2h,  wrong by h^2 f'''(x) / 6 and by the rounding of f over h,
// so the best h is neither large nor small. Two steps together cancel the h^2 (Richardson 1911), as
// taper's gradcheck does (core/check/gradcheck.hpp). Of many outputs y = f(x) one checks the
// gradient of sum_j dy_j f_j(x): with which dy, the "cotangent"? Run it:
// build/release/bin/06_gradient_check
#include <array>
#include <cmath>
#include <iomanip>
#include <numeric>

#include "core/check/gradcheck.hpp"
#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"

using namespace taper;
using examples::larger;
using lessons::claim;

// A function of one number, its derivative by hand, and by a difference.
template <class T> static T f(T x) { return std::exp(x) * std::tanh(x); }
static double slope(double x) {
    return std::exp(x) * (1 + std::tanh(x) - std::tanh(x) * std::tanh(x));
}
template <class T> static T difference(T x, T h) {
    // rounded: what lies between them is not quite 2h, and may be nothing
    const T above = x + h;
    const T below = x - h;
    return above == below ? 0 : (f(above) - f(below)) / (above - below);
}

// The largest errors at 20 places: in float, in double, in double and extrapolated.
using Errors = std::array<double, 3>;
static Errors errors(double h) {
    Errors most{};
    for (int i = 1; i <= 20; ++i) {
        const float x = 0.1f * static_cast<float>(i);
        const float in_float = difference(x, static_cast<float>(h));
        const double wide = difference<double>(x, h);
        const double narrow = difference<double>(x, h / 2);
        const Errors found{in_float, wide, (4 * narrow - wide) / 3};
        for (std::size_t j : {0u, 1u, 2u}) most[j] = larger(most[j], std::abs(found[j] - slope(x)));
    }
    return most;
}

// softmax over rows with a mistake in backward: dx_i = y_i (dy_i - sum_j y_j dy_j), and y_i is
// forgotten.
struct BrokenSoftmax final : Op<double> {
    const char* name() const override { return "broken softmax"; }
    Place<double> x;
    Var<double> y;
    Var<double> forward(const Var<double>& input) {
        x = input;
        y = softmax(input.detach());
        return y;
    }
    void backward(const Array<double>& dy, Gradients<double>& gradients) override {
        const Array<double> sums = xt::sum(y.value() * dy, {1}, xt::keep_dims);
        gradients.add(x, dy - sums);
    }
};

// The ops to be checked, in the form that gradcheck takes: functions of a list of inputs.
using Inputs = std::vector<Var<double>>;
static Var<double> right_softmax(const Inputs& x) { return softmax(x[0]); }
static Var<double> broken_softmax(const Inputs& x) { return apply<BrokenSoftmax>(here(), x[0]); }
// the value is right, the gradient 1 + 3e-8 of the right one
static Var<double> steeper_softmax(const Inputs& x) {
    const Var<double> y = softmax(x[0]);
    return y + 3e-8 * (y - y.detach());
}
static Var<double> norm(const Inputs& x) {
    return layer_norm<double>(x[0], full<double>({4}, 1), zeros<double>({4}));
}

// dx as backward makes it of dy: its largest entry, and how far it is from the differences of <dy,
// op(x)>.
static const auto x = normal<double>(Random(1, "x"), {3, 4});
static std::pair<double, double> compare(const char* name, Var<double> (*op)(const Inputs&),
                                         const Array<double>& dy) {
    Parameter<double> parameter("x", x);
    Tape<double> tape;
    tape.backward(op({parameter}), dy);
    double largest = 0, apart = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const auto at = [&](double by) {
            auto moved = x;
            moved.data()[i] += by;
            const Array<double> y = op({moved}).value();
            return std::inner_product(y.begin(), y.end(), dy.begin(), 0.0);
        };
        const double h = 1e-5;
        const double above = at(h);
        const double below = at(-h);
        const double dx = parameter.gradient().data()[i];
        largest = larger(largest, std::abs(dx));
        apart = larger(apart, std::abs(dx - (above - below) / (2 * h)));
    }
    std::cout << "  " << name << "  " << largest << "  " << apart << "\n";
    return {largest, apart};
}

// gradcheck, and the first lines of its report.
template <class F>
static GradcheckReport check(const char* name, const F& op, const Array<double>& at) {
    const GradcheckReport report = gradcheck(name, op, {at});
    const std::string text = report.text();
    std::cout << "  " << text.substr(0, text.find('\n', text.find('\n') + 1)) << "\n";
    return report;
}

int main() {
    std::cout << "1. The largest error of differences with step h: o float, * double, + double and "
                 "extrapolated\n"
              << "     h         float   double    extr.    1e-15" << std::string(30, ' ') << "1\n"
              << std::scientific << std::setprecision(1);
    std::vector<Errors> at;
    Errors best{1, 1, 1};
    for (int k = 0; k <= 13; ++k) {
        const Errors& error = at.emplace_back(errors(std::pow(10, -k)));
        std::string picture(38, ' ');
        std::cout << "  " << std::pow(10, -k);
        for (const std::size_t j : {0u, 1u, 2u}) {
            best[j] = std::min(best[j], error[j]);
            const double place = 2.5 * (std::log10(error[j]) + 15);
            if (place >= 0 && place < 38) picture[static_cast<std::size_t>(place)] = "o*+"[j];
            std::cout << std::setw(9) << error[j];
        }
        std::cout << "    |" << picture << "|\n";
    }
    const auto about = [](double a, double b) { return a > b / 2 && a < b * 2; };
    claim(about(at[1][1] / at[2][1], 100) && about(at[1][2] / at[2][2], 1e4),
          "it falls as h^2, extrapolated as h^4,");
    claim(at[13][1] > at[2][1],
          "until rounding over h takes over: 1e-13 is a worse step than 1e-2");
    claim(best[0] > 1e-5 && best[1] < 1e-8 && best[2] < 1e-10,
          "at best: float 4 digits, double 9, extrapolated 11");

    std::cout << "2. Which dy? The largest dx, and how far it is from differences\n";
    const auto ones = full<double>({3, 4}, 1);
    const auto random = normal<double>(Random(1, "dy"), {3, 4});
    const auto [dx_of_sum, apart_of_sum] = compare("softmax        dy = 1   ", right_softmax, ones);
    const auto [dx_of_norm, apart_of_norm] = compare("layer_norm     dy = 1   ", norm, ones);
    const auto [dx_unseen, unseen] = compare("y_i forgotten  dy = 1   ", broken_softmax, ones);
    const auto [dx_right, right] = compare("softmax        dy random", right_softmax, random);
    const auto [dx_wrong, wrong] = compare("y_i forgotten  dy random", broken_softmax, random);
    claim(dx_of_sum < 1e-12 && dx_of_norm < 1e-12 && dx_right > 0.1,
          "sum(y) has no gradient: a row of softmax always sums to 1, one of layer_norm to 0");
    claim(unseen < 1e-9,
          "so with sum(y), which is dy = 1, the broken backward passes: 0 is what it should be");
    claim(right < 1e-9 && wrong > 0.1,
          "with a random dy the right one passes and the broken one fails");

    std::cout << "3. gradcheck, and what it says\n";
    const auto passed = check("softmax", right_softmax, x);
    claim(passed.passed && passed.entries == 12 && passed.worst < 1e-9,
          "all entries, to nine digits");
    const auto forgotten = check("y_i forgotten", broken_softmax, x);
    const auto& first = forgotten.failures.at(0);
    const double ratio = first.numeric / first.analytic;
    const double y = softmax<double>(x).value()(0, 0);
    std::cout << "  numeric / analytic " << ratio << ", y " << y << "\n";
    claim(forgotten.wrong == 12 && first.entry == "(0,0)" && std::abs(ratio - y) < 1e-9,
          "it names the entry and both numbers, and these tell the rest: their ratio is the y_i "
          "that is missing");
    const auto imprecise = check("steeper by 3e-8", steeper_softmax, x);
    claim(!imprecise.passed && imprecise.worst < best[0] / 100,
          "a mistake in the eighth digit: float could not see it");

    std::cout << "4. Kinks: relu at 0, where the slope is 0 on one side and 1 on the other (shown "
                 "times dy)\n";
    const Array<double> places{-1, 0, 1e-4, 2};
    const auto ramp = [](const Inputs& in) { return relu(in[0]); };
    const auto half = [](const Inputs& in) { return maximum(in[0], 0.0); };
    const auto ramps = [](const Inputs& in) { return relu(in[0]) - relu(-in[0]); };
    const auto halves = [](const Inputs& in) { return maximum(in[0], 0.0) - maximum(-in[0], 0.0); };
    const auto at_kink = check("relu", ramp, places);
    claim(
        at_kink.passed && at_kink.kinks.size() == 2 && check("maximum(x, 0)", half, places).passed,
        "relu gives 0 there, maximum half of dy: both pass, and the kink is told, also the one "
        "near 1e-4");
    const auto none = check("relu(x) - relu(-x)", ramps, places);
    claim(
        none.wrong == 1 && none.failures.at(0).entry == "(1)" && none.failures.at(0).analytic == 0,
        "this is x, which has no kink: its slope at 0 is 1, and two gradients of 0 do not make it");
    claim(check("maximum(x, 0) - maximum(-x, 0)", halves, places).passed, "two halves do");
}
