// What an op keeps of an input.
#pragma once

#include "core/engine/tape.hpp"

namespace taper {

// Can a gradient flow to x? This is for the forward of an op, whether or not a tape records it. In
// backward gradients.wants(x) says the same.
template <class T> bool wants_gradient(const Place<T>& x) {
    return x.tape != 0 || (x.leaf && x.leaf->trainable());
}

// x, without its value where backward does not need it, so that the tape does not hold the numbers.
template <class T> Var<T> kept(const Var<T>& x, bool needed) {
    if (needed) return x;
    Var<T> without_value;
    static_cast<Place<T>&>(without_value) = x;
    return without_value;
}

}  // namespace taper
