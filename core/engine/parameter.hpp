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
// optimiser's step does. From then on that Var keeps the old numbers, and to record it is an Error.
// To use the old numbers, make them a constant with detach(). To share a weight, keep a reference
// to the Parameter.
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
    // has another shape is an Error. What a tape recorded of the old value stays, because a value
    // that is shared is copied first. So call it for each change. An older reference, from before
    // the Parameter was used, writes into what the tape recorded, and the gradient is wrong. A tape
    // with Finite::checked notices that.
    Array<T>& mutable_value();

  private:
    Leaf<T>& own() const {
        if (!this->leaf) this->no_value();
        return *this->leaf;
    }
};

// For functions that take many Parameters. Error, with `who` as its subject: a pointer is null.
template <class T>
void require_parameters(const char* who, const std::vector<Parameter<T>*>& parameters);

// Freezes Parameters. A frozen one is a constant for every tape: it gets no gradient, and no
// optimiser moves it, decays it or changes its moments. Its gradient is dropped. Returns those that
// were trainable, so that thaw(frozen) undoes it. Error: a live tape has recorded one of them.
template <class T> std::vector<Parameter<T>*> freeze(const std::vector<Parameter<T>*>& parameters);
template <class T>
std::vector<Parameter<T>*> freeze(std::initializer_list<Parameter<T>*> parameters) {
    return freeze(std::vector<Parameter<T>*>(parameters));
}
template <class T> void freeze(Parameter<T>& parameter) { freeze({&parameter}); }

// Makes Parameters trainable, also those that were not trainable from the start, as E and F of a
// random projection. Error: a tape is alive on this thread, for which a Parameter may be a constant
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
