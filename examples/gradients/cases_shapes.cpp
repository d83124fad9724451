// The gradient table's part for the ops that only move numbers.
#include "core/ops.hpp"
#include "examples/gradients/cases.hpp"

namespace taper::examples {

static void add_reshape_cases(GradientTable& table) {
    const std::vector<std::pair<Shape, std::vector<int>>> reshapes = {
        {{2, 3}, {6}}, {{2, 3}, {3, 2}}, {{2, 3}, {-1}},    {{2, 3}, {1, -1, 2}}, {{}, {1}},
        {{1}, {}},     {{0, 3}, {3, 0}}, {{0, 3}, {-1, 3}}, {{4}, {4}},
    };
    for (const auto& [from, to] : reshapes)
        table.draw("reshape", "to " + in_braces(to), {{from}},
                   [to = to](const auto& x) { return reshape(x[0], to); });

    const std::vector<std::pair<Shape, Axes>> transposes = {
        {{}, {}},
        {{3}, {0}},
        {{2, 3}, {1, 0}},
        {{2, 3}, {0, 1}},
        {{2, 3, 4}, {2, 0, 1}},
        {{2, 3, 4}, {1, 2, 0}},
        {{2, 3, 4}, {2, 1, 0}},
        {{2, 3, 4}, {1, 0, 2}},
        {{2, 3, 4}, {0, -1, 1}},
        {{2, 3, 4}, {-1, -2, -3}},
        {{2, 3, 4, 5}, {0, 2, 1, 3}},
        {{0, 3}, {1, 0}},
        {{17, 9}, {1, 0}},
    };
    for (const auto& [shape, axes] : transposes)
        table.draw("transpose", "axes " + in_braces(axes), {{shape}},
                   [axes = axes](const auto& x) { return transpose(x[0], axes); });

    const std::vector<std::pair<Shape, Shape>> broadcasts = {
        {{3}, {2, 3}}, {{1, 3}, {4, 3}}, {{}, {2, 2}}, {{2, 1, 3}, {5, 2, 4, 3}},
        {{3}, {0, 3}}, {{2, 3}, {2, 3}}, {{1}, {0}},   {{1, 1}, {3, 17}},
        {{}, {}},
    };
    for (const auto& [from, to] : broadcasts)
        table.draw("broadcast_to", to_string(to) + " of", {{from}},
                   [to = to](const auto& x) { return broadcast_to(x[0], to); });
}

static void add_slice_cases(GradientTable& table) {
    const std::vector<std::tuple<Shape, int, Range>> slices = {
        {{7}, 0, {}},
        {{7}, 0, {1, 5}},
        {{7}, 0, {0, 7, 2}},
        {{7}, 0, {1, 7, 3}},
        {{7}, 0, {-3}},
        {{7}, 0, {1, -1, 2}},
        {{7}, 0, {2, 2}},
        {{7}, 0, {6, 7, 100}},
        {{2, 7, 3}, 1, {1, 6}},
        {{2, 7, 3}, 1, {0, 7, 2}},
        {{2, 7, 3}, 1, {2, 7, 4}},
        {{2, 7, 3}, -1, {1}},
        {{2, 7, 3}, 2, {0, 3, 2}},
        {{2, 7, 3}, 0, {1}},
        {{2, 7, 3}, -3, {0, 2, 2}},
        {{0, 3}, 0, {}},
        {{0, 3}, 1, {1}},
        {{2, 20, 17}, 1, {3, 19, 5}},
    };
    for (const auto& [shape, axis, range] : slices) {
        const std::string name = "axis " + std::to_string(axis) + " from " +
                                 std::to_string(range.begin) + " to " +
                                 (range.end ? std::to_string(*range.end) : "end") + " step " +
                                 std::to_string(range.step);
        table.draw("slice", name, {{shape}}, [axis = axis, range = range](const auto& x) {
            return slice(x[0], axis, range);
        });
    }
    table.draw("slice", "two parts that overlap", {{{6}}}, [](const auto& x) {
        return slice(x[0], 0, {0, 4}) * slice(x[0], 0, {2});
    });
}

static void add_join_cases(GradientTable& table) {
    const std::vector<std::pair<std::vector<Shape>, int>> concats = {
        {{{3}}, 0},
        {{{3}, {2}}, 0},
        {{{3}, {0}, {1}}, -1},
        {{{2, 3}, {2, 4}}, 1},
        {{{2, 3}, {1, 3}, {3, 3}}, 0},
        {{{2, 3, 2}, {2, 1, 2}}, -2},
        {{{0, 3}, {2, 3}}, 0},
        {{{2, 0}, {2, 0}}, 0},
        {{{4, 17}, {4, 9}}, 1},
    };
    for (const auto& [shapes, axis] : concats) {
        std::vector<DrawnInput> inputs;
        for (const Shape& shape : shapes) inputs.push_back({shape});
        table.draw("concat", "axis " + std::to_string(axis), inputs,
                   [axis = axis](const auto& x) { return concat(x, axis); });
    }
    const std::vector<std::tuple<Shape, int, int>> stacks = {
        {{}, 3, 0},     {{3}, 2, 0},     {{3}, 2, 1},    {{3}, 2, -1},
        {{2, 3}, 3, 1}, {{2, 3}, 1, -3}, {{0, 3}, 2, 0},
    };
    for (const auto& [shape, parts, axis] : stacks) {
        const std::vector<DrawnInput> inputs(static_cast<std::size_t>(parts), DrawnInput{shape});
        table.draw("stack", "axis " + std::to_string(axis), inputs,
                   [axis = axis](const auto& x) { return stack(x, axis); });
    }
    table.draw("concat", "twice the same, and a constant", {{{2, 3}}}, [](const auto& x) {
        using V = std::decay_t<decltype(x[0])>;
        const V constant = full<NumberOf<decltype(x)>>({2, 2}, 5);
        return concat(std::vector<V>{x[0], constant, x[0]}, 1);
    });
    table.draw("stack", "twice the same", {{{3}}}, [](const auto& x) {
        return stack(std::decay_t<decltype(x)>{x[0], x[0]}, 0);
    });
}

static void add_pad_and_flip_cases(GradientTable& table) {
    const std::vector<std::tuple<Shape, int, int, int>> pads = {
        {{3}, 0, 1, 2},       {{3}, -1, 0, 0},   {{2, 3}, 0, 2, 0}, {{2, 3}, 1, 0, 17},
        {{2, 3, 4}, 1, 1, 1}, {{0, 3}, 0, 1, 1}, {{0, 3}, 1, 1, 1}, {{5, 9}, -1, 3, 4},
    };
    for (const auto& [shape, axis, before, after] : pads) {
        const std::string name = "axis " + std::to_string(axis) + " before " +
                                 std::to_string(before) + " after " + std::to_string(after);
        table.draw("pad", name, {{shape}},
                   [axis = axis, before = before, after = after](const auto& x) {
                       return pad(x[0], axis, before, after);
                   });
        table.draw("pad", name + " with 5", {{shape}},
                   [axis = axis, before = before, after = after](const auto& x) {
                       return pad(x[0], axis, before, after, 5);
                   });
    }
    const std::vector<std::pair<Shape, int>> flips = {
        {{1}, 0},       {{7}, 0},        {{2, 3}, 0}, {{2, 3}, 1},
        {{2, 3, 4}, 1}, {{2, 3, 4}, -1}, {{0, 3}, 0}, {{17, 9}, 0},
    };
    for (const auto& [shape, axis] : flips)
        table.draw("flip", "axis " + std::to_string(axis), {{shape}},
                   [axis = axis](const auto& x) { return flip(x[0], axis); });
}

void add_shape_cases(GradientTable& table) {
    add_reshape_cases(table);
    add_slice_cases(table);
    add_join_cases(table);
    add_pad_and_flip_cases(table);
}

}  // namespace taper::examples
