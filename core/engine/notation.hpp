// Notation around the ops: a number or an Array beside a Var, Vars in braces, and printing with <<.
// Included by core/ops.hpp.
//
//   a + Array<double>{1, 2}   pow(2, x)   maximum(0, x)   select(mask, 1.0, x)    concat({a, b}, 0)
//     std::cout << a << "\n"       // "(2,2) {{1, 2}, {3, 4}}"
//
// A number or an Array is a constant: no gradient flows into it. Array beside Array stays
// xtensor's.
#pragma once

#include <initializer_list>
#include <iosfwd>
#include <type_traits>
#include <vector>

#include "core/engine/tape.hpp"

namespace taper {

// A number or an Array as a Var<T>.
template <class T, class X> Var<T> constant(const X& x) {
    if constexpr (std::is_arithmetic_v<X>) return static_cast<T>(x);
    else return Operand<T>(x).x;
}

// ---- A number or an Array on the left. On the right the op's own signature takes it.
template <class T, class X>
requires(!is_var<X>) Var<T> pow(const X& a, const Var<T>& b, Source source = here()) {
    return pow(constant<T>(a), b, source);
}
template <class T, class X>
requires(!is_var<X>) Var<T> maximum(const X& a, const Var<T>& b, Source source = here()) {
    return maximum(constant<T>(a), b, source);
}
template <class T, class X>
requires(!is_var<X>) Var<T> minimum(const X& a, const Var<T>& b, Source source = here()) {
    return minimum(constant<T>(a), b, source);
}
template <class T, class X>
requires(!is_var<X>) Var<T> select(const Mask& mask, const X& a, const Var<T>& b,
                                   Source source = here()) {
    return select(mask, constant<T>(a), b, source);
}

// ---- Vars and Parameters in braces.
template <class T>
Var<T> concat(std::initializer_list<Var<T>> xs, int axis, Source source = here()) {
    return concat(std::vector<Var<T>>(xs), axis, source);
}
template <class T>
Var<T> stack(std::initializer_list<Var<T>> xs, int axis, Source source = here()) {
    return stack(std::vector<Var<T>>(xs), axis, source);
}

// ---- float beside double does not compile: which of the two is meant?
template <class T, class U> Var<T> two_number_types(const Var<T>& a, const Var<U>&) {
    static_assert(std::is_same_v<T, U>,
                  "Vars beside one another must have one number type, float or double");
    return a;
}
template <class T, class U>
requires(!std::is_same_v<T, U>) Var<T>
operator+(const Var<T>& a, const Var<U>& b) { return two_number_types(a, b); }
template <class T, class U>
requires(!std::is_same_v<T, U>) Var<T>
operator-(const Var<T>& a, const Var<U>& b) { return two_number_types(a, b); }
template <class T, class U>
requires(!std::is_same_v<T, U>) Var<T>
operator*(const Var<T>& a, const Var<U>& b) { return two_number_types(a, b); }
template <class T, class U>
requires(!std::is_same_v<T, U>) Var<T>
operator/(const Var<T>& a, const Var<U>& b) { return two_number_types(a, b); }

// Prints the shape and the numbers, of a long axis only its ends, in the C locale.
template <class T> std::ostream& operator<<(std::ostream& out, const Var<T>& x);

}  // namespace taper
