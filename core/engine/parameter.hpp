// Parameter: a named Var that is trained. It is frozen and thawed, and its gradient cleared, here.
// Included by core/engine/tape.hpp.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "core/engine/var.hpp"

namespace taper {

// A named Var that outlives tapes and collects its gradient over backward passes. It is moved, not
// copied. A Var made from it stands for the same Parameter until mutable_value() is called, as an
// optimiser's step does. From then on that Var keeps the numbers from before, and to record it is
// an Error. Who means the numbers from before makes them a constant with detach(). Who shares a
// weight keeps a reference to the Parameter.
template <class T> class Parameter : public Var<T> {
  public:
    Parameter(std::string name, Array<T> value, bool trainable = true);
    Parameter(Parameter&& w) : Var<T>(std::move(w)) { this->is_parameter_ = true; }
    Parameter& operator=(Parameter&& w) {
        this->become(std::move(w));
        return *this;
    }
    Parameter(const Parameter&) = delete;
    Parameter& operator=(const Parameter&) = delete;
    // Not `w += dw`: `w.mutable_value() += dw` changes the value.
    friend void operator+=(Parameter&, Operand<T>) = delete;
    friend void operator-=(Parameter&, Operand<T>) = delete;
    friend void operator*=(Parameter&, Operand<T>) = delete;
    friend void operator/=(Parameter&, Operand<T>) = delete;

    const std::string& name() const { return own().name; }
    // false: a constant for every tape; see freeze and thaw
    bool trainable() const { return own().trainable(); }

    bool has_gradient() const { return own().gradient != nullptr; }
    // Of the value's shape. Error: no backward pass has reached it.
    const Array<T>& gradient() const;
    Array<T>& mutable_gradient();
    void clear_gradient() { own().gradient.reset(); }

    // The value, to be changed in place. Its shape must stay: every use of a Parameter whose value
    // has got another is an Error. What a tape recorded of the old value stays: a value that is
    // shared is copied first. So call it for each change: a reference that was got before the
    // Parameter was used writes into what the tape recorded, and the gradient is wrong. A tape with
    // Finite::checked notices.
    Array<T>& mutable_value();

  private:
    Leaf<T>& own() const {
        if (!this->leaf) this->no_value();
        return *this->leaf;
    }
};

// For functions that take many Parameters. Error, in the name of `who`: a pointer is null.
template <class T>
void require_parameters(const char* who, const std::vector<Parameter<T>*>& parameters);

// Frozen, a Parameter is a constant for every tape: it gets no gradient, and no optimiser moves it,
// decays it or changes what it remembers of it. Its gradient is dropped. Returns those that were
// trainable: thaw(frozen) undoes it. Error: a live tape has recorded it.
template <class T> std::vector<Parameter<T>*> freeze(const std::vector<Parameter<T>*>& parameters);
template <class T>
std::vector<Parameter<T>*> freeze(std::initializer_list<Parameter<T>*> parameters) {
    return freeze(std::vector<Parameter<T>*>(parameters));
}
template <class T> void freeze(Parameter<T>& parameter) { freeze({&parameter}); }

// Makes Parameters trainable, also those that were made not to be, as E and F of a random
// projection are. Error: a tape is alive on this thread, for which a Parameter may be a constant
// already.
template <class T> void thaw(const std::vector<Parameter<T>*>& parameters);
template <class T> void thaw(std::initializer_list<Parameter<T>*> parameters) {
    thaw(std::vector<Parameter<T>*>(parameters));
}
template <class T> void thaw(Parameter<T>& parameter) { thaw({&parameter}); }

template <class T> void clear_gradients(const std::vector<Parameter<T>*>& parameters);
template <class T> void clear_gradients(std::initializer_list<Parameter<T>*> parameters) {
    clear_gradients(std::vector<Parameter<T>*>(parameters));
}

}  // namespace taper
