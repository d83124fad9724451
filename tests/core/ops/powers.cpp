// pow with one exponent for all, some of which need no logarithm.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/ops.hpp"

using namespace taper;

namespace {

// To a few roundings, with the sign of a zero; NaN is NaN.
template <class T> bool agree(T found, T exact) {
    using Limits = std::numeric_limits<T>;
    if (std::isnan(exact)) return std::isnan(found);
    if (exact == 0 || std::isinf(exact))
        return found == exact && std::signbit(found) == std::signbit(exact);
    return std::abs(found - exact) <= 4 * Limits::epsilon() * std::abs(exact) + Limits::min();
}

template <class T> void check_powers() {
    using Limits = std::numeric_limits<T>;
    const T infinity = Limits::infinity();
    std::vector<T> numbers = {
        0, 1, infinity, Limits::quiet_NaN(), Limits::max(), Limits::min(), T(1e-19), T(1e19)};
    for (int i = 0; i < 40; ++i) numbers.push_back(std::exp2(T(i) - 20) * T(1.37));
    Array<T> x = empty<T>({2, numbers.size()});
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        x(0, i) = numbers[i];
        x(1, i) = -numbers[i];
    }
    for (const T e :
         {T(2), T(1), T(0), T(3), T(-1), T(-2), T(0.5), T(-0.5), T(1.5), T(-3), infinity}) {
        Parameter<T> p("x", x);
        Tape<T> tape;
        const Var<T> y = pow(p, e);
        tape.backward(y, full<T>(y.shape(), T(1)));
        for (std::size_t i = 0; i < x.size(); ++i) {
            const T number = x.data()[i], slope = p.gradient().data()[i];
            CHECK_MESSAGE(agree(y.value().data()[i], std::pow(number, e)),
                          number << " to the " << e);
            const T exact = e == 0 ? T(0) : e * std::pow(number, e - 1);
            CHECK_MESSAGE(agree(slope, exact),
                          "the slope of " << number << " to the " << e << ": " << slope);
        }
    }
}

}  // namespace

TEST_CASE("powers: values and slopes are those of std::pow, of zeros, infinities and NaN, too") {
    check_powers<float>();
    check_powers<double>();
}

TEST_CASE("powers: a base of any shape, one exponent of any shape") {
    const Var<double> row = Array<double>{1, 2, 3};
    CHECK(pow(row, Array<double>{2}).value() == Array<double>{1, 4, 9});
    CHECK(pow(row, full<double>({1, 1}, 2)).value() == Array<double>{{1, 4, 9}});
    CHECK(pow(Var<double>(zeros<double>({0, 3})), 2).shape() == Shape{0, 3});
    CHECK(pow(Var<double>(3), 2).item() == 9);
    Parameter<double> base("base", Array<double>{2}), exponent("exponent", full<double>({1, 1}, 2));
    Tape<double> tape;
    tape.backward(pow(base, exponent));
    CHECK(base.gradient() == Array<double>{4});
    CHECK(exponent.gradient()(0, 0) == doctest::Approx(4 * std::log(2.0)));
}
