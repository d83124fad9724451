// The model answer to exercise 1b, two more ops for the scalar tape
//
// A quotient is a product with a power of -1, $y = a b^(-1)$, so
//
//     (del y) / (del a) = b^(-1) = 1 / b
//     (del y) / (del b) = a (-1) b^(-2) = -a / b^2
//
// and the exponential function is its own derivative. It is computed once, and used for the value
// and for the record.
#include "examples/exercises/scalar_tape.hpp"

Number operator/(Number a, Number b) {
    const double by_a = 1 / b.value;
    const double by_b = -a.value / (b.value * b.value);
    return {a.value / b.value, {{a.index, b.index}, {by_a, by_b}}};
}

Number exp(Number a) {
    const double y = std::exp(a.value);
    return {y, {{a.index}, {y}}};
}
