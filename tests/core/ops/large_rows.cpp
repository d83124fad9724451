// Ops over rows against plain loops in double, in shapes beyond each of their chunks (16384
// entries), strips (128, 256) and vectors, with odd rests.
#include <doctest/doctest.h>

#include <cmath>

#include "core/ops.hpp"
#include "tests/support/chance.hpp"
#include "tests/support/results.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

std::string title_of(const char* op, const Shape& shape) { return op + (" " + to_string(shape)); }

// Rows of 1 to 40 entries, of some vectors and a rest, of many; and more rows than a chunk and a
// strip have.
const std::vector<Shape>& row_shapes() {
    static const std::vector<Shape> shapes = [] {
        std::vector<Shape> all;
        for (std::size_t n = 1; n <= 40; ++n) all.push_back({3, n});
        for (const auto& [rows, n] :
             {std::pair{2, 127}, {2, 255}, {700, 33}, {517, 131}, {2, 1001}, {3, 20'003}})
            all.push_back({static_cast<std::size_t>(rows), static_cast<std::size_t>(n)});
        return all;
    }();
    return shapes;
}

}  // namespace

TEST_CASE("large: softmax and log_softmax of rows of every length equal a plain loop") {
    for (const Shape& shape : row_shapes()) {
        const Array<double> x = drawn("x", shape), dy = cotangent<double>(shape);
        auto p = empty<double>(shape), log_p = p, dx = p, dlog = p;
        const std::size_t n = shape[1];
        for (std::size_t begin = 0; begin < x.size(); begin += n) {
            const std::size_t end = begin + n;
            double total = 0, inner = 0, sum = 0;
            for (std::size_t i = begin; i < end; ++i) total += std::exp(x.data()[i]);
            for (std::size_t i = begin; i < end; ++i) {
                p.data()[i] = std::exp(x.data()[i]) / total;
                log_p.data()[i] = x.data()[i] - std::log(total);
                inner += p.data()[i] * dy.data()[i];
                sum += dy.data()[i];
            }
            for (std::size_t i = begin; i < end; ++i) {
                dx.data()[i] = p.data()[i] * (dy.data()[i] - inner);
                dlog.data()[i] = dy.data()[i] - p.data()[i] * sum;
            }
        }
        if (n == 1) {  // no more than a rounding of 0
            CHECK(softmax(Var<double>(x)).value() == full<double>(shape, 1));
            CHECK(log_softmax(Var<float>(converted<float>(x))).value() == zeros<float>(shape));
            continue;
        }
        check_results(title_of("softmax", shape), [](const auto& v) { return softmax(v[0]); }, {x},
                      {p, dx});
        check_results(title_of("log_softmax", shape),
                      [](const auto& v) { return log_softmax(v[0]); }, {x}, {log_p, dlog});
    }
}

TEST_CASE("large: softmax finds the largest entry wherever it stands") {
    const auto at_every_place = [](auto zero) {
        using T = decltype(zero);
        for (std::size_t n = 1; n <= 70; ++n)
            for (std::size_t place = 0; place < n; ++place) {
                auto x = zeros<T>({n}), one = zeros<T>({n});
                x(place) = 1000;
                one(place) = 1;
                CHECK(softmax(Var<T>(x)).value() == one);
                CHECK(log_softmax(Var<T>(x)).value()(place) == 0);
                Ids target({1}, static_cast<std::int64_t>(place));
                CHECK(cross_entropy(Var<T>(reshaped(x, {1, n})), target).item() == 0);
            }
    };
    at_every_place(double{});
    at_every_place(float{});
}

TEST_CASE("large: layer_norm equals a plain loop, with the sums over many rows") {
    for (const Shape& shape : row_shapes()) {
        const std::size_t d = shape[1];
        if (d < 3) continue;  // the rows are nearly constant, and their variance is a rounding
        const double N = static_cast<double>(d);
        const Array<double> x = drawn("x", shape);
        const Array<double> gain = drawn("gain", {d});
        const Array<double> bias = drawn("bias", {d});
        const Array<double> dy = cotangent<double>(shape);
        auto y = empty<double>(shape), dx = y, dgain = zeros<double>({d}), dbias = dgain;
        std::vector<double> z(d), g(d);
        for (std::size_t row = 0; row < shape[0]; ++row) {
            double mean = 0, variance = 0, mean_g = 0, mean_gz = 0;
            for (std::size_t i = 0; i < d; ++i) mean += x(row, i) / N;
            for (std::size_t i = 0; i < d; ++i)
                variance += (x(row, i) - mean) * (x(row, i) - mean) / N;
            const double r = 1 / std::sqrt(variance + 1e-5);
            for (std::size_t i = 0; i < d; ++i) {
                z[i] = (x(row, i) - mean) * r;
                g[i] = dy(row, i) * gain(i);
                y(row, i) = z[i] * gain(i) + bias(i);
                mean_g += g[i] / N;
                mean_gz += g[i] * z[i] / N;
                dgain(i) += dy(row, i) * z[i];
                dbias(i) += dy(row, i);
            }
            for (std::size_t i = 0; i < d; ++i) dx(row, i) = r * (g[i] - mean_g - z[i] * mean_gz);
        }
        check_results(title_of("layer_norm", shape),
                      [](const auto& v) { return layer_norm(v[0], v[1], v[2]); }, {x, gain, bias},
                      {y, dx, dgain, dbias});
    }
}

TEST_CASE("large: cross_entropy of many rows equals a plain loop") {
    for (const Shape& shape : {Shape{1501, 203}, Shape{37, 1}, Shape{9, 3001}, Shape{20'011, 3}}) {
        const std::size_t rows = shape[0], V = shape[1];
        const Array<double> x = drawn("x", shape);
        Ids targets = empty<std::int64_t>({rows});
        double counted = 0, loss = 0;
        for (std::size_t row = 0; row < rows; ++row) {
            const bool is_counted = row % 5 != 0;
            const auto target = static_cast<std::int64_t>(Random(1, "targets").below(row, V));
            targets(row) = is_counted ? target : ignore_index;
            counted += is_counted;
        }
        const double seed = cotangent<double>({})();
        auto dx = zeros<double>(shape);
        for (std::size_t row = 0; row < rows; ++row) {
            if (targets(row) == ignore_index) continue;
            const auto target = static_cast<std::size_t>(targets(row));
            double total = 0;
            for (std::size_t i = 0; i < V; ++i) total += std::exp(x(row, i));
            loss += (std::log(total) - x(row, target)) / counted;
            for (std::size_t i = 0; i < V; ++i)
                dx(row, i) = (std::exp(x(row, i)) / total - (i == target)) / counted * seed;
        }
        if (V == 1) {
            CHECK(cross_entropy(Var<double>(x), targets).item() == 0);
            continue;
        }
        check_results(title_of("cross_entropy", shape),
                      [=](const auto& v) { return cross_entropy(v[0], targets); }, {x},
                      {full<double>({}, loss), dx});
    }
}

TEST_CASE("large: sums over either axis of many rows and columns equal a plain loop") {
    for (const Shape& shape : {Shape{2049, 257}, Shape{511, 130}, Shape{257, 513}, Shape{70'001, 1},
                               Shape{1, 70'001}, Shape{1000, 17}}) {
        const Array<double> x = drawn("x", shape), row = drawn("row", {shape[1]});
        auto columns = zeros<double>({shape[1]}), rows = zeros<double>({shape[0]}), shifted = x;
        const Array<double> dy = cotangent<double>(shape);
        const Array<double> d_columns = cotangent<double>({shape[1]});
        const Array<double> d_rows = cotangent<double>({shape[0]});
        auto from_columns = empty<double>(shape);
        auto from_rows = from_columns;
        auto d_row = zeros<double>({shape[1]});
        for (std::size_t i = 0; i < shape[0]; ++i)
            for (std::size_t j = 0; j < shape[1]; ++j) {
                columns(j) += x(i, j);
                rows(i) += x(i, j);
                shifted(i, j) += row(j);
                from_columns(i, j) = d_columns(j);
                from_rows(i, j) = d_rows(i);
                d_row(j) += dy(i, j);
            }
        check_results(title_of("sum over rows", shape),
                      [](const auto& v) { return sum(v[0], {0}); }, {x}, {columns, from_columns});
        check_results(title_of("sum over columns", shape),
                      [](const auto& v) { return sum(v[0], {1}); }, {x}, {rows, from_rows});
        check_results(title_of("a row under a matrix", shape),
                      [](const auto& v) { return v[0] + v[1]; }, {x, row}, {shifted, dy, d_row});
    }
}

TEST_CASE("large: embedding adds up the gradients of an id that comes often") {
    const std::size_t V = 11, d = 129, rows = 3001;
    Ids ids = empty<std::int64_t>({rows});
    for (std::size_t i = 0; i < rows; ++i)
        ids(i) = static_cast<std::int64_t>(Random(1, "ids").below(i, V));
    const Array<double> table = drawn("table", {V, d}), dy = cotangent<double>({rows, d});
    auto y = empty<double>({rows, d}), dtable = zeros<double>({V, d});
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < d; ++j) {
            const auto id = static_cast<std::size_t>(ids(i));
            y(i, j) = table(id, j);
            dtable(id, j) += dy(i, j);
        }
    check_results("embedding", [=](const auto& v) { return embedding(v[0], ids); }, {table},
                  {y, dtable});
}

TEST_CASE("large: elementwise ops reach every entry of every chunk") {
    for (const std::size_t size : {16'383U, 16'384U, 16'385U, 50'001U}) {
        const Array<double> a = drawn("a", {size});
        const Array<double> b = drawn("b", {size});
        const Array<double> dy = cotangent<double>({size});
        auto y = a, da = a, db = a;
        for (std::size_t i = 0; i < size; ++i) {
            const double e = std::exp(b(i));
            y(i) = a(i) * e;
            da(i) = dy(i) * e;
            db(i) = dy(i) * a(i) * e;
        }
        check_results(title_of("mul", {size}), [](const auto& v) { return v[0] * exp(v[1]); },
                      {a, b}, {y, da, db});
    }
}

// Whether two entries fall is independent: they agree with probability p^2 + (1 - p)^2.
TEST_CASE("large: what dropout drops repeats at no distance, and backward drops the same") {
    const std::size_t n = 200'003;
    const double p = 0.3;
    Parameter<float> x("x", full<float>({n}, 1));
    Tape<float> tape;
    const Var<float> y = dropout(x, p, Random(1, "dropout"));
    tape.backward(y, full<float>({n}, 1));
    CHECK(x.gradient() == y.value());
    const auto fell = [&](std::size_t i) { return y.value()(i) == 0; };
    std::size_t zeros = 0;
    for (std::size_t i = 0; i < n; ++i) zeros += fell(i);
    CHECK(is_share(zeros, n, p));
    for (const std::size_t distance :
         {1U, 2U, 3U, 4U, 8U, 16U, 64U, 256U, 1024U, 4096U, 16'384U, 32'768U, 65'536U}) {
        std::size_t alike = 0;
        for (std::size_t i = 0; i + distance < n; ++i) alike += fell(i) == fell(i + distance);
        CHECK_MESSAGE(is_share(alike, n - distance, p * p + (1 - p) * (1 - p)),
                      "distance " << distance);
    }
}
