// The gradient table: cases for every op of core/ops.hpp, of many shapes and ranges.
// op_checks.hpp holds them against numeric derivatives. The tests go through the same list
// (tests/core/ops/gradients.cpp, same_bits.cpp): an op without a case makes one fail.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/check/gradcheck.hpp"

namespace taper::examples {

template <class T> using Function = std::function<Var<T>(const std::vector<Var<T>>&)>;

// A function of some inputs, for both number types: a lambda over `const auto& x`.
struct Functions {
    Function<double> in_double;
    Function<float> in_float;

    Functions() = default;
    // Not explicit: a lambda stands for both.
    template <class F> Functions(F f) : in_double(f), in_float(f) {}
};

struct GradientCase {
    std::string op;    // its name in core/ops.hpp: "softmax", "composed::softmax"
    std::string name;  // what the case is about, and its shapes: "axis 0 (2,3,5)"
    Functions f;
    std::vector<Array<double>> inputs;
    Functions composition;  // of a fused op, else empty
    GradcheckOptions options = {};

    std::string title() const { return op + " " + name; }
};

// An input of a case: its shape and the range its entries are drawn from.
struct DrawnInput {
    Shape shape;
    double low = -2, high = 2;
};
struct Between {
    double low, high;
};

class GradientTable {
  public:
    // seed: of the entries that are drawn.
    explicit GradientTable(std::uint64_t seed) : seed_(seed) {}

    std::vector<GradientCase> cases;

    // A case of `op`; with a composition, a case of "composed::" + op, too.
    void add(const std::string& op, const std::string& name, std::vector<Array<double>> inputs,
             const Functions& f, const Functions& composition = {},
             const GradcheckOptions& options = {});
    void draw(const std::string& op, const std::string& name, const std::vector<DrawnInput>& inputs,
              const Functions& f, const Functions& composition = {},
              const GradcheckOptions& options = {});

    // All shapes of some_shapes() in the first range, a few in the others.
    void one_input(const std::string& op, const std::vector<Between>& ranges, const Functions& f,
                   const Functions& composition = {}, const GradcheckOptions& options = {});
    // All pairs of broadcast_pairs(), in both orders, in the first ranges of a and b, a few shapes
    // in the others.
    void two_inputs(const std::string& op, const std::vector<std::pair<Between, Between>>& ranges,
                    const Functions& f);

  private:
    std::uint64_t seed_;
};

// T of a vector of Var<T>
template <class X>
using NumberOf = typename std::decay_t<decltype(std::declval<X>()[0].value())>::value_type;

std::string in_braces(const std::vector<int>& numbers);  // "{0,-1}"

const std::vector<Shape>& some_shapes();
const std::vector<std::pair<Shape, Shape>>& broadcast_pairs();

// The cases of a family of ops, each in the file cases_*.cpp of its name.
void add_elementwise_cases(GradientTable& table);
void add_row_cases(GradientTable& table);  // matmul, reductions, softmax, layer_norm, ...
void add_attention_cases(GradientTable& table);
void add_shape_cases(GradientTable& table);  // reshape, slice, concat, ...

// All cases; a seed draws other inputs of the same shapes and ranges.
std::vector<GradientCase> gradient_table(std::uint64_t seed = 1);

}  // namespace taper::examples
