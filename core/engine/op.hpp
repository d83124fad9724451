// Op: what an operation is, how its backward hands on gradients (Gradients), and how it is run and
// recorded (apply). Whoever writes an op of their own reads this header; core/ops/ has examples.
// Included by core/engine/tape.hpp, which has the Tape that apply() needs.
#pragma once

#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/engine/var.hpp"

namespace taper {

// How an op's backward hands on gradients to the op's inputs.
template <class T> class Gradients {
  public:
    Gradients(Tape<T>& tape, const std::shared_ptr<Array<T>>& dy) : tape_(tape), dy_(dy) {}
    bool wants(const Place<T>& x) const;       // can a gradient flow through x to a Parameter?
    void add(const Place<T>& x, Array<T> dx);  // gradient of x += dx; same shape, else Error
    void add_dy(const Place<T>& x);            // the same with dx = dy, which is not copied
    // The gradient of x, to be added to in place: zeros at first. Its shape must stay. Error: x is
    // not wanted.
    Array<T>& at(const Place<T>& x);

  private:
    void add(const Place<T>& x, const std::shared_ptr<Array<T>>& dx);

    Tape<T>& tape_;
    const std::shared_ptr<Array<T>>& dy_;
};

// How much of an array is looked at: its first matrices, and of each the first rows and columns. A
// matrix is the last two axes, for an index of the others.
struct PartSize {
    std::size_t matrices, rows, columns;
};

// An array that an op makes between its inputs and its output, as attention its weights P.
template <class T> struct Intermediate {
    const char* name;            // as in the formula
    const char *rows, *columns;  // what a row and a column of a matrix are: "query", "key"
    Shape shape;                 // of all of it
    Array<T> part;               // (matrices, rows, columns), none more than PartSize
};

// An operation. A struct with named members for what backward needs, and these functions:
//     Var<T> forward(inputs and options as the recording function has them)
//         returns a constant Var
//     void backward(dy, gradients)
//         adds dx of each wanted input; called at most once for each pass. Ops called in it are not
//         recorded: there its Vars are values
//     const char* name()
//     const char* formula()
//         of y and of each dx, and where it is not plain to see, what backward needs or keeps. A
//         member that is a Var keeps its numbers on the tape, a Place keeps the shape alone
//         (core/ops/kept.hpp). It begins with the name of the output: "y = a + b", "loss = ..."
//     const char* inputs()
//         their names in the formula, "Q K V"; their gradients are dQ, dK, dV there. A last name
//         in _i is that of all further inputs: "x_i" stands for x_0, x_1, ...
// Recorded by apply<TheOp>(source, inputs and options...), where an input is a Var, an optional Var
// or a range of Vars or Parameters. An op outside core is made in the same way. The texts of
// name(), formula() and inputs() outlive the op on the tape: they are literals. In forward, other
// ops take x.detach(), or they are recorded as well.
//
// A Parameter must be among the inputs. One that only backward reaches, by a pointer to a layer, is
// not seen: where no other input wants a gradient the op is not recorded, and the Parameter gets
// nothing. An op that computes again in backward what it did not keep takes W as an input, keeps a
// copy of the Var, and
//     void backward(dy, gradients) {
//         Parameter<T> x_again("x", x.value()), W_again("W", W.value());
//         Tape<T> inner;
//         inner.backward(block(x_again, W_again), dy);
//         if (gradients.wants(x)) gradients.add(x, x_again.gradient());     and so with W
//     }
// A tape in backward that uses W itself adds to W's own gradient at once: the same sum, again in
// each pass, but unknown to the outer tape's gradient(W).
template <class T> struct Op {
    using value_type = T;
    virtual ~Op() = default;
    virtual const char* name() const = 0;
    virtual const char* formula() const { return ""; }
    virtual const char* inputs() const { return ""; }
    // To be looked at: made again from what the op keeps, with the numbers of its forward.
    virtual std::vector<Intermediate<T>> intermediates(const PartSize& /*most*/) const {
        return {};
    }
    virtual void backward(const Array<T>& dy, Gradients<T>& gradients) = 0;
};

// The name of the input at this place among an op's inputs(); "input 0" where it has none.
std::string name_of_input(const char* inputs, std::size_t place);
// The name of the output in a formula: its first letters; "y" of none.
std::string name_of_output(const char* formula);

namespace detail {

template <class T, class A> constexpr bool is_range_of_vars = false;
template <class T, std::ranges::range A>
constexpr bool is_range_of_vars<T, A> = std::is_base_of_v<Var<T>, std::ranges::range_value_t<A>>;

// Appends the Vars of one argument of apply() to inputs, after a check of each.
template <class T, class A>
void append_inputs(const char* op, std::vector<Var<T>>& inputs, const A& argument) {
    if constexpr (std::is_base_of_v<Var<T>, A>) {
        Tape<T>::check_value(op, argument);
        inputs.push_back(argument);
    } else if constexpr (is_range_of_vars<T, A>) {
        for (const auto& x : argument) append_inputs(op, inputs, x);
    } else if constexpr (std::is_same_v<A, std::optional<Var<T>>>) {
        if (argument) append_inputs(op, inputs, *argument);
    } else {
        static_assert(!std::is_base_of_v<Place<float>, A> && !std::is_base_of_v<Place<double>, A>,
                      "an op and its inputs must have one number type");
    }
}

}  // namespace detail

// Runs body and returns what it returns. To an Error that it throws, the line of the call and what
// made the inputs are appended.
template <class T, class F>
auto explained(Source source, const std::vector<Var<T>>& inputs, F body) {
    try {
        return body();
    } catch (const Error& error) {
        Tape<T>::explain(error, source, inputs);
    }
}

// Runs an op forward. It is recorded if a gradient can flow through it: the innermost tape or
// NoGrad of this thread is a tape that does not run backward, and an input is on it or is a
// trainable Parameter (Tape::record). The Vars among the arguments are the inputs.
template <class O, class... Arguments>
Var<typename O::value_type> apply(Source source, const Arguments&... arguments) {
    using T = typename O::value_type;
    auto op = std::make_unique<O>();
    std::vector<Var<T>> inputs;
    (detail::append_inputs<T>(op->name(), inputs, arguments), ...);
    Tape<T>::check(op->name(), inputs);
    const auto forward = [&] { return op->forward(arguments...); };
    const Var<T> result = explained(source, inputs, forward);
    Var<T> y = result.detach();  // also where forward returns its input
    Tape<T>::record(std::move(op), inputs, source, y);
    return y;
}

}  // namespace taper
