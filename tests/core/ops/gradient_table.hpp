// The gradient table: cases for every op of core/ops.hpp, of many shapes and ranges.
// gradients.cpp checks them all, same_bits.cpp runs them on different numbers of threads. An op
// without a case makes a test fail.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/check/gradcheck.hpp"

namespace taper::tests {

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
struct In {
    Shape shape;
    double low = -2, high = 2;
};
struct Between {
    double low, high;
};

class Table {
  public:
    std::vector<GradientCase> cases;

    // A case of `op`; with a composition, a case of "composed::" + op, too.
    void add(const std::string& op, const std::string& name, std::vector<Array<double>> inputs,
             const Functions& f, const Functions& composition = {},
             const GradcheckOptions& options = {});
    void draw(const std::string& op, const std::string& name, const std::vector<In>& inputs,
              const Functions& f, const Functions& composition = {},
              const GradcheckOptions& options = {});

    // All shapes of some_shapes() in the first range, a few in the others.
    void one_input(const std::string& op, const std::vector<Between>& ranges, const Functions& f,
                   const Functions& composition = {}, const GradcheckOptions& options = {});
    // All pairs of broadcast_pairs(), in both orders, in the first ranges of a and b, a few shapes
    // in the others.
    void two_inputs(const std::string& op, const std::vector<std::pair<Between, Between>>& ranges,
                    const Functions& f);
};

// T of a vector of Var<T>
template <class X>
using NumberOf = typename std::decay_t<decltype(std::declval<X>()[0].value())>::value_type;

std::string text(const std::vector<int>& numbers);  // "{0,-1}"

const std::vector<Shape>& some_shapes();
const std::vector<std::pair<Shape, Shape>>& broadcast_pairs();

// The cases of a family of ops, each in the file gradient_table_*.cpp of its name.
void add_elementwise_cases(Table& table);
void add_row_cases(Table& table);  // matmul, reductions, softmax, layer_norm, ...
void add_attention_cases(Table& table);
void add_shape_cases(Table& table);  // reshape, slice, concat, ...

const std::vector<GradientCase>& gradient_table();

// The ops declared in core/ops.hpp; those of its namespace composed as "composed::softmax".
std::vector<std::string> declared_ops();

}  // namespace taper::tests
