// A gradient as backward would have left it.
#pragma once

#include "core/ops.hpp"

namespace taper::tests {

template <class T> void set_gradient(Parameter<T>& p, const Array<T>& g) {
    Tape<T> tape;
    tape.backward(sum(p * Var<T>(g)));
}

}  // namespace taper::tests
