// How sums and numbers may be written down, in both number types. That it compiles is half of the
// test.
#include <doctest/doctest.h>

#include <sstream>

#include "core/array/random.hpp"
#include "core/ops.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;
using taper::tests::refusal;

namespace {

template <class T> Array<T> array(std::initializer_list<double> numbers) {
    auto x = empty<T>({numbers.size()});
    std::copy(numbers.begin(), numbers.end(), x.begin());
    return x;
}

template <class T> void check_arrays_beside_vars() {
    using A = Array<T>;
    Parameter<T> w("w", A{1, 2});
    Var<T> v = A{3, 5};
    const A a{2, 4};
    Tape<T> tape;
    const auto sums = w + a, differences = w - a, products = w * a, quotients = w / a;
    const auto sums_2 = a + w, differences_2 = a - w, products_2 = a * w, quotients_2 = a / w;
    static_assert(std::is_same_v<decltype(w + a), Var<T>>);
    static_assert(std::is_same_v<decltype(A{1, 2} / v), Var<T>>);
    static_assert(!std::is_same_v<decltype(a + a), Var<T>>);
    CHECK(sums.value() == A{3, 6});
    CHECK(differences.value() == A{-1, -2});
    CHECK(products.value() == A{2, 8});
    CHECK(quotients.value() == A{T(0.5), T(0.5)});
    CHECK(sums_2.value() == A{3, 6});
    CHECK(differences_2.value() == A{1, 2});
    CHECK(products_2.value() == A{2, 8});
    CHECK(quotients_2.value() == A{2, 2});
    CHECK((v * A{2, 3}).value() == A{6, 15});
    CHECK(((a + a) * v).value() == A{12, 40});  // an expression of xtensor's
    CHECK((v - a * a).value() == A{-1, -11});
    const Var<T> total = sum(w * A{2, 3});
    CHECK(total.item() == 8);
    CHECK(tape.records().back().source.line == __LINE__ - 2);
    CHECK(tape.records()[tape.records().size() - 2].source.line == __LINE__ - 3);
    tape.backward(total);
    CHECK(w.gradient() == A{2, 3});
    CHECK(maximum(v, A{4, 4}).value() == A{4, 5});
    CHECK(maximum(A{4, 4}, v).value() == A{4, 5});
    CHECK(minimum(A{4, 4}, v).value() == A{3, 4});
    CHECK(add(v, A{1, 1}).value() == A{4, 6});
    CHECK(sub(v, A{1, 1}).value() == A{2, 4});
    CHECK(mul(v, A{2, 3}).value() == A{6, 15});
    CHECK(div(v, A{2, 5}).value() == A{T(1.5), 1});
    CHECK(pow(v, A{2, 1}).value() == A{9, 5});
    CHECK(minimum(v, A{4, 4}).value() == A{3, 4});
    CHECK(select(Mask{true, false}, v, A{7, 7}).value() == A{3, 7});
    CHECK(pow(A{2, 1}, v).value() == A{8, 1});
    CHECK(select(Mask{true, false}, A{7, 7}, v).value() == A{7, 5});
}

template <class T> void check_numbers_and_braces() {
    using A = Array<T>;
    Parameter<T> w("w", A{1, 2});
    const Var<T> v = A{-3, 5};
    CHECK(add(v, 1).value() == A{-2, 6});
    CHECK(sub(v, 1).value() == A{-4, 4});
    CHECK(mul(v, 2).value() == A{-6, 10});
    CHECK(div(v, 2).value() == A{T(-1.5), T(2.5)});
    CHECK((1 - v).value() == A{4, -4});
    CHECK(pow(2.0, v).value() == A{T(0.125), 32});
    CHECK(pow(2, w).value() == A{2, 4});
    CHECK(pow(v, 2).value() == A{9, 25});
    CHECK(maximum(0, v).value() == A{0, 5});
    CHECK(maximum(v, 0).value() == A{0, 5});
    CHECK(minimum(0.5, v).value() == A{-3, T(0.5)});
    CHECK(minimum(v, 0).value() == A{-3, 0});
    CHECK(select(Mask{true, false}, 1.0, v).value() == A{1, 5});
    CHECK(select(Mask{true, false}, v, 0).value() == A{-3, 0});
    CHECK(select(v.value() > T(0), v, w).value() == A{1, 5});
    CHECK(concat({w, v}, 0).value() == A{1, 2, -3, 5});
    CHECK(concat({w, w + 1}, -1).value() == A{1, 2, 2, 3});
    CHECK(stack({v, w}, 0).value() == A{{-3, 5}, {1, 2}});
    CHECK(stack({w}, 1).shape() == Shape{2, 1});
    const Var<T> matrix = A{{1, 2, 3}, {4, 6, 8}};
    CHECK(sum(matrix, 0).value() == A{5, 8, 11});
    CHECK(sum(matrix, {0, 1}).item() == 24);
    CHECK(mean(matrix, -1).value() == A{2, 6});
    CHECK(max(matrix, 1).value() == A{3, 8});
    CHECK(max(matrix, 1, KeepDims::yes).shape() == Shape{2, 1});
    const std::size_t rows = 3;
    CHECK(reshape(matrix, {rows, 2}).value() == A{{1, 2}, {3, 4}, {6, 8}});
    CHECK(reshape(Var<T>(A{5}), {}).shape() == Shape{});
    CHECK(transpose(matrix).value() == A{{1, 4}, {2, 6}, {3, 8}});
    CHECK(reshape(transpose(matrix), matrix.shape()).value() == A{{1, 4, 2}, {6, 3, 8}});
    CHECK(transpose(Var<T>(zeros<T>({2, 3, 4}))).shape() == Shape{4, 3, 2});  // as in NumPy
    CHECK(transpose(Var<T>(3)).shape() == Shape{});
}

template <class T> void check_rebinding() {
    using A = Array<T>;
    Parameter<T> w("w", A{1, 2});
    Tape<T> tape;
    Var<T> a = w;
    const Var<T> before = a;
    a += w;
    a *= 3;
    a -= A{1, 1};
    a /= T(2);
    CHECK(a.value() == A{T(2.5), T(5.5)});
    CHECK(before.value() == A{1, 2});
    CHECK(w.value() == A{1, 2});
    CHECK(tape.records().back().source.line == __LINE__ - 4);
    tape.backward(sum(a));
    CHECK(w.gradient() == A{3, 3});
}

template <class T> std::string shown(const Var<T>& x) {
    std::ostringstream out;
    out << x;
    return out.str();
}

}  // namespace

TEST_CASE(
    "notation: an Array beside a Var is a constant, on both sides, and the line is the caller's") {
    check_arrays_beside_vars<float>();
    check_arrays_beside_vars<double>();
}

TEST_CASE("notation: numbers on either side, an axis alone, Vars in braces") {
    check_numbers_and_braces<float>();
    check_numbers_and_braces<double>();
}

static_assert(std::is_convertible_v<int, Axes> && std::is_convertible_v<std::vector<int>, Axes>);
static_assert(!std::is_convertible_v<double, Axes> && !std::is_convertible_v<float, Axes>);
static_assert(!std::is_convertible_v<bool, Axes>);
static_assert(!std::is_convertible_v<double, Extents>);

TEST_CASE("notation: a += b makes a another Var") {
    check_rebinding<float>();
    check_rebinding<double>();
}

TEST_CASE("notation: a Var is written as its shape and its numbers, of many the ends") {
    CHECK(shown(Var<double>(0.1)) == "() 0.1");
    CHECK(shown(Var<float>(Array<float>{{1, 2, -3}, {0.5F, 1e-9F, 1e20F}})) ==
          "(2,3) {{1, 2, -3}, {0.5, 1e-09, 1e+20}}");
    CHECK(shown(Var<double>(Array<double>{1.0 / 3, -NAN, INFINITY})) == "(3) {0.333333, nan, inf}");
    CHECK(shown(Var<double>(zeros<double>({0, 3}))) == "(0,3) {}");
    CHECK(shown(Parameter<double>("w", Array<double>{1, 2})) == "(2) {1, 2}");
    auto counting = empty<double>({101});
    for (std::size_t i = 0; i < 101; ++i) counting(i) = static_cast<double>(i);
    CHECK(shown(Var<double>(counting)) == "(101) {0, 1, ..., 99, 100}");
    CHECK(shown(Var<double>(zeros<double>({40, 3}))) ==
          "(40,3) {{0, 0, 0}, {0, 0, 0}, ..., {0, 0, 0}, {0, 0, 0}}");
    CHECK(shown(Var<float>(zeros<float>({100, 100, 100}))).size() < 400);
    CHECK(to_string(Ids{3, -1}) == "(2) {3, -1}");
    CHECK(to_string(Mask{true, false}) == "(2) {true, false}");
}

TEST_CASE(
    "notation: an axis or an extent may be of any whole type, and none that went below 0 is a -1") {
    const Var<double> x = Array<double>{{1, 2, 3}, {4, 5, 6}};
    for (const std::size_t axis : {0u, 1u}) {
        CHECK(sum(x, axis).value() == sum(x, static_cast<int>(axis)).value());
        CHECK(sum(x, Axes(axis)).value() == sum(x, {static_cast<int>(axis)}).value());
    }
    CHECK_THROWS_AS(sum(x, std::size_t{2}), Error);
    CHECK_THROWS_AS(sum(x, std::size_t{0} - 1), Error);
    CHECK(reshape(x, {std::size_t{3}, -1}).shape() == Shape{3, 2});
    const std::size_t below = std::size_t{0} - 1;
    for (const Extents& extents : {Extents{below, 3}, Extents{3u, below}, Extents(Shape{below, 3})})
        CHECK(refusal([&] {
                  reshape(x, extents);
              }).starts_with("reshape: extents must be 0 or more, and one may be -1"));
}

TEST_CASE("notation: Ids of one column") {
    CHECK(reshaped(Ids{3, 1}, {2, 1}).shape() == Shape{2, 1});
    CHECK(Ids{{3, 1}, {2, 0}}.shape() == Shape{2, 2});
    CHECK(reshaped(Ids{3, 1}, {2, 1})(1, 0) == 1);
}
