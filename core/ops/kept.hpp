// What an op keeps of an input.
#pragma once

#include "core/engine/tape.hpp"

namespace taper {

// In forward: can a gradient flow to x on the tape that records? In backward gradients.wants(x)
// says the same.
template <class T> bool wants_gradient(const Place<T>& x) {
    return x.tape != 0 || (x.leaf && x.leaf->trainable());
}

// x with its value where backward needs it. Else without, and the tape does not hold the numbers.
template <class T> Var<T> kept(const Var<T>& x, bool needed) {
    if (needed) return x;
    Var<T> place;
    static_cast<Place<T>&>(place) = x;
    return place;
}

}  // namespace taper
