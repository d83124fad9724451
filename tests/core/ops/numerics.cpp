// Numbers at the edges, elementwise: infinities, NaN and signed zeros; accuracy; no dependence on
// the place of an entry.
#include "tests/support/numerics.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <tuple>
#include <vector>

#include "core/array/random.hpp"
#include "core/ops.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

// An elementwise function in both number types, made of a generic lambda.
struct Elementwise {
    std::string name;
    std::function<Var<double>(const Var<double>&)> in_double;
    std::function<Var<float>(const Var<float>&)> in_float;
    double (*reference)(double);
    template <class F>
    Elementwise(const char* op, F f, double (*exact)(double))
        : name(op), in_double(f), in_float(f), reference(exact) {}

    template <class T> const auto& in() const {
        if constexpr (std::is_same_v<T, double>) return in_double;
        else return in_float;
    }
};

const std::vector<Elementwise>& elementwise() {
    static const std::vector<Elementwise> all = {
        {"neg", [](const auto& x) { return neg(x); }, [](double v) { return -v; }},
        {"exp", [](const auto& x) { return exp(x); }, std::exp},
        {"log", [](const auto& x) { return log(x); }, std::log},
        {"sqrt", [](const auto& x) { return sqrt(x); }, std::sqrt},
        {"tanh", [](const auto& x) { return tanh(x); }, std::tanh},
        {"erf", [](const auto& x) { return erf(x); }, std::erf},
        {"relu", [](const auto& x) { return relu(x); }, [](double v) { return v < 0 ? 0 : v; }},
        {"gelu", [](const auto& x) { return gelu(x); },
         [](double v) { return 0.5 * v * (1 + std::erf(v * std::sqrt(0.5))); }},
        {"add", [](const auto& x) { return x + 2; }, [](double v) { return v + 2; }},
        {"sub", [](const auto& x) { return 2 - x; }, [](double v) { return 2 - v; }},
        {"mul", [](const auto& x) { return x * 3; }, [](double v) { return v * 3; }},
        {"div", [](const auto& x) { return 1 / x; }, [](double v) { return 1 / v; }},
        {"pow", [](const auto& x) { return pow(x, 3); }, [](double v) { return v * v * v; }},
        {"maximum", [](const auto& x) { return maximum(x, 1); },
         [](double v) { return std::isnan(v) ? v : std::max(v, 1.0); }},
        {"minimum", [](const auto& x) { return minimum(x, 1); },
         [](double v) { return std::isnan(v) ? v : std::min(v, 1.0); }},
        {"clamp", [](const auto& x) { return clamp(x, -1, 2); },
         [](double v) { return std::isnan(v) ? v : std::clamp(v, -1.0, 2.0); }},
        {"abs", [](const auto& x) { return abs(x); }, std::abs},
        {"square", [](const auto& x) { return square(x); }, [](double v) { return v * v; }},
        {"sin", [](const auto& x) { return sin(x); }, std::sin},
        {"cos", [](const auto& x) { return cos(x); }, std::cos},
        {"log1p", [](const auto& x) { return log1p(x); }, std::log1p},
        {"expm1", [](const auto& x) { return expm1(x); }, std::expm1},
        {"sigmoid", [](const auto& x) { return sigmoid(x); },
         [](double v) { return 1 / (1 + std::exp(-v)); }},
        {"softplus", [](const auto& x) { return softplus(x); },
         [](double v) { return (v < 0 ? 0 : v) + std::log1p(std::exp(-std::abs(v))); }}};
    return all;
}

// Numbers of all sizes, and the special ones.
template <class T> std::vector<T> all_sizes() {
    std::vector<T> values = {0,
                             T(-0.0),
                             1,
                             -1,
                             T(infinity),
                             T(-infinity),
                             T(not_a_number),
                             std::numeric_limits<T>::max(),
                             std::numeric_limits<T>::min(),
                             T(1e4),
                             T(-1e4)};
    for (std::uint64_t i = 0; i < 400; ++i)
        values.push_back(
            static_cast<T>(Random(1, "sizes").normal(i) *
                           std::exp2(std::floor(Random(2, "sizes").uniform(i) * 40) - 30)));
    return values;
}

// op of x where x is one of `size` entries, and the others are 0.5.
template <class T> T value_at(const Elementwise& op, T x, std::size_t place, std::size_t size) {
    auto entries = full<T>({size}, T(0.5));
    entries(place) = x;
    return op.in<T>()(Var<T>(entries)).value()(place);
}

template <class T> void check_specials() {
    const T inf = T(infinity), none = T(not_a_number);
    struct Expected {
        const char* op;
        T x, y;
    };
    const std::vector<Expected> table = {
        {"neg", inf, -inf},      {"exp", -inf, 0},       {"exp", inf, inf},
        {"exp", 0, 1},           {"exp", 1000, inf},     {"exp", -1000, 0},
        {"log", 0, -inf},        {"log", T(-0.0), -inf}, {"log", -1, none},
        {"log", -inf, none},     {"log", inf, inf},      {"log", 1, 0},
        {"sqrt", 0, 0},          {"sqrt", -1, none},     {"sqrt", inf, inf},
        {"sqrt", 4, 2},          {"tanh", inf, 1},       {"tanh", -inf, -1},
        {"tanh", 0, 0},          {"tanh", 100, 1},       {"tanh", -100, -1},
        {"erf", inf, 1},         {"erf", -inf, -1},      {"erf", 0, 0},
        {"erf", 10, 1},          {"erf", -10, -1},       {"relu", inf, inf},
        {"relu", -inf, 0},       {"relu", -1, 0},        {"gelu", inf, inf},
        {"gelu", 1e4, 1e4},      {"gelu", -1e4, 0},      {"gelu", 0, 0},
        {"add", inf, inf},       {"sub", inf, -inf},     {"mul", -inf, -inf},
        {"div", 0, inf},         {"div", T(-0.0), -inf}, {"div", inf, 0},
        {"pow", -inf, -inf},     {"maximum", -inf, 1},   {"maximum", inf, inf},
        {"minimum", -inf, -inf}, {"minimum", inf, 1},    {"clamp", inf, 2},
        {"clamp", -inf, -1},     {"clamp", 2, 2},        {"abs", -inf, inf},
        {"abs", inf, inf},       {"abs", T(-0.0), 0},    {"square", -inf, inf},
        {"square", -3, 9},       {"sin", inf, none},     {"sin", -inf, none},
        {"sin", 0, 0},           {"cos", inf, none},     {"cos", -inf, none},
        {"cos", 0, 1},           {"log1p", -1, -inf},    {"log1p", -2, none},
        {"log1p", inf, inf},     {"log1p", 0, 0},        {"expm1", inf, inf},
        {"expm1", -inf, -1},     {"expm1", 0, 0},        {"expm1", 1000, inf},
        {"expm1", -1000, -1},    {"sigmoid", inf, 1},    {"sigmoid", -inf, 0},
        {"sigmoid", 0, T(0.5)},  {"sigmoid", 1e4, 1},    {"sigmoid", -1e4, 0},
        {"softplus", inf, inf},  {"softplus", -inf, 0},  {"softplus", 1e4, 1e4},
        {"softplus", -1e4, 0}};
    for (const Elementwise& op : elementwise()) {
        for (const std::size_t place : {0u, 3u, 16u}) {  // in the vector body and in the tail
            CHECK_MESSAGE(std::isnan(value_at<T>(op, none, place, 17)),
                          op.name << std::string(" of NaN"));
            for (const Expected& e : table)
                if (e.op == op.name) {
                    const T y = value_at<T>(op, e.x, place, 17);
                    CHECK_MESSAGE(same_or_both_nan(y, e.y), op.name << std::string(" of ") << e.x
                                                                    << std::string(" is ") << y);
                }
        }
    }
}

// The gradient of op at x: the same in the vector body and in the tail.
template <class T> T slope(const Elementwise& op, T x) {
    Parameter<T> p("x", full<T>({17}, x));
    Tape<T> tape;
    const Var<T> y = op.in<T>()(p);
    tape.backward(y, full<T>(y.shape(), T(1)));
    for (const T dx : p.gradient()) CHECK(same_or_both_nan(dx, p.gradient()(0)));
    return p.gradient()(0);
}

template <class T> void check_slopes() {
    const T inf = T(infinity), nan = T(not_a_number);
    for (const Elementwise& op : elementwise()) {
        const T at_nan = slope(op, T(not_a_number));
        CHECK_MESSAGE(at_nan != 0, op.name << std::string(" loses the gradient of NaN"));
    }
    struct Expected {
        const char* op;
        T x, dx;
    };
    const std::vector<Expected> table = {
        {"relu", nan, nan},    {"abs", nan, nan},     {"clamp", nan, nan},   {"maximum", nan, nan},
        {"minimum", nan, nan}, {"relu", inf, 1},      {"relu", -inf, 0},     {"relu", 0, 0},
        {"abs", inf, 1},       {"abs", -inf, -1},     {"abs", 0, 0},         {"abs", T(-0.0), 0},
        {"clamp", inf, 0},     {"clamp", -inf, 0},    {"clamp", 2, 1},       {"clamp", -1, 1},
        {"sigmoid", 1e3, 0},   {"sigmoid", -1e4, 0},  {"sigmoid", 1e4, 0},   {"sigmoid", inf, 0},
        {"sigmoid", -inf, 0},  {"softplus", 100, 1},  {"softplus", -1e4, 0}, {"softplus", 1e4, 1},
        {"softplus", inf, 1},  {"softplus", -inf, 0}, {"log1p", inf, 0},     {"log1p", -1, inf},
        {"expm1", -inf, 0},    {"expm1", 0, 1},       {"square", 0, 0},      {"sin", 0, 1},
        {"cos", 0, 0},         {"maximum", inf, 1},   {"maximum", -inf, 0},  {"minimum", inf, 0},
        {"minimum", -inf, 1},  {"maximum", 1, T(.5)}, {"minimum", 1, T(.5)}};
    for (const Elementwise& op : elementwise())
        for (const Expected& e : table)
            if (e.op == op.name) {
                const T dx = slope(op, e.x);
                CHECK_MESSAGE(same_or_both_nan(dx, e.dx),
                              op.name << std::string(" at ") << e.x << std::string(": ") << dx);
            }
    for (const Elementwise& op : elementwise())
        if (op.name == "sigmoid") CHECK(std::abs(slope(op, T(-100))) < T(1e-30));
    for (const bool larger : {true, false}) {  // where y is NaN, both inputs are behind it
        Parameter<T> a("a", Array<T>{T(not_a_number), 1, T(not_a_number), 3});
        Parameter<T> b("b", Array<T>{1, T(not_a_number), 0, 2});
        Tape<T> tape;
        tape.backward(sum(larger ? maximum(a, b) : minimum(a, b)));
        for (const std::size_t i : {0u, 1u, 2u}) {
            CHECK(std::isnan(a.gradient()(i)));
            CHECK(std::isnan(b.gradient()(i)));
        }
        CHECK(a.gradient()(3) == (larger ? 1 : 0));
        CHECK(b.gradient()(3) == (larger ? 0 : 1));
    }
}

template <class T> void check_places() {
    const std::vector<T> values = all_sizes<T>();
    auto x = empty<T>({values.size()});
    std::copy(values.begin(), values.end(), x.begin());
    for (const Elementwise& op : elementwise()) {
        const auto [y, dx] = value_and_gradient<T>(op.in<T>(), x);
        for (std::size_t i = 0; i < values.size(); ++i) {
            const auto [y_alone, dx_alone] =
                value_and_gradient<T>(op.in<T>(), full<T>({1}, values[i]));
            CHECK_MESSAGE(same_or_both_nan(y(i), y_alone(0)),
                          op.name << std::string(" of ") << values[i]);
            CHECK_MESSAGE(same_or_both_nan(dx(i), dx_alone(0)),
                          op.name << std::string(" backward of ") << values[i]);
        }
    }
}

}  // namespace

TEST_CASE("numerics: infinities, NaN and signed zeros through every elementwise op") {
    check_specials<double>();
    check_specials<float>();
    const auto value = [](auto f, double x, double y) {
        return f(Var<double>(x), Var<double>(y)).item();
    };
    const auto power = [](const auto& a, const auto& b) { return pow(a, b); };
    const auto larger = [](const auto& a, const auto& b) { return maximum(a, b); };
    const auto plus = [](const auto& a, const auto& b) { return a + b; };
    const auto times = [](const auto& a, const auto& b) { return a * b; };
    const auto over = [](const auto& a, const auto& b) { return a / b; };
    CHECK(std::isnan(value(plus, infinity, -infinity)));
    CHECK(std::isnan(value(times, 0, infinity)));
    CHECK(std::isnan(value(over, 0, 0)));
    CHECK(value(over, -1, 0) == -infinity);
    CHECK(value(power, 0, 0) == 1);
    CHECK(value(power, 2, -infinity) == 0);
    CHECK(std::isnan(value(power, -8, 1.0 / 3)));
    CHECK(value(power, -2, 3) == -8);
    CHECK(std::isnan(value(larger, not_a_number, 1)));
    CHECK(std::isnan(value(larger, 1, not_a_number)));
    CHECK(value(larger, -infinity, 1) == 1);
    const Var<double> a = Array<double>{1, not_a_number}, b = Array<double>{not_a_number, 2};
    CHECK(select(Mask{true, false}, a, b).value() == Array<double>{1, 2});
}

TEST_CASE("numerics: gradients at infinities and kinks, and none is lost behind NaN") {
    check_slopes<double>();
    check_slopes<float>();
}

TEST_CASE("numerics: an entry's result does not depend on where it stands") {
    check_places<double>();
    check_places<float>();
}

// Up to what the vector functions do: erf is good to 8e-15 in double, exp gives 0 for subnormal
// floats. 1 + erf(x) cancels for negative x: the error of gelu is that of its terms.
template <class T> static void check_accuracy(double tolerance) {
    for (const Elementwise& op : elementwise())
        for (const T x : all_sizes<T>()) {
            const double exact = op.reference(static_cast<double>(x));
            if (std::abs(x) > T(1e30) || !std::isfinite(exact) || std::abs(exact) > 1e38) continue;
            const bool cancels = op.name == "gelu" && x < 0;
            const double scale = std::abs(cancels ? static_cast<double>(x) : exact);
            const double error = std::abs(static_cast<double>(value_at<T>(op, x, 0, 1)) - exact);
            CHECK_MESSAGE(
                error <= tolerance * scale + static_cast<double>(std::numeric_limits<T>::min()),
                op.name << std::string(" of ") << x << std::string(": ") << error / scale);
        }
}

TEST_CASE("numerics: elementwise functions are exact to a few roundings") {
    check_accuracy<double>(1e-14);
    check_accuracy<float>(3e-7);
}

// Arguments of a range each, where a function of xsimd's could have an edge of its own.
template <class T> static void check_ranges(double tolerance) {
    const auto most = static_cast<double>(std::numeric_limits<T>::max());
    const double edge = std::log(most);
    const std::vector<std::tuple<std::string, double, double>> ranges = {
        {"sin", 1e3, 1e6},           {"sin", 1e10, 1e15},
        {"sin", 1e22, 1e22},         {"sin", most, most},
        {"cos", 1e3, 1e6},           {"cos", 1e10, 1e15},
        {"cos", 1e22, 1e22},         {"cos", most, most},
        {"log1p", -1e-30, 1e-30},    {"log1p", -1e-8, 1e-8},
        {"log1p", -1, -0.5},         {"log1p", 1e10, 1e30},
        {"expm1", -1e-30, 1e-30},    {"expm1", -1e-8, 1e-8},
        {"expm1", 0.5, 1.5},         {"expm1", edge - 1, edge - 0.01},
        {"softplus", edge, 2 * edge}};
    for (const auto& [name, low, high] : ranges)
        for (const Elementwise& op : elementwise())
            for (std::uint64_t i = 0; i < 50 && op.name == name; ++i) {
                const T x = static_cast<T>(low + (high - low) * Random(1, "ranges").uniform(i));
                const double exact = op.reference(static_cast<double>(x));
                const double y = static_cast<double>(value_at<T>(op, x, i % 17, 17));
                INFO(op.name, " of ", x, " is ", y);
                CHECK(std::abs(y - exact) <= tolerance * std::abs(exact));
            }
}

TEST_CASE("numerics: sin, cos, log1p and expm1 of very small, large and last arguments") {
    check_ranges<double>(2e-15);
    check_ranges<float>(3e-7);
}

TEST_CASE("numerics: xtensor's own reducers work on an Array beside taper's") {
    const Array<double> x{{1, 2}, {3, 6}};
    CHECK(xt::sum(x)() == 12);
    CHECK(xt::mean(x * x)() == 12.5);
    CHECK(sum(Var<double>(x)).item() == 12);
}

TEST_CASE(
    "numerics: the slopes of sigmoid, tanh and expm1 keep their digits where the value has none "
    "left") {
    // f's slope in float at x, relative to the exact one.
    const auto error = [](auto f, float x, double exact) {
        const Array<float> dx = value_and_gradient<float>(f, Array<float>{x}).second;
        return std::abs(static_cast<double>(dx(0)) / exact - 1);
    };
    const auto of_sigmoid = [](const auto& z) { return sigmoid(z); };
    const auto of_tanh = [](const auto& z) { return tanh(z); };
    const auto of_expm1 = [](const auto& z) { return expm1(z); };
    for (const float x : {5.0F, 10.0F, 15.0F, 18.0F, 30.0F, 80.0F}) {
        CAPTURE(x);
        const double e = std::exp(-static_cast<double>(x));
        const double slope_of_sigmoid = e / std::pow(1 + e, 2);
        for (const float sign : {1.0F, -1.0F}) {
            CHECK(error(of_sigmoid, sign * x, slope_of_sigmoid) < 1e-5);
            CHECK(error(of_tanh, sign * x / 2, 4 * slope_of_sigmoid) < 1e-5);
        }
        CHECK(error(of_expm1, -x, e) < 1e-5);
    }
}
