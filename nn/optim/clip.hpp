// The global norm of all gradients, and clipping by it (Pascanu, Mikolov, Bengio 2013).
#pragma once

#include <initializer_list>
#include <vector>

#include "core/engine/tape.hpp"

namespace taper::nn {

// sqrt of the sum of the squares of all gradients, in double. Parameters without a gradient and
// frozen ones count as 0. One that is listed twice counts once.
//
// List what the optimiser moves. The gradient of a trainable Parameter that was left out of it is
// never cleared: it grows from step to step, and counts here. freeze() it instead.
//
// Error, which names the first parameter with an entry that is not finite, or whose squares
// overflow (double; float cannot).
template <class T> double gradient_norm(const std::vector<Parameter<T>*>& parameters);
template <class T> double gradient_norm(std::initializer_list<Parameter<T>*> parameters) {
    return gradient_norm(std::vector<Parameter<T>*>(parameters));
}

// Scales all gradients by limit / norm if the norm is above limit (> 0). Returns the norm before.
template <class T>
double clip_gradients(const std::vector<Parameter<T>*>& parameters, double limit);
template <class T>
double clip_gradients(std::initializer_list<Parameter<T>*> parameters, double limit) {
    return clip_gradients(std::vector<Parameter<T>*>(parameters), limit);
}

}  // namespace taper::nn
