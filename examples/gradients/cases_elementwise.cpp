// The elementwise ops' part of the gradient table.
#include <limits>

#include "core/ops.hpp"
#include "examples/gradients/cases.hpp"

namespace taper::examples {

static void add_two_input_cases(GradientTable& table) {
    const auto nan = std::numeric_limits<double>::quiet_NaN();
    const Between usual{-2, 2}, small{1e-7, 1e-6}, large{1e5, 1e6}, negative{-3e3, -1e3};
    const std::vector<std::pair<Between, Between>> any = {{usual, usual}, {small, small},
                                                          {large, large}, {negative, usual},
                                                          {small, large}, {usual, small}};

    table.two_inputs("add", any, [](const auto& x) { return add(x[0], x[1]); });
    table.two_inputs("sub", any, [](const auto& x) { return sub(x[0], x[1]); });
    table.two_inputs("mul", any, [](const auto& x) { return mul(x[0], x[1]); });
    table.two_inputs("div",
                     {{usual, {0.5, 2}},
                      {usual, {-2, -0.5}},
                      {small, small},
                      {large, small},
                      {small, large},
                      {negative, negative}},
                     [](const auto& x) { return div(x[0], x[1]); });
    table.two_inputs("pow", {{{0.2, 3}, {-2, 3}}, {{1e-3, 1e-2}, {0.5, 4}}, {{10, 100}, {-3, 3}}},
                     [](const auto& x) { return pow(x[0], x[1]); });
    table.two_inputs("maximum", any, [](const auto& x) { return maximum(x[0], x[1]); });
    table.two_inputs("minimum", any, [](const auto& x) { return minimum(x[0], x[1]); });

    table.draw("add", "a number", {{{3, 5}}}, [](const auto& x) { return (2 + x[0]) + 1; });
    table.draw("add", "x + x", {{{17}}}, [](const auto& x) { return x[0] + x[0]; });
    table.draw("sub", "a number", {{{3, 5}}}, [](const auto& x) { return (2 - x[0]) - 1; });
    table.draw("sub", "x - x", {{{17}}}, [](const auto& x) { return x[0] - x[0]; });
    table.draw("mul", "a number", {{{3, 5}}}, [](const auto& x) { return 2 * x[0] * 3; });
    table.draw("mul", "x x", {{{17}}}, [](const auto& x) { return x[0] * x[0]; });
    table.draw("div", "a number", {{{3, 5}, 1, 2}}, [](const auto& x) { return (2 / x[0]) / 3; });
    table.draw("div", "x / x", {{{17}, 1, 2}}, [](const auto& x) { return x[0] / x[0]; });
    table.draw("pow", "x^x", {{{17}, 0.5, 2}}, [](const auto& x) { return pow(x[0], x[0]); });
    for (const int exponent : {0, 1, 2, 3, -1, -2})
        table.draw("pow", "a negative base to the power " + std::to_string(exponent),
                   {{{19}, -3, -0.5}}, [=](const auto& x) {
                       return pow(
                           x[0],
                           static_cast<typename std::decay_t<decltype(x[0].value())>::value_type>(
                               exponent));
                   });
    table.add("pow", "base 0, exponents 0, 1, 2, 3", {zeros<double>({4})}, [](const auto& x) {
        using T = typename std::decay_t<decltype(x[0].value())>::value_type;
        return pow(x[0], Var<T>(Array<T>{0, 1, 2, 3}));
    });
    table.add("maximum", "ties", {{1, 2, -3, 0}, {1, 1, -3, -0.0}},
              [](const auto& x) { return maximum(x[0], x[1]); });
    table.add("maximum", "x with x", {{1, 2, -3, 0}},
              [](const auto& x) { return maximum(x[0], x[0]); });
    table.add("maximum", "nearly ties", {{1, 2, -3}, {1 + 1e-7, 2 - 1e-5, -3 - 1e-4}},
              [](const auto& x) { return maximum(x[0], x[1]); });
    table.add("minimum", "ties", {{1, 2, -3, 0}, {1, 1, -3, -0.0}},
              [](const auto& x) { return minimum(x[0], x[1]); });
    table.add("minimum", "nearly ties", {{1, 2, -3}, {1 + 1e-7, 2 - 1e-5, -3 - 1e-4}},
              [](const auto& x) { return minimum(x[0], x[1]); });

    const auto mask_of = [](const Shape& shape) {
        Mask mask(shape, false);
        for (std::size_t i = 0; i < mask.size(); ++i)
            mask.data()[i] = Random(1, "mask").bits(i)[0] % 2 == 0;
        return mask;
    };
    for (const auto& [first, second] : broadcast_pairs())
        for (const bool swapped : {false, true}) {
            const Shape &a = swapped ? second : first, &b = swapped ? first : second;
            const Shape y = broadcast_shape("table", {"a", a}, {"b", b});
            for (const Shape& shape : {y, a, Shape{}})
                table.draw(
                    "select", "mask " + to_string(shape), {{a}, {b}},
                    [mask = mask_of(shape)](const auto& x) { return select(mask, x[0], x[1]); });
        }
    table.draw("select", "a mask wider than a and b", {{{3}}, {{3}}},
               [mask = mask_of({4, 3})](const auto& x) { return select(mask, x[0], x[1]); });
    table.draw("select", "a number", {{{7}}},
               [mask = mask_of({7})](const auto& x) { return select(mask, x[0], 5); });
    table.add("select", "NaN in the sides not chosen", {{1, nan, 3}, {nan, 5, nan}},
              [](const auto& x) {
                  return select(Mask{true, false, true}, x[0], x[1]);
              });
}

static void add_one_input_cases(GradientTable& table) {
    const Between usual{-2, 2}, small{-1e-6, 1e-6}, positive{0.1, 10}, tiny{1e-6, 1e-4},
        large{1e4, 1e6};
    // far out, y differs from 1 or x by its rounding alone
    const GradcheckOptions beside_1{.absolute = 1e-11};
    table.one_input("neg", {usual, small, large}, [](const auto& x) { return neg(x[0]); });
    table.one_input("exp", {usual, small, {-50, 50}, {-700, -600}},
                    [](const auto& x) { return exp(x[0]); });
    table.one_input("expm1", {usual, small, {-5, 50}}, [](const auto& x) { return expm1(x[0]); });
    table.one_input(
        "expm1", {{-50, -5}}, [](const auto& x) { return expm1(x[0]); }, {}, beside_1);
    table.one_input("log", {positive, tiny, large}, [](const auto& x) { return log(x[0]); });
    table.one_input("log1p", {positive, small, large, {-0.9, 0}},
                    [](const auto& x) { return log1p(x[0]); });
    table.one_input("sqrt", {positive, tiny, large}, [](const auto& x) { return sqrt(x[0]); });
    table.one_input("square", {usual, small, large}, [](const auto& x) { return square(x[0]); });
    table.one_input("sin", {usual, small, {-50, 50}}, [](const auto& x) { return sin(x[0]); });
    table.one_input("cos", {usual, {-50, 50}}, [](const auto& x) { return cos(x[0]); });
    table.one_input("tanh", {usual, small, {2, 9}}, [](const auto& x) { return tanh(x[0]); });
    table.one_input(
        "tanh", {{-30, 30}}, [](const auto& x) { return tanh(x[0]); }, {}, beside_1);
    table.one_input("erf", {usual, small, {1, 4}}, [](const auto& x) { return erf(x[0]); });
    table.one_input(
        "erf", {{-8, 8}}, [](const auto& x) { return erf(x[0]); }, {}, beside_1);
    table.one_input("relu", {usual, {1, 2}, {-2, -1}, large, small},
                    [](const auto& x) { return relu(x[0]); });
    table.add("relu", "at and near the kink", {{0, -0.0, 1e-4, -1e-4, 1e-9, -1e-9, 1e-300}},
              [](const auto& x) { return relu(x[0]); });
    table.one_input(
        "gelu", {usual, small, {6, 40}, large}, [](const auto& x) { return gelu(x[0]); },
        [](const auto& x) { return composed::gelu(x[0]); });
    table.one_input(
        "gelu", {{-6, 6}}, [](const auto& x) { return gelu(x[0]); },
        [](const auto& x) { return composed::gelu(x[0]); }, beside_1);
}

static void add_kinked_cases(GradientTable& table) {
    const Between usual{-2, 2}, small{-1e-6, 1e-6}, large{1e4, 1e6};
    table.one_input("abs", {usual, {1, 2}, {-2, -1}, large, small},
                    [](const auto& x) { return abs(x[0]); });
    table.add("abs", "near the kink", {{1e-4, -1e-4, 1e-9, -1e-9, 1e-300}},
              [](const auto& x) { return abs(x[0]); });
    table.one_input("clamp", {usual, {-3, -1}, {0, 1}, {5, 6}, large},
                    [](const auto& x) { return clamp(x[0], -0.5, 1.5); });
    table.add("clamp", "at and near the bounds", {{-0.5, 1.5, -0.5 - 1e-4, 1.5 + 1e-9, 1.5 - 1e-9}},
              [](const auto& x) { return clamp(x[0], -0.5, 1.5); });
    table.one_input("clamp", {{3, 3}, usual}, [](const auto& x) { return clamp(x[0], 2, 2); });
    table.one_input("clamp", {usual}, [](const auto& x) {
        return clamp(x[0], 0, std::numeric_limits<double>::infinity());
    });
}

static void add_activation_cases(GradientTable& table) {
    const Between usual{-2, 2}, small{-1e-6, 1e-6}, large{1e4, 1e6};
    const GradcheckOptions beside_1{.absolute = 1e-11};
    table.one_input("sigmoid", {usual, small, {-50, 2}, {-700, -600}},
                    [](const auto& x) { return sigmoid(x[0]); });
    table.one_input(
        "sigmoid", {{2, 50}, large}, [](const auto& x) { return sigmoid(x[0]); }, {}, beside_1);
    table.one_input("softplus", {usual, small, {-50, 50}, {-700, -600}, large},
                    [](const auto& x) { return softplus(x[0]); });
}

void add_elementwise_cases(GradientTable& table) {
    add_two_input_cases(table);
    add_kinked_cases(table);
    add_activation_cases(table);
    add_one_input_cases(table);
}

}  // namespace taper::examples
