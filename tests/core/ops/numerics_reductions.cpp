// Numbers at the edges, in reductions and sums by number: NaN, infinities, overflow, what a
// repeated id adds up to.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <string>

#include "core/array/random.hpp"
#include "core/ops.hpp"
#include "tests/support/numerics.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

// To a few roundings.
template <class T> bool is_close(T a, double b) {
    const double rounding = static_cast<double>(std::numeric_limits<T>::epsilon());
    return std::abs(static_cast<double>(a) - b) <= 4 * rounding * std::abs(b);
}

template <class T> void check_logsumexp() {
    const T inf = T(infinity), none = T(not_a_number);
    const Array<T> x{{0, 0},       {T(1e4), T(1e4)}, {T(-1e4), T(-1e4)}, {-inf, 3},
                     {-inf, -inf}, {inf, 0},         {none, 0}};
    const auto [y, dx] = value_and_gradient<T>([](const auto& v) { return logsumexp(v, 1); }, x);
    CHECK(is_close(y(0), std::log(2.0)));
    CHECK(is_close(y(1), 1e4 + std::log(2.0)));
    CHECK(is_close(y(2), -1e4 + std::log(2.0)));
    CHECK(y(3) == 3);
    CHECK(y(4) == -inf);
    CHECK(y(5) == inf);
    CHECK(std::isnan(y(6)));
    for (const std::size_t row : {0u, 1u, 2u})
        CHECK(dx(row, 0) == doctest::Approx(0.5).epsilon(2e-3));
    CHECK(dx(3, 0) == 0);
    CHECK(dx(3, 1) == 1);
    CHECK(dx(4, 0) == 0);
    CHECK(dx(4, 1) == 0);
    CHECK(std::isnan(dx(5, 0)));
    CHECK(dx(5, 1) == 0);
    CHECK(std::isnan(dx(6, 0)));
    CHECK(std::isnan(dx(6, 1)));
    CHECK(logsumexp(Var<T>(zeros<T>({2, 0})), 1).value() == Array<T>{-inf, -inf});
}

template <class T> void check_norm() {
    const T inf = T(infinity), none = T(not_a_number);
    const T big = sizeof(T) == 4 ? T(1e38) : T(1e308);
    const T small = sizeof(T) == 4 ? T(1e-38) : T(1e-308);
    const Array<T> x{{3, 4},   {big, big}, {small, -small}, {0, 0},
                     {inf, 1}, {none, 1},  {big, small}};
    const auto [y, dx] = value_and_gradient<T>([](const auto& v) { return norm(v, 1); }, x);
    CHECK(y(0) == 5);
    CHECK(is_close(y(1), std::sqrt(2.0) * static_cast<double>(big)));
    CHECK(is_close(y(2), std::sqrt(2.0) * static_cast<double>(small)));
    CHECK(y(3) == 0);
    CHECK(y(4) == inf);
    CHECK(std::isnan(y(5)));
    CHECK(y(6) == big);
    CHECK(is_close(dx(0, 1), 0.8));
    CHECK(is_close(dx(1, 0), std::sqrt(0.5)));
    CHECK(is_close(dx(2, 1), -std::sqrt(0.5)));
    CHECK(dx(3, 0) == 0);
    CHECK(dx(4, 1) == 0);
    CHECK(std::isnan(dx(5, 0)));
    CHECK(std::isnan(dx(5, 1)));
}

template <class T> void check_max_of_nan() {
    const T none = T(not_a_number);
    const Array<T> x{{1, none, 3}, {1, 2, 2}, {none, none, none}};
    const auto [y, dx] = value_and_gradient<T>([](const auto& v) { return max(v, 1); }, x);
    CHECK(std::isnan(y(0)));
    for (const std::size_t row : {0u, 2u})
        for (const std::size_t column : {0u, 1u, 2u}) CHECK(std::isnan(dx(row, column)));
    CHECK(dx(1, 0) == 0);
    CHECK(dx(1, 1) == T(0.5));
    CHECK(dx(1, 2) == T(0.5));
    Parameter<T> w("w", Array<T>{1, 2});  // the loss is NaN: so is what it is trained by
    Tape<T> tape;
    tape.backward(max(log(w - 3) + w));
    CHECK(std::isnan(w.gradient()(0)));
    CHECK(std::isnan(w.gradient()(1)));
}

}  // namespace

TEST_CASE("numerics: logsumexp of extremes, of -inf alone and of nothing") {
    check_logsumexp<double>();
    check_logsumexp<float>();
}

TEST_CASE("numerics: the gradient of logsumexp is softmax, also far from 0") {
    for (const float far : {1e7F, -1e7F, 3e30F}) {
        const Array<float> x{{far, far + 1, far + 2}, {far, far, far}};
        const auto gradient =
            value_and_gradient<float>([](const auto& v) { return logsumexp(v, 1); }, x).second;
        const Array<float> shares = softmax(Var<float>(x), 1).value();
        for (std::size_t i = 0; i < x.size(); ++i)
            CHECK(gradient.data()[i] == doctest::Approx(shares.data()[i]).epsilon(1e-6));
    }
}

TEST_CASE("numerics: norm does not overflow before its value does, and has gradient 0 at 0") {
    check_norm<double>();
    check_norm<float>();
}

TEST_CASE("numerics: the gradient of max is NaN where max is") {
    check_max_of_nan<double>();
    check_max_of_nan<float>();
}

TEST_CASE("numerics: max finds NaN, or the largest, wherever it stands in a row or a column") {
    const auto largest = [](const Array<float>& x, int axis) {
        return max(Var<float>(x), axis).value();
    };
    for (const std::size_t n : {1u, 15u, 16u, 17u, 40u})
        for (std::size_t place = 0; place < n; ++place)
            for (const float found : {-1.0F, std::numeric_limits<float>::quiet_NaN()}) {
                Array<float> row = full<float>({n}, -2.0F);
                row(place) = found;
                const Array<float> columns = expand(reshaped(row, {n, 1}), {n, 19});
                const float of_row = largest(row, 0)();
                CHECK(same_or_both_nan(of_row, found));
                for (const float of_column : largest(columns, 0))
                    CHECK(same_or_both_nan(of_column, found));
            }
}

TEST_CASE("numerics: variance far from 0 keeps its digits") {
    Array<double> x{1e8 + 1, 1e8 + 2, 1e8 + 3};
    CHECK(is_close(variance(Var<double>(x)).item(), 2.0 / 3));
    CHECK(variance(Var<float>(full<float>({1000}, 0.1F))).item() < 1e-15F);
    CHECK(variance(Var<double>(Array<double>{{1, 3}, {2, 2}}), 1).value() == Array<double>{1, 0});
    CHECK(refusal([] {
              variance(Var<double>(zeros<double>({2, 0})), 1);
          }).find("variance: the variance of no entries") == 0);
}

TEST_CASE("numerics: what a repeated id adds up to is as exact as any sum") {
    const std::size_t n = 1'000'000;
    const double exact = static_cast<double>(0.1F) * static_cast<double>(n);
    Parameter<float> table("table", zeros<float>({300, 2})), row("row", zeros<float>({1, 3}));
    auto ids = empty<std::int64_t>({2 * n});
    for (std::size_t i = 0; i < n; ++i) {  // ids that differ in their upper byte alone
        ids(2 * i) = 1;
        ids(2 * i + 1) = 257;
    }
    Tape<float> tape;
    tape.backward(embedding(table, ids), full<float>({2 * n, 2}, 0.1F));
    Tape<float> other;
    const Var<float> picked = gather(row, 1, full<std::int64_t>({1, n}, 2));
    other.backward(picked, full<float>({1, n}, 0.1F));
    const Array<float>& sums = table.gradient();
    for (const float sum :
         {sums(1, 0), sums(1, 1), sums(257, 0), sums(257, 1), row.gradient()(0, 2)}) {
        const double error = std::abs(static_cast<double>(sum) - exact) / exact;
        CHECK_MESSAGE(error < 1e-7, error);
    }
    CHECK(table.gradient()(0, 0) == 0);
    CHECK(row.gradient()(0, 1) == 0);
}

TEST_CASE("numerics: embedding and gather add what each id stands for, whatever the order of ids") {
    const std::size_t V = 200, d = 33, n = 1000;
    Ids ids = empty<std::int64_t>({n});
    for (std::size_t i = 0; i < n; ++i)
        ids(i) = static_cast<std::int64_t>(Random(1, "ids").below(i, V / 2) * 2);
    const auto dy = normal<double>(Random(2, "ids"), {n, d});
    auto expected = zeros<double>({V, d});
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < d; ++j)
            expected(static_cast<std::size_t>(ids(i)), j) += dy(i, j);
    Parameter<double> by_row("by_row", zeros<double>({V, d}));
    Parameter<double> by_entry("by_entry", zeros<double>({V, d}));
    Tape<double> tape;
    tape.backward(embedding(by_row, ids), dy);
    Tape<double> other;
    auto wide = empty<std::int64_t>({n, d});
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < d; ++j) wide(i, j) = ids(i);
    other.backward(gather(by_entry, 0, wide), dy);
    for (std::size_t i = 0; i < V; ++i)
        for (std::size_t j = 0; j < d; ++j) {
            CHECK(std::abs(by_row.gradient()(i, j) - expected(i, j)) < 1e-12);
            CHECK(std::abs(by_entry.gradient()(i, j) - expected(i, j)) < 1e-12);
        }
}

TEST_CASE("numerics: cumsum loses nothing") {
    const std::size_t n = (1 << 24) + 2;
    const auto [y, dx] =
        value_and_gradient<float>([](const auto& x) { return cumsum(x, 0); }, full<float>({n}, 1));
    CHECK(y(n - 1) == static_cast<float>(n));
    CHECK(dx(0) == static_cast<float>(n));
    CHECK(dx(n - 1) == 1);
}

TEST_CASE("numerics: ops along an axis refuse what they cannot do, in one form") {
    const Var<double> x = zeros<double>({2, 3});
    CHECK(rule_of([&] {
              gather(x, 1, Ids{{0, 3}, {0, 0}});
          }) == "gather: an id must be in [0, n): x (2,3), ids (2,2): id 3 at (0,1), n 3");
    CHECK(rule_of([&] {
              gather(x, 0, Ids{{0, 1}});
          }) ==
          "gather: ids must have the axes of x, and its extents but along the axis: x (2,3), ids "
          "(1,2): axis 0");
    CHECK(contains(rule_of([&] { gather(x, 0, Ids{0, 1}); }), "ids (2): axis 0"));
    CHECK(rule_of([&] { clamp(x, 2, 1); }) ==
          "clamp: low must be at most high: x (2,3): low 2, high 1");
    CHECK(contains(rule_of([&] { clamp(x, not_a_number, 1); }), "low nan"));
    CHECK(rule_of([&] { pad(x, 0, -1, 0); }) ==
          "pad: before and after must be 0 to 2^60: x (2,3): before -1, after 0");
    CHECK(rule_of([&] {
              pad(x, 0, 0, (std::ptrdiff_t{1} << 60) + 1);
          }).starts_with("pad: before and after must be 0 to"));
    CHECK(rule_of([&] {
              concat({x, Var<double>(zeros<double>({2}))}, 1);
          }) == "concat: all axes but the joined one must agree: first (2,3), x (2): axis 1");
    CHECK(rule_of([&] { matmul(x, Var<double>(zeros<double>({3}))); }) ==
          "matmul: a and b must have two axes or more: a (2,3), b (3)");
    CHECK(rule_of([&] {
              max(Var<double>(zeros<double>({2, 0})), 1);
          }) == "max: the largest of no entries is not defined: x (2,0)");
    CHECK(max(Var<double>(zeros<double>({0, 2})), 1).shape() == Shape{0});
    const Ids row{{0, 0}};
    const std::vector<std::function<void()>> actions{
        [&] { cumsum(x, 2); },     [&] { flip(x, -3); }, [&] { pad(x, 2, 0, 0); },
        [&] { logsumexp(x, 2); },  [&] { norm(x, -3); }, [&] { variance(x, 2); },
        [&] { gather(x, 2, row); }};
    for (const auto& action : actions)
        CHECK(contains(rule_of(action), "an axis must be in [-rank, rank)"));
}

TEST_CASE("numerics: where a norm overflows its gradient does not vanish") {
    Parameter<float> x("x", Array<float>{3e38F, 3e38F});
    Tape<float> tape;
    const Var<float> y = norm(x);
    tape.backward(y);
    CHECK(std::isinf(y.item()));
    for (const float g : x.gradient()) CHECK(std::abs(g - std::sqrt(0.5F)) < 1e-6F);
}
