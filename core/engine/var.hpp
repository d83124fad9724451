// Var: a value, and where its gradient goes.
//
// A Var is a shared, immutable Array and a Place. The Place says of what the value was computed: of
// an op on a tape, of a Parameter, or of neither (a constant). Included by core/engine/tape.hpp.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/array/array.hpp"
#include "core/engine/source.hpp"

namespace taper {

template <class T> class Tape;
template <class T> class Parameter;

// What a Parameter is to the tapes: a name, a gradient, and which numbers are its present ones.
template <class T> class Leaf {
  public:
    Leaf(std::string name, bool trainable) : name(std::move(name)), trainable_(trainable) {}
    bool trainable() const { return trainable_; }
    bool recorded() const { return tapes_ > 0; }  // by a live tape, of whatever thread

    std::string name;
    std::unique_ptr<Array<T>> gradient;  // null until a backward pass reaches it
    // The Parameter's value. A Var that holds another Array was made before the value changed.
    const Array<T>* present = nullptr;

  private:
    friend class Tape<T>;
    template <class U>
    friend std::vector<Parameter<U>*> freeze(const std::vector<Parameter<U>*>& parameters);
    template <class U> friend void thaw(const std::vector<Parameter<U>*>& parameters);

    bool trainable_;
    std::atomic<int> tapes_ = 0;  // that live and have recorded it
};

// Where a gradient goes: an op on a tape, a Parameter, or nowhere (a constant). It knows the shape
// and holds no numbers: an op keeps a Place of an input whose value its backward does not need.
template <class T> struct Place {
    Shape shape;
    std::shared_ptr<Leaf<T>> leaf;
    // The tape's serial number; 0 where no tape has recorded it.
    std::uint64_t tape = 0;
    // The op's number on that tape. If no tape has recorded it but it was computed of a trainable
    // Parameter, the number of the thread that computed it. Else 0.
    std::size_t index = 0;
};

template <class T> struct Operand;

// A value, shared and immutable, and its Place. Copies are cheap and are the same Var.
template <class T> class Var : public Place<T> {
    static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>,
                  "the number type of a Var is float or double");

  public:
    Var() = default;      // no value; only to be assigned to
    Var(Array<T> value);  // NOLINT: a constant
    Var(T value);         // NOLINT: a constant scalar, shape ()
    Var(const Var& x) : Place<T>(x), value_(x.value_) {}
    Var(Var&& x) noexcept(std::is_nothrow_move_constructible_v<Place<T>>)
        : Place<T>(std::move(x)), value_(std::move(x.value_)) {}
    // Error: *this is a Parameter
    Var& operator=(Var x) {
        if (is_parameter_) parameter_assigned();
        become(std::move(x));
        return *this;
    }

    // Error: there is no value, as in Var() or after a move. The reference to a Parameter's value
    // is good until its next mutable_value(), which an optimiser's step calls: while a tape holds
    // the old numbers, the new ones are in another Array.
    const Array<T>& value() const& {
        if (!value_) no_value();
        return *value_;
    }
    const Shape& shape() const& { return Place<T>::shape; }
    // The value of a temporary, as in exp(x).value(), is the Array itself: a reference would not
    // keep it alive.
    Array<T> value() && {
        if (!value_) no_value();
        return value_.use_count() == 1 ? std::move(*value_) : *value_;
    }
    Shape shape() && { return std::move(Place<T>::shape); }
    T item() const;      // the number of a Var with one entry
    Var detach() const;  // the same value as a constant: no gradient flows back through it

    friend Var operator+(Operand<T> a, Operand<T> b) { return add(a.x, b.x, a.source); }
    friend Var operator-(Operand<T> a, Operand<T> b) { return sub(a.x, b.x, a.source); }
    friend Var operator*(Operand<T> a, Operand<T> b) { return mul(a.x, b.x, a.source); }
    friend Var operator/(Operand<T> a, Operand<T> b) { return div(a.x, b.x, a.source); }
    friend Var operator-(Operand<T> a) { return neg(a.x, a.source); }

    // a becomes another Var, a + b. What was computed with the old one stays. A Parameter stays
    // itself: for one that is seen as a Var& this is an Error.
    friend Var& operator+=(Var& a, Operand<T> b) { return a = add(a, b.x, b.source); }
    friend Var& operator-=(Var& a, Operand<T> b) { return a = sub(a, b.x, b.source); }
    friend Var& operator*=(Var& a, Operand<T> b) { return a = mul(a, b.x, b.source); }
    friend Var& operator/=(Var& a, Operand<T> b) { return a = div(a, b.x, b.source); }

  protected:
    friend class Tape<T>;
    [[noreturn]] static void no_value();
    [[noreturn]] void parameter_assigned() const;
    void become(Var&& x) {
        static_cast<Place<T>&>(*this) = std::move(x);
        value_ = std::move(x.value_);
    }

    std::shared_ptr<Array<T>> value_;
    bool is_parameter_ = false;  // a Parameter's own Var, not one that was made from it
};

// An operand of + - * /: a Var, a Parameter, a number or an Array, and the source line of the
// expression.
template <class T> struct Operand {
    Var<T> x;
    Source source;
    Operand(const Var<T>& var, Source line = here()) : x(var), source(line) {}  // NOLINT
    Operand(T number, Source line = here()) : x(number), source(line) {}        // NOLINT
    template <class E>
    Operand(const xt::xexpression<E>& array, Source line = here())
        : x(Array<T>(array)), source(line) {
        static_assert(std::is_same_v<typename E::value_type, T>,
                      "an Array beside a Var must have its number type: converted<float>(array)");
    }
};

template <class X>
inline constexpr bool is_var =
    std::is_base_of_v<Place<float>, X> || std::is_base_of_v<Place<double>, X>;

}  // namespace taper

// xtensor's operators and functions take an Array together with anything, as if that were a number.
// Beside a Var they are taken out of the choice, so that ours is found.
namespace xt::detail {
template <class F, class... E>
requires(taper::is_var<std::decay_t<E>> || ...) struct xfunction_type<F, E...> {
};
}  // namespace xt::detail
