// The gradient table's part for the ops that only move numbers.
#include "core/ops.hpp"
#include "tests/core/ops/gradient_table.hpp"

namespace taper::tests {

void add_shape_cases(Table& table) {
    for (const auto& [from, to] :
         std::vector<std::pair<Shape, std::vector<int>>>{{{2, 3}, {6}},
                                                         {{2, 3}, {3, 2}},
                                                         {{2, 3}, {-1}},
                                                         {{2, 3}, {1, -1, 2}},
                                                         {{}, {1}},
                                                         {{1}, {}},
                                                         {{0, 3}, {3, 0}},
                                                         {{0, 3}, {-1, 3}},
                                                         {{4}, {4}}})
        table.draw("reshape", "to " + text(to), {{from}},
                   [to = to](const auto& x) { return reshape(x[0], to); });

    for (const auto& [shape, axes] :
         std::vector<std::pair<Shape, Axes>>{{{}, {}},
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
                                             {{17, 9}, {1, 0}}})
        table.draw("transpose", "axes " + text(axes), {{shape}},
                   [axes = axes](const auto& x) { return transpose(x[0], axes); });

    for (const auto& [from, to] : std::vector<std::pair<Shape, Shape>>{{{3}, {2, 3}},
                                                                       {{1, 3}, {4, 3}},
                                                                       {{}, {2, 2}},
                                                                       {{2, 1, 3}, {5, 2, 4, 3}},
                                                                       {{3}, {0, 3}},
                                                                       {{2, 3}, {2, 3}},
                                                                       {{1}, {0}},
                                                                       {{1, 1}, {3, 17}},
                                                                       {{}, {}}})
        table.draw("broadcast_to", to_string(to) + " of", {{from}},
                   [to = to](const auto& x) { return broadcast_to(x[0], to); });

    for (const auto& [shape, axis, range] :
         std::vector<std::tuple<Shape, int, Range>>{{{7}, 0, {}},
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
                                                    {{2, 20, 17}, 1, {3, 19, 5}}}) {
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

    for (const auto& [shapes, axis] :
         std::vector<std::pair<std::vector<Shape>, int>>{{{{3}}, 0},
                                                         {{{3}, {2}}, 0},
                                                         {{{3}, {0}, {1}}, -1},
                                                         {{{2, 3}, {2, 4}}, 1},
                                                         {{{2, 3}, {1, 3}, {3, 3}}, 0},
                                                         {{{2, 3, 2}, {2, 1, 2}}, -2},
                                                         {{{0, 3}, {2, 3}}, 0},
                                                         {{{2, 0}, {2, 0}}, 0},
                                                         {{{4, 17}, {4, 9}}, 1}}) {
        std::vector<In> inputs;
        for (const Shape& shape : shapes) inputs.push_back({shape});
        table.draw("concat", "axis " + std::to_string(axis), inputs,
                   [axis = axis](const auto& x) { return concat(x, axis); });
    }
    for (const auto& [shape, parts, axis] :
         std::vector<std::tuple<Shape, int, int>>{{{}, 3, 0},
                                                  {{3}, 2, 0},
                                                  {{3}, 2, 1},
                                                  {{3}, 2, -1},
                                                  {{2, 3}, 3, 1},
                                                  {{2, 3}, 1, -3},
                                                  {{0, 3}, 2, 0}}) {
        const std::vector<In> inputs(static_cast<std::size_t>(parts), In{shape});
        table.draw("stack", "axis " + std::to_string(axis), inputs,
                   [axis = axis](const auto& x) { return stack(x, axis); });
    }
    table.draw("concat", "twice the same, and a constant", {{{2, 3}}}, [](const auto& x) {
        using V = std::decay_t<decltype(x[0])>;
        return concat(std::vector<V>{x[0], V(full<NumberOf<decltype(x)>>({2, 2}, 5)), x[0]}, 1);
    });
    table.draw("stack", "twice the same", {{{3}}}, [](const auto& x) {
        return stack(std::decay_t<decltype(x)>{x[0], x[0]}, 0);
    });

    for (const auto& [shape, axis, before, after] :
         std::vector<std::tuple<Shape, int, int, int>>{{{3}, 0, 1, 2},
                                                       {{3}, -1, 0, 0},
                                                       {{2, 3}, 0, 2, 0},
                                                       {{2, 3}, 1, 0, 17},
                                                       {{2, 3, 4}, 1, 1, 1},
                                                       {{0, 3}, 0, 1, 1},
                                                       {{0, 3}, 1, 1, 1},
                                                       {{5, 9}, -1, 3, 4}}) {
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
    for (const auto& [shape, axis] : std::vector<std::pair<Shape, int>>{{{1}, 0},
                                                                        {{7}, 0},
                                                                        {{2, 3}, 0},
                                                                        {{2, 3}, 1},
                                                                        {{2, 3, 4}, 1},
                                                                        {{2, 3, 4}, -1},
                                                                        {{0, 3}, 0},
                                                                        {{17, 9}, 0}})
        table.draw("flip", "axis " + std::to_string(axis), {{shape}},
                   [axis = axis](const auto& x) { return flip(x[0], axis); });
}

}  // namespace taper::tests
