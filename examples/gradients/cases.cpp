#include "examples/gradients/cases.hpp"

#include <sstream>

#include "core/array/random.hpp"

namespace taper::examples {

// One entry, odd sizes, sizes around the vector width (8 doubles, 16 floats), no entry.
const std::vector<Shape>& some_shapes() {
    static const std::vector<Shape> shapes = {
        {}, {1}, {3}, {7}, {8}, {9}, {16}, {17}, {33}, {2, 3, 5}, {5, 1}, {0}, {0, 3}, {2, 0},
    };
    return shapes;
}

const std::vector<std::pair<Shape, Shape>>& broadcast_pairs() {
    static const std::vector<std::pair<Shape, Shape>> pairs = {
        {{1}, {5, 4}},
        {{4, 1}, {1, 4}},
        {{}, {2, 3}},
        {{2, 3}, {3}},
        {{2, 1, 3}, {4, 1}},
        {{0, 3}, {3}},
        {{}, {}},
        {{1}, {1}},
        {{1, 1}, {1}},
        {{1}, {0}},
        {{2, 0, 3}, {1, 3}},
        {{0}, {0}},
        {{5, 16}, {16}},
        {{3, 17}, {1, 17}},
        {{2, 3, 16}, {3, 16}},
        {{4, 1, 1}, {3, 16}},
        {{2, 1, 18}, {3, 1}},
        {{33}, {33}},
        {{2, 3, 5}, {2, 3, 5}},
        {{1, 16}, {2, 1, 16}},
        {{2, 3, 4}, {4}},
        {{2, 3, 4}, {2, 1, 4}},
        {{7}, {1}},
        {{16}, {16, 16}},
        {{1, 3, 16}, {4, 1, 1}},
    };
    return pairs;
}

std::string in_braces(const std::vector<int>& numbers) {
    std::string all;
    for (int number : numbers) all += (all.empty() ? "" : ",") + std::to_string(number);
    return "{" + all + "}";
}

void GradientTable::add(const std::string& op, const std::string& name,
                        std::vector<Array<double>> inputs, const Functions& f,
                        const Functions& composition, const GradcheckOptions& options) {
    std::string title = name;
    for (const Array<double>& input : inputs)
        title += (title.empty() ? "" : " ") + to_string(input.shape());
    cases.push_back({op, title, f, inputs, composition, options});
    if (composition.in_double)
        cases.push_back({"composed::" + op, title, composition, std::move(inputs), {}, options});
}

void GradientTable::draw(const std::string& op, const std::string& name,
                         const std::vector<DrawnInput>& inputs, const Functions& f,
                         const Functions& composition, const GradcheckOptions& options) {
    std::vector<Array<double>> values;
    // Their numbers depend on the seed and the title alone: another case changes none here.
    for (const DrawnInput& in : inputs) {
        const Random random(seed_, op + name + to_string(in.shape),
                            static_cast<std::uint32_t>(values.size()));
        values.push_back(uniform<double>(random, in.shape, in.low, in.high));
    }
    add(op, name, std::move(values), f, composition, options);
}

static std::string text(const Between& range) {
    std::ostringstream out;
    out << "in " << range.low << ".." << range.high;
    return out.str();
}

void GradientTable::one_input(const std::string& op, const std::vector<Between>& ranges,
                              const Functions& f, const Functions& composition,
                              const GradcheckOptions& options) {
    const std::vector<Shape> few_shapes{{1}, {37}};
    for (const Between& range : ranges) {
        const bool is_first = &range == ranges.data();
        for (const Shape& shape : is_first ? some_shapes() : few_shapes)
            draw(op, text(range), {{shape, range.low, range.high}}, f, composition, options);
    }
}

void GradientTable::two_inputs(const std::string& op,
                               const std::vector<std::pair<Between, Between>>& ranges,
                               const Functions& f) {
    const std::vector<std::pair<Shape, Shape>> few_pairs{{{1}, {1}}, {{19}, {19}}};
    for (const auto& range : ranges) {
        const auto& [a, b] = range;
        const std::string name = text(a) + ", " + text(b);
        const bool is_first = &range == ranges.data();
        for (const auto& [first, second] : is_first ? broadcast_pairs() : few_pairs) {
            draw(op, name, {{first, a.low, a.high}, {second, b.low, b.high}}, f);
            draw(op, name, {{second, a.low, a.high}, {first, b.low, b.high}}, f);
        }
    }
}

std::vector<GradientCase> gradient_table(std::uint64_t seed) {
    GradientTable all(seed);
    add_elementwise_cases(all);
    add_row_cases(all);
    add_attention_cases(all);
    add_shape_cases(all);
    return all.cases;
}

}  // namespace taper::examples
