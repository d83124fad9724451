// The gradient table's part for matmul, reductions and the ops that work on rows.
#include "core/ops.hpp"
#include "examples/gradients/cases.hpp"

namespace taper::examples {

static void add_matmul_cases(GradientTable& table) {
    const std::vector<std::pair<Shape, Shape>> shapes = {
        // read as a (..., m, k) and b (..., k, n)
        {{1, 1}, {1, 1}},       {{3, 5}, {5, 4}},       {{2, 3, 5}, {5, 4}},
        {{4, 3}, {1, 3, 3, 3}}, {{2, 3, 5}, {2, 5, 4}}, {{2, 1, 3, 5}, {4, 5, 2}},
        {{3, 0}, {0, 4}},       {{2, 3, 0}, {0, 4}},    {{0, 3}, {3, 2}},
        {{2, 3, 5}, {5, 0}},    {{0, 2, 3}, {3, 2}},    {{0, 2, 3}, {1, 3, 2}},
        {{1, 9}, {9, 1}},       {{9, 1}, {1, 9}},       {{9, 17}, {17, 8}},
        {{1, 2, 3}, {5, 3, 2}}, {{5, 2, 3}, {1, 3, 2}}, {{2, 2, 16, 8}, {2, 2, 8, 16}}};
    for (const bool transpose_a : {false, true})
        for (const bool transpose_b : {false, true}) {
            const Transposed as{transpose_a, transpose_b};
            const std::string name =
                std::string(transpose_a ? "a^T" : "a") + (transpose_b ? " b^T" : " b");
            for (auto [a, b] : shapes) {
                if (transpose_a) std::swap(a[a.size() - 1], a[a.size() - 2]);
                if (transpose_b) std::swap(b[b.size() - 1], b[b.size() - 2]);
                table.draw("matmul", name, {{a}, {b}},
                           [=](const auto& x) { return matmul(x[0], x[1], as); });
            }
            table.draw("matmul", name + ", b = a", {{{4, 4}}},
                       [=](const auto& x) { return matmul(x[0], x[0], as); });
            table.draw("matmul", name + ", large", {{{3, 3}, 1e3, 1e4}, {{3, 3}, -1e-4, 1e-4}},
                       [=](const auto& x) { return matmul(x[0], x[1], as); });
        }
    for (const Shape& rows : std::vector<Shape>{{1}, {5}, {0}, {2, 3}, {1030}}) {
        Shape x = rows;
        x.push_back(3);
        table.draw(
            "linear", "x " + to_string(x), {{x}, {{2, 3}}, {{2}}},
            [](const auto& v) { return linear(v[0], v[1], v[2]); },
            [](const auto& v) { return composed::linear(v[0], v[1], v[2]); },
            {.directions = rows[0] > 1000});
    }
    table.draw(
        "linear", "x of empty rows", {{{5, 0}}, {{2, 0}}, {{2}}},
        [](const auto& v) { return linear(v[0], v[1], v[2]); },
        [](const auto& v) { return composed::linear(v[0], v[1], v[2]); });
    for (const Shape& rows : std::vector<Shape>{{1}, {5}, {0}, {2, 4}, {100}, {1030}})
        for (const std::size_t hidden : {std::size_t{0}, std::size_t{17}}) {
            Shape x = rows;
            x.push_back(3);
            table.draw(
                "feed_forward", "x " + to_string(x) + " hidden " + std::to_string(hidden),
                {{x}, {{hidden, 3}}, {{hidden}}, {{2, hidden}}, {{2}}},
                [](const auto& v) { return feed_forward(v[0], v[1], v[2], v[3], v[4]); },
                [](const auto& v) { return composed::feed_forward(v[0], v[1], v[2], v[3], v[4]); },
                {.directions = rows[0] > 1000});
        }
    table.draw("matmul", "a constant", {{{2, 3}}}, [](const auto& x) {
        using T = NumberOf<decltype(x)>;
        return matmul(matmul(Var<T>(full<T>({2, 2}, 3)), x[0]), Var<T>(full<T>({3, 2}, 2)));
    });
}

static void add_reduction_cases(GradientTable& table) {
    const std::vector<std::pair<Shape, std::vector<Axes>>> some = {
        {{}, {{}}},
        {{1}, {{}, {0}, {-1}}},
        {{9}, {{}, {0}}},
        {{40}, {{}}},
        {{2, 3}, {{}, {0}, {1}, {-1}, {-2}, {0, 1}, {1, 0}}},
        {{2, 3, 4}, {{}, {0}, {1}, {2}, {0, 2}, {1, 2}, {0, 1}, {-1, 0}, {-2}, {0, 1, 2}}},
        {{2, 1, 3, 2}, {{1}, {0, 2}, {1, 3}}},
        {{3, 300}, {{0}, {1}}}};
    for (const auto& [shape, choices] : some)
        for (const Axes& axes : choices)
            for (const KeepDims keep : {KeepDims::no, KeepDims::yes}) {
                const std::string name =
                    "axes " + in_braces(axes) + (keep == KeepDims::yes ? " kept" : "");
                table.draw("sum", name, {{shape}},
                           [=](const auto& x) { return sum(x[0], axes, keep); });
                table.draw("mean", name, {{shape}},
                           [=](const auto& x) { return mean(x[0], axes, keep); });
                table.draw("max", name, {{shape}},
                           [=](const auto& x) { return max(x[0], axes, keep); });
                table.draw("variance", name, {{shape}},
                           [=](const auto& x) { return variance(x[0], axes, keep); });
                table.draw("logsumexp", name, {{shape}},
                           [=](const auto& x) { return logsumexp(x[0], axes, keep); });
                table.draw("norm", name, {{shape}},
                           [=](const auto& x) { return norm(x[0], axes, keep); });
            }
    for (const Shape& shape : {Shape{0}, Shape{0, 3}, Shape{3, 0}}) {
        table.draw("sum", "of nothing", {{shape}}, [](const auto& x) { return sum(x[0]); });
        table.draw("sum", "axis 0", {{shape}}, [](const auto& x) { return sum(x[0], {0}); });
        table.draw("norm", "axis 0", {{shape}}, [](const auto& x) { return norm(x[0], {0}); });
    }
    table.draw("logsumexp", "rows of nothing", {{{0, 3}}},
               [](const auto& x) { return logsumexp(x[0], {1}); });
    table.draw("variance", "rows of nothing", {{{0, 3}}},
               [](const auto& x) { return variance(x[0], {1}); });
    table.draw("mean", "rows of nothing", {{{0, 3}}},
               [](const auto& x) { return mean(x[0], {1}); });
    table.draw("max", "rows of nothing", {{{0, 3}}}, [](const auto& x) { return max(x[0], {1}); });
    for (const Between range : {Between{1e-7, 1e-6}, Between{1e5, 1e6}, Between{-1e3, -1}}) {
        table.draw("sum", "", {{{19}, range.low, range.high}},
                   [](const auto& x) { return sum(x[0]); });
        table.draw("mean", "", {{{19}, range.low, range.high}},
                   [](const auto& x) { return mean(x[0]); });
        table.draw("max", "", {{{19}, range.low, range.high}},
                   [](const auto& x) { return max(x[0]); });
        table.draw("norm", "", {{{19}, range.low, range.high}},
                   [](const auto& x) { return norm(x[0]); });
        table.draw("variance", "", {{{19}, range.low, range.high}},
                   [](const auto& x) { return variance(x[0]); });
    }
    table.draw("logsumexp", "small", {{{19}, -1e-6, 1e-6}},
               [](const auto& x) { return logsumexp(x[0]); });
    table.draw("logsumexp", "far from 0", {{{19}, 1e4, 1e4 + 2}},
               [](const auto& x) { return logsumexp(x[0]); });
    table.draw(  // beside the 1 of the largest, e^-300 is not seen
        "logsumexp", "spread", {{{2, 9}, -300, 300}},
        [](const auto& x) { return logsumexp(x[0], 1); }, {}, {.absolute = 1e-12});
    table.draw("norm", "of 1e200s", {{{7}, 1e200, 2e200}},
               [](const auto& x) { return norm(x[0]); });
    table.draw("norm", "of 1e-200s", {{{7}, 1e-200, 2e-200}},
               [](const auto& x) { return norm(x[0]); });
    const std::vector<std::pair<Shape, int>> axes_of_shapes = {
        {{1}, 0},       {{17}, 0},   {{3, 5}, 0}, {{3, 5}, -1},
        {{2, 3, 4}, 1}, {{0, 3}, 0}, {{0, 3}, 1}, {{2, 300}, 1},
    };
    for (const auto& [shape, axis] : axes_of_shapes)
        table.draw("cumsum", "axis " + std::to_string(axis), {{shape}},
                   [axis = axis](const auto& x) { return cumsum(x[0], axis); });
    table.add("max", "ties", {{1, 3, 3, 2, 3}}, [](const auto& x) { return max(x[0]); });
    table.add("max", "ties in columns", {{{0, 1, 2}, {0, 1, -2}}},
              [](const auto& x) { return max(x[0], {0}); });
    table.add("max", "nearly ties", {{1, 3, 3 + 1e-6, 2}}, [](const auto& x) { return max(x[0]); });
}

static void add_softmax_cases(GradientTable& table) {
    const auto both = [&](const std::string& name, const std::vector<DrawnInput>& inputs, int axis,
                          const GradcheckOptions& options = {}) {
        table.draw(
            "softmax", name, inputs, [=](const auto& x) { return softmax(x[0], axis); },
            [=](const auto& x) { return composed::softmax(x[0], axis); }, options);
        table.draw(
            "log_softmax", name, inputs, [=](const auto& x) { return log_softmax(x[0], axis); },
            [=](const auto& x) { return composed::log_softmax(x[0], axis); }, options);
    };
    for (const Shape& shape : {Shape{1}, Shape{5}, Shape{8}, Shape{16}, Shape{17}, Shape{3, 17},
                               Shape{4, 1}, Shape{2, 3, 5}, Shape{0, 3}})
        both("", {{shape}}, -1);
    for (const int axis : {0, 1, 2, -2, -3})
        both("axis " + std::to_string(axis), {{{2, 3, 4}}}, axis);
    both("a long row", {{{2, 501}}}, -1);
    both("small", {{{2, 9}, -1e-6, 1e-6}}, -1);
    // beside the 1 of the largest, e^-300 is not seen
    both("spread", {{{2, 9}, -300, 300}}, -1, {.absolute = 1e-12});
    // it bends within 1, not within the size of x, which the first step follows
    both("far from 0", {{{2, 9}, 1e4, 1e4 + 2}}, -1, {.step = 1e-7});
    both("equal", {{{2, 9}, 3, 3}}, -1);
    for (const int axis : {0, 1}) {
        both("empty rows, axis " + std::to_string(axis), {{{3, 0}}}, axis);
        both("no rows, axis " + std::to_string(axis), {{{0, 3}}}, axis);
    }
}

static void add_layer_norm_cases(GradientTable& table) {
    const auto both = [&](const std::string& name, const Shape& shape, Between range,
                          double eps = 1e-5, const GradcheckOptions& options = {}) {
        const Shape d{shape.back()};
        table.draw(
            "layer_norm", name, {{shape, range.low, range.high}, {d}, {d}},
            [=](const auto& x) { return layer_norm(x[0], x[1], x[2], eps); },
            [=](const auto& x) { return composed::layer_norm(x[0], x[1], x[2], eps); }, options);
    };
    for (const Shape& shape : {Shape{7}, Shape{3, 8}, Shape{3, 17}, Shape{2, 3, 33}, Shape{1, 2},
                               Shape{0, 5}, Shape{2, 300}})
        both("", shape, {-2, 2});
    both("d = 1", {1, 1}, {-2, 2});
    both("d = 1", {4, 1}, {-2, 2});
    both("constant rows", {2, 5}, {0.1, 0.1});
    both("rows of 0", {2, 5}, {0, 0});
    both("small", {2, 9}, {-1e-3, 1e-3});
    both("large", {2, 9}, {-1e3, 1e3});
    both("eps 0.1", {2, 9}, {-2, 2}, 0.1);
    both("far from 0", {2, 9}, {100, 103});
    both("empty rows", {3, 0}, {-2, 2});
}

static void add_id_cases(GradientTable& table) {
    const auto rows_of = [](std::int64_t V, const Shape& shape) {
        Ids ids = empty<std::int64_t>(shape);
        for (std::size_t i = 0; i < ids.size(); ++i)
            ids.data()[i] =
                static_cast<std::int64_t>(Random(1, "ids").below(i, static_cast<std::uint64_t>(V)));
        return ids;
    };
    for (const auto& [shape, V, d] : {std::tuple{Shape{4}, 5, 3},
                                      {Shape{2, 3}, 5, 17},
                                      {Shape{}, 2, 3},
                                      {Shape{0}, 5, 3},
                                      {Shape{9}, 1, 1},
                                      {Shape{2, 2, 2}, 3, 16},
                                      {Shape{3}, 4, 0}})
        table.draw("embedding", "ids " + to_string(shape),
                   {{{static_cast<std::size_t>(V), static_cast<std::size_t>(d)}}},
                   [ids = rows_of(V, shape)](const auto& x) { return embedding(x[0], ids); });

    const std::vector<std::tuple<Shape, int, std::size_t>> gathers = {
        {{5}, 0, 3},       {{5}, -1, 17},      {{2, 3}, 0, 4}, {{2, 3}, 1, 1}, {{2, 3, 4}, 0, 5},
        {{2, 3, 4}, 1, 2}, {{2, 3, 4}, -1, 9}, {{1, 1}, 1, 3}, {{2, 3}, 1, 0}, {{0, 3}, 1, 2},
    };
    for (const auto& [shape, axis, n] : gathers) {
        const std::size_t axis_number = axis_index("table", axis, {"x", shape});
        const auto extent = static_cast<std::int64_t>(shape[axis_number]);
        Shape ids = shape;
        ids[axis_number] = n;
        table.draw("gather", "axis " + std::to_string(axis) + " ids " + to_string(ids), {{shape}},
                   [axis = axis, ids = rows_of(extent, ids)](const auto& x) {
                       return gather(x[0], axis, ids);
                   });
    }

    for (const double p : {0.0, 0.1, 0.5, 0.95})
        for (const Shape& shape : {Shape{}, Shape{1}, Shape{37}, Shape{2, 3, 5}, Shape{0}})
            table.draw("dropout", "p " + std::to_string(p).substr(0, 4), {{shape}},
                       [=](const auto& x) { return dropout(x[0], p, Random(3, "dropout")); });

    const auto losses = [&](const std::string& name, const DrawnInput& logits, const Ids& targets) {
        table.draw(
            "cross_entropy", name, {logits},
            [=](const auto& x) { return cross_entropy(x[0], targets); },
            [=](const auto& x) { return composed::cross_entropy(x[0], targets); });
    };
    losses("one class", {{2, 1}}, rows_of(1, {2}));
    losses("one row", {{6}}, rows_of(6, {}));
    losses("", {{4, 7}}, rows_of(7, {4}));
    losses("", {{2, 3, 17}}, rows_of(17, {2, 3}));
    losses("many classes", {{2, 301}}, rows_of(301, {2}));
    losses("ignored rows", {{5, 9}}, Ids{ignore_index, 3, ignore_index, 8, 0});
    losses("all but one ignored", {{3, 8}}, Ids{ignore_index, ignore_index, 7});
    losses("spread", {{4, 9}, -300, 300}, rows_of(9, {4}));
    losses("far from 0", {{4, 9}, 1e4, 1e4 + 2}, rows_of(9, {4}));
    losses("small", {{4, 9}, -1e-6, 1e-6}, rows_of(9, {4}));
}

void add_row_cases(GradientTable& table) {
    add_matmul_cases(table);
    add_reduction_cases(table);
    add_softmax_cases(table);
    add_layer_norm_cases(table);
    add_id_cases(table);
}

}  // namespace taper::examples
