// The helpers that ops are made of, against plain loops in double, at shapes beyond each of their
// vectors, strips, tiles and chunks, with odd rests.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "core/array/random.hpp"
#include "core/kernels/map.hpp"
#include "core/ops.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;

namespace {

// Entry `flat` of an array of shape `to`, as the entry of one of shape `from` that was repeated
// into it.
std::size_t repeated_from(const Shape& from, const Shape& to, std::size_t flat) {
    std::size_t entry = 0, stride = 1;
    for (std::size_t i = 1; i <= to.size(); ++i) {
        const std::size_t index = flat % to[to.size() - i];
        flat /= to[to.size() - i];
        if (i > from.size()) continue;
        const std::size_t extent = from[from.size() - i];
        entry += (extent == 1 ? 0 : index) * stride;
        stride *= extent;
    }
    return entry;
}

// A sum, and that of its terms without their signs, which says how far roundings may lead.
struct Sum {
    double exact = 0, magnitude = 0;

    void add(double term) {
        exact += term;
        magnitude += std::abs(term);
    }
    // False for NaN.
    template <class T> bool is(T value) const {
        const double rounding = static_cast<double>(std::numeric_limits<T>::epsilon());
        return std::abs(static_cast<double>(value) - exact) <= 8 * rounding * magnitude;
    }
};

template <class T> void check_row_helpers() {
    for (std::size_t n = 1; n <= 70; ++n) {
        Array<T> x = empty<T>({n});
        double total = 0;
        for (std::size_t i = 0; i < n; ++i) {
            x(i) = static_cast<T>(i + 1);
            total += static_cast<double>(i + 1);
        }
        CHECK(static_cast<double>(sum_row(
                  n, [](auto v) { return v; }, x.data())) == total);
        CHECK(static_cast<double>(sum_row(
                  n, [](auto v, auto w) { return v - w; }, x.data(), x.data())) == 0);
        auto y = full<T>({n + 1}, T(-7));
        map_row(
            y.data(), n, [](auto v) { return v + v; }, x.data());
        for (std::size_t i = 0; i < n; ++i) CHECK(y(i) == T(2) * x(i));
        CHECK(y(n) == T(-7));  // nothing is written behind the row
        for (std::size_t place = 0; place < n; ++place) {
            auto row = full<T>({n}, T(-3));
            row(place) = T(-2);
            CHECK(max_row(n, row.data()) == T(-2));
        }
    }
}

template <class T> void check_softmax_of_one_peak() {
    for (std::size_t n = 1; n <= 40; ++n)
        for (std::size_t place = 0; place < n; ++place) {
            auto x = zeros<T>({n});
            x(place) = T(1000);
            const Array<T> y = softmax(Var<T>(x)).value();
            for (std::size_t i = 0; i < n; ++i) CHECK(y(i) == (i == place ? T(1) : T(0)));
        }
}

template <class T> void check_sum_axes() {
    for (const std::size_t outer : {1u, 3u})
        for (const std::size_t m : {1u, 2u, 15u, 17u, 300u, 1031u})
            for (const std::size_t inner : {1u, 2u, 17u, 127u, 129u, 255u, 256u, 257u, 523u}) {
                const auto x = normal<T>(Random(1, "sum_axes"), {outer, m, inner});
                const Array<T> y = sum_axes(x, {false, true, false});
                REQUIRE(y.shape() == Shape{outer, 1, inner});
                bool all = true;
                for (std::size_t o = 0; o < outer; ++o)
                    for (std::size_t i = 0; i < inner; ++i) {
                        Sum sum;
                        for (std::size_t j = 0; j < m; ++j)
                            sum.add(static_cast<double>(x(o, j, i)));
                        all = all && sum.is(y(o, 0, i));
                    }
                CHECK_MESSAGE(all, to_string(x.shape()));
            }
}

const std::vector<std::pair<Shape, Shape>>& repeated_shapes() {
    static const std::vector<std::pair<Shape, Shape>> shapes = {
        {{1, 3, 5}, {4, 3, 5}},
        {{1, 3, 1}, {4, 3, 257}},
        {{4, 1, 300}, {4, 3, 300}},
        {{1, 3, 300}, {4, 3, 300}},
        {{3, 1, 257}, {3, 131, 257}},
        {{1, 3, 7, 5}, {4, 3, 7, 5}},
        {{300}, {71, 300}},
        {{1, 1, 17}, {5, 9, 17}},
        {{17, 1}, {17, 1031}},
        {{}, {129, 130}},
        {{1, 131, 1, 9}, {3, 131, 7, 9}},
        {{2, 1, 130, 1}, {2, 5, 130, 3}},
    };
    return shapes;
}

template <class T> void check_expand_and_sum_to() {
    for (const auto& [from, to] : repeated_shapes()) {
        const std::string title = to_string(from) + " to " + to_string(to);
        INFO(title);
        const auto x = normal<T>(Random(1, "expand"), from);
        const Array<T> y = expand(x, to);
        REQUIRE(y.shape() == to);
        const auto dy = normal<T>(Random(2, "expand"), to);
        std::vector<Sum> sums(x.size());
        bool same = true;
        for (std::size_t i = 0; i < y.size(); ++i) {
            const std::size_t entry = repeated_from(from, to, i);
            same = same && y.data()[i] == x.data()[entry];
            sums[entry].add(static_cast<double>(dy.data()[i]));
        }
        CHECK(same);
        const Array<T> dx = sum_to(dy, from);
        REQUIRE(dx.shape() == from);
        bool all = true;
        for (std::size_t i = 0; i < dx.size(); ++i) all = all && sums[i].is(dx.data()[i]);
        CHECK(all);
    }
}

template <class T> void check_zip() {
    std::vector<std::pair<Shape, Shape>> pairs = repeated_shapes();
    const std::vector<std::pair<Shape, Shape>> broadcast_both_ways = {
        {{1, 3, 129}, {4, 1, 129}}, {{1, 3, 17}, {4, 3, 1}}, {{16411}, {3, 16411}},
        {{20011}, {20011}},         {{129, 1}, {1, 130}},    {{3, 5, 17}, {1, 5, 17}},
    };
    pairs.insert(pairs.end(), broadcast_both_ways.begin(), broadcast_both_ways.end());
    for (const auto& [first, second] : pairs)
        for (const bool swapped : {false, true}) {
            const Shape &a = swapped ? second : first, &b = swapped ? first : second;
            INFO(to_string(a), " with ", to_string(b));
            const auto x = normal<T>(Random(1, "zip"), a);
            const auto z = normal<T>(Random(2, "zip"), b);
            const Array<T> y = zip([](auto v, auto w) { return v - w; }, "zip", x, z);
            REQUIRE(y.shape() == broadcast_shape("zip", {"a", a}, {"b", b}));
            bool same = true;
            for (std::size_t i = 0; i < y.size(); ++i)
                same = same && y.data()[i] == x.data()[repeated_from(a, y.shape(), i)] -
                                                  z.data()[repeated_from(b, y.shape(), i)];
            CHECK(same);
        }
}

template <class T> void check_permuted() {
    const std::vector<std::pair<Shape, std::vector<std::size_t>>> permutations = {
        {{130, 257}, {1, 0}},      {{3, 17, 33}, {2, 0, 1}},  {{3, 131, 5, 33}, {0, 2, 1, 3}},
        {{17, 1, 131}, {2, 1, 0}}, {{131, 17, 1}, {1, 0, 2}}, {{5, 3, 19, 2, 33}, {3, 4, 0, 2, 1}},
        {{7, 1, 1}, {1, 2, 0}},
    };
    for (const auto& [shape, axes] : permutations) {
        const std::string title = to_string(shape);
        const auto x = normal<T>(Random(1, "permuted"), shape);
        const Array<T> y = permuted(x, axes);
        bool same = true;
        for (std::size_t flat = 0; flat < y.size(); ++flat) {
            std::size_t rest = flat, entry = 0;
            for (std::size_t i = axes.size(); i > 0; --i) {
                const std::size_t axis = i - 1;
                std::size_t stride = 1;
                for (std::size_t j = axes[axis] + 1; j < shape.size(); ++j) stride *= shape[j];
                entry += rest % y.shape(axis) * stride;
                rest /= y.shape(axis);
            }
            same = same && y.data()[flat] == x.data()[entry];
        }
        CHECK_MESSAGE(same, title);
    }
    for (const Shape& shape :
         std::vector<Shape>{{1, 1}, {15, 17}, {130, 257}, {3, 33, 1031}, {7, 100, 3}}) {
        const auto x = normal<T>(Random(1, "transposed"), shape);
        const Array<T> y = matrices_transposed(x);
        const std::size_t rows = shape[shape.size() - 2];
        const std::size_t columns = shape.back();
        const std::size_t size = rows * columns;
        bool same = true;
        for (std::size_t i = 0; i < x.size(); ++i) {
            const std::size_t r = i % size / columns, c = i % columns;
            same = same && x.data()[i] == y.data()[i / size * size + c * rows + r];
        }
        CHECK_MESSAGE(same, to_string(shape));
    }
}

// dW and db are sums over all rows, in parts of unequal length.
template <class T> void check_sums_over_rows() {
    for (const std::size_t rows : {1u, 255u, 257u, 515u, 1030u, 2055u, 2311u})
        for (const std::size_t out : {1u, 2u, 127u, 129u, 257u, 300u}) {
            const std::size_t in = 3;
            const auto x = normal<T>(Random(1, "x"), {rows, in});
            const auto dy = normal<T>(Random(2, "dy"), {rows, out});
            Parameter<T> W("W", zeros<T>({out, in})), b("b", zeros<T>({out}));
            Tape<T> tape;
            tape.backward(linear(Var<T>(x), W, b), dy);
            bool all = true;
            for (std::size_t j = 0; j < out; ++j) {
                Sum db, dW[in];
                for (std::size_t r = 0; r < rows; ++r) {
                    db.add(static_cast<double>(dy(r, j)));
                    for (std::size_t i = 0; i < in; ++i)
                        dW[i].add(static_cast<double>(dy(r, j)) * static_cast<double>(x(r, i)));
                }
                all = all && db.is(b.gradient()(j));
                for (std::size_t i = 0; i < in; ++i) all = all && dW[i].is(W.gradient()(j, i));
            }
            CHECK_MESSAGE(all, rows << std::string(" rows, ") << out << std::string(" columns"));
        }
}

}  // namespace

TEST_CASE("array: rows of every length are read to their last entry and no further") {
    check_row_helpers<double>();
    check_row_helpers<float>();
}

TEST_CASE("array: softmax of zeros and one 1000 is that one, wherever it stands") {
    check_softmax_of_one_peak<double>();
    check_softmax_of_one_peak<float>();
}

TEST_CASE("array: sum_axes equals plain sums beyond its strips and lanes") {
    check_sum_axes<double>();
    check_sum_axes<float>();
}

TEST_CASE("array: expand repeats and sum_to is its adjoint, whichever axes are repeated") {
    check_expand_and_sum_to<double>();
    check_expand_and_sum_to<float>();
}

TEST_CASE("array: zip of shapes that broadcast, in both orders, equals a plain loop") {
    check_zip<double>();
    check_zip<float>();
}

TEST_CASE("array: permuted and transposed beyond a tile, with odd rests") {
    check_permuted<double>();
    check_permuted<float>();
}

TEST_CASE("array: sums over rows equal plain sums beyond every strip and part") {
    check_sums_over_rows<double>();
    check_sums_over_rows<float>();
}

TEST_CASE("array: all stand on 64 bytes, so that xtensor computes the same bits wherever one is") {
    std::vector<std::unique_ptr<char[]>> between;  // other blocks of every size
    std::vector<Array<double>> arrays;
    const auto address = [](const auto& array) {
        return reinterpret_cast<std::uintptr_t>(array.data());
    };
    for (std::size_t i = 0; i < 200; ++i) {
        between.push_back(std::make_unique<char[]>(8 + i * 24 % 200));
        arrays.emplace_back(normal<double>(Random(1, "aligned"), {15}));
        CHECK(address(arrays.back()) % 64 == 0);
        CHECK(address(empty<float>({i * 20 + 1})) % 64 == 0);
        CHECK(address(Mask(Shape{i + 1}, true)) % 64 == 0);
        const Array<double> y = xt::exp(arrays.back()), first = xt::exp(arrays.front());
        CHECK(y == first);
    }
}

TEST_CASE("array: another shape is one of as many entries") {
    CHECK(reshaped(Array<double>{1, 2, 3, 4, 5, 6}, {2, 3}) == Array<double>{{1, 2, 3}, {4, 5, 6}});
    CHECK(tests::refusal([] {
              reshaped(Array<double>{1, 2, 3}, {2, 2});
          }) == "reshaped: the number of entries must stay the same: x (3), wanted (2,2)");
}
