// Numbers at the edges, elementwise: infinities, NaN and signed zeros; accuracy; no dependence on the place of an entry.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "core/ops.hpp"
#include "core/random.hpp"

using namespace taper;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

template <class T> bool same(T a, T b) { return a == b || (std::isnan(a) && std::isnan(b)); }
template <class T> bool same(const Array<T>& a, const Array<T>& b) {
    return a.shape() == b.shape() && std::equal(a.begin(), a.end(), b.begin(), [](T x, T y) { return same(x, y); });
}

// An elementwise function in both number types, made of a generic lambda.
struct Elementwise {
    std::string name;
    std::function<Var<double>(const Var<double>&)> in_double;
    std::function<Var<float>(const Var<float>&)> in_float;
    double (*reference)(double);
    template <class F>
    Elementwise(const char* n, F f, double (*r)(double)) : name(n), in_double(f), in_float(f), reference(r) {}

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
         [](double v) { return std::isnan(v) ? v : std::max(v, 1.0); }}};
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
        values.push_back(static_cast<T>(Random(1, "sizes").normal(i) *
                                        std::exp2(std::floor(Random(2, "sizes").uniform(i) * 40) - 30)));
    return values;
}

template <class T> T at(const Elementwise& op, T x, std::size_t place, std::size_t size) {
    return op
        .in<T>()(Var<T>([&] {
            auto filled = full<T>({size}, T(0.5));
            filled(place) = x;
            return filled;
        }()))
        .value()(place);
}

template <class T> void check_specials() {
    const T inf = T(infinity), none = T(not_a_number);
    struct Expected {
        const char* op;
        T x, y;
    };
    const std::vector<Expected> table = {
        {"neg", inf, -inf},   {"exp", -inf, 0},     {"exp", inf, inf},      {"exp", 0, 1},      {"exp", 1000, inf},
        {"exp", -1000, 0},    {"log", 0, -inf},     {"log", T(-0.0), -inf}, {"log", -1, none},  {"log", -inf, none},
        {"log", inf, inf},    {"log", 1, 0},        {"sqrt", 0, 0},         {"sqrt", -1, none}, {"sqrt", inf, inf},
        {"sqrt", 4, 2},       {"tanh", inf, 1},     {"tanh", -inf, -1},     {"tanh", 0, 0},     {"tanh", 100, 1},
        {"tanh", -100, -1},   {"erf", inf, 1},      {"erf", -inf, -1},      {"erf", 0, 0},      {"erf", 10, 1},
        {"erf", -10, -1},     {"relu", inf, inf},   {"relu", -inf, 0},      {"relu", -1, 0},    {"gelu", inf, inf},
        {"gelu", 1e4, 1e4},   {"gelu", -1e4, 0},    {"gelu", 0, 0},         {"add", inf, inf},  {"sub", inf, -inf},
        {"mul", -inf, -inf},  {"div", 0, inf},      {"div", T(-0.0), -inf}, {"div", inf, 0},    {"pow", -inf, -inf},
        {"maximum", -inf, 1}, {"maximum", inf, inf}};
    for (const Elementwise& op : elementwise()) {
        for (const std::size_t place : {0u, 3u, 16u}) {  // in the vector body and in the tail
            CHECK_MESSAGE(std::isnan(at<T>(op, none, place, 17)), op.name << std::string(" of NaN"));
            for (const Expected& e : table)
                if (e.op == op.name) {
                    const T y = at<T>(op, e.x, place, 17);
                    CHECK_MESSAGE(same(y, e.y), op.name << std::string(" of ") << e.x << std::string(" is ") << y);
                }
        }
    }
}

template <class T> void check_places() {
    const std::vector<T> values = all_sizes<T>();
    for (const Elementwise& op : elementwise()) {
        auto x = empty<T>({values.size()});
        std::copy(values.begin(), values.end(), x.begin());
        Parameter<T> p("x", x);
        Tape<T> tape;
        const Var<T> y = op.in<T>()(p);
        tape.backward(y, full<T>(y.shape(), T(1)));
        for (std::size_t i = 0; i < values.size(); ++i) {
            Parameter<T> alone("alone", full<T>({1}, values[i]));
            Tape<T> other;
            const Var<T> one = op.in<T>()(alone);
            other.backward(one);
            CHECK_MESSAGE(same(y.value()(i), one.value()(0)), op.name << std::string(" of ") << values[i]);
            CHECK_MESSAGE(same(p.gradient()(i), alone.gradient()(0)),
                          op.name << std::string(" backward of ") << values[i]);
        }
    }
}

}  // namespace

TEST_CASE("numerics: infinities, NaN and signed zeros through every elementwise op") {
    check_specials<double>();
    check_specials<float>();
    const auto of = [](auto f, double a, double b) { return f(Var<double>(a), Var<double>(b)).item(); };
    const auto power = [](const auto& a, const auto& b) { return pow(a, b); };
    const auto larger = [](const auto& a, const auto& b) { return maximum(a, b); };
    const auto plus = [](const auto& a, const auto& b) { return a + b; };
    const auto times = [](const auto& a, const auto& b) { return a * b; };
    const auto over = [](const auto& a, const auto& b) { return a / b; };
    CHECK(std::isnan(of(plus, infinity, -infinity)));
    CHECK(std::isnan(of(times, 0, infinity)));
    CHECK(std::isnan(of(over, 0, 0)));
    CHECK(of(over, -1, 0) == -infinity);
    CHECK(of(power, 0, 0) == 1);
    CHECK(of(power, 2, -infinity) == 0);
    CHECK(std::isnan(of(power, -8, 1.0 / 3)));
    CHECK(of(power, -2, 3) == -8);
    CHECK(std::isnan(of(larger, not_a_number, 1)));
    CHECK(std::isnan(of(larger, 1, not_a_number)));
    CHECK(of(larger, -infinity, 1) == 1);
    CHECK(select(Mask{true, false}, Var<double>(Array<double>{1, not_a_number}),
                 Var<double>(Array<double>{not_a_number, 2}))
              .value() == Array<double>{1, 2});
}

TEST_CASE("numerics: an entry's result does not depend on where it stands") {
    check_places<double>();
    check_places<float>();
}

// Up to what the vector functions do: erf is good to 8e-15 in double, exp gives 0 for subnormal floats, and log of subnormal
// and erf of doubles above 1e150 are wrong. 1 + erf(x) cancels for negative x: the error of gelu is that of its terms.
template <class T> static void check_accuracy(double tolerance) {
    for (const Elementwise& op : elementwise())
        for (const T x : all_sizes<T>()) {
            const double exact = op.reference(static_cast<double>(x));
            if (std::abs(x) > T(1e30) || !std::isfinite(exact) || std::abs(exact) > 1e38) continue;
            const double scale = op.name == "gelu" && x < 0 ? std::abs(static_cast<double>(x)) : std::abs(exact);
            const double error = std::abs(static_cast<double>(at<T>(op, x, 0, 1)) - exact);
            CHECK_MESSAGE(error <= tolerance * scale + static_cast<double>(std::numeric_limits<T>::min()),
                          op.name << std::string(" of ") << x << std::string(": ") << error / scale);
        }
}

TEST_CASE("numerics: elementwise functions are exact to a few roundings") {
    check_accuracy<double>(1e-14);
    check_accuracy<float>(3e-7);
}

TEST_CASE("numerics: xtensor's own reducers work on an Array beside taper's") {
    const Array<double> x{{1, 2}, {3, 6}};
    CHECK(xt::sum(x)() == 12);
    CHECK(xt::mean(x * x)() == 12.5);
    CHECK(sum(Var<double>(x)).item() == 12);
}
