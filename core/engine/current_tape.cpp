// Which tape records on a thread, and of which inputs an op may be recorded there.
#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/engine/tape.hpp"
#include "core/kernels/parallel.hpp"

namespace taper {

namespace {

// A tape that was begun on this thread, or a NoGrad, which hides the tapes before it.
template <class T> struct Begun {
    Tape<T>* tape;         // null: a NoGrad
    std::uint64_t serial;  // 0: of a NoGrad
    // False once it has ended, perhaps on another thread.
    std::shared_ptr<const std::atomic<bool>> alive;
    // The number of the body of parallel_for in which it was begun; 0: in none.
    std::size_t body = detail::thread_context().body;

    bool live() const { return *alive; }
};

}  // namespace

// The tapes that were begun on this thread, the innermost last. The last one is live. Others may
// have ended: to drop these as well, every op would have to look at each.
template <class T> static std::vector<Begun<T>>& begun_tapes() {
    thread_local std::vector<Begun<T>> tapes;
    while (!tapes.empty() && !tapes.back().live()) tapes.pop_back();
    return tapes;
}

template <class T> static void begin(Begun<T> innermost) {
    auto& tapes = begun_tapes<T>();
    std::erase_if(tapes, [](const Begun<T>& begun) { return !begun.live(); });
    tapes.push_back(std::move(innermost));
}

template <class T> static std::atomic<std::size_t> tapes_made = 0;

template <class T>
Tape<T>::Tape(Finite finite)
    : serial_(detail::next_number(tapes_made<T>)),
      alive_(std::make_shared<std::atomic<bool>>(true)),
      finite_(finite) {
    begin<T>({this, serial_, alive_});
}

template <class T> Tape<T>::~Tape() {
    release_parameters();
    *alive_ = false;
}

template <class T> NoGrad<T>::NoGrad() : alive_(std::make_shared<std::atomic<bool>>(true)) {
    begin<T>({nullptr, 0, alive_});
}

template <class T> NoGrad<T>::~NoGrad() { *alive_ = false; }

template <class T> Tape<T>* Tape<T>::recording() {
    const auto& tapes = begun_tapes<T>();
    Tape* const innermost = tapes.empty() ? nullptr : tapes.back().tape;
    const bool records = innermost && innermost->backward_ != running;
    return records ? innermost : nullptr;
}

template <class T> bool Tape<T>::begun() {
    const auto& tapes = begun_tapes<T>();
    return std::any_of(tapes.begin(), tapes.end(),
                       [](const Begun<T>& begun) { return begun.tape && begun.live(); });
}

template <class T> detail::Intent detail::intent() {
    if (begun_tapes<T>().empty()) return Intent::compute;
    return Tape<T>::recording() ? Intent::record : Intent::values;
}

// The intent of the thread that called the outermost body of parallel_for that this thread is in.
template <class T> static detail::Intent intent_of_caller() {
    const detail::ThreadContext& context = detail::thread_context();
    return std::is_same_v<T, float> ? context.in_float : context.in_double;
}

template <class T> static bool is_trainable(const Var<T>& x) {
    return x.leaf && x.leaf->trainable();
}

// ---- What may be an input

// An input as the messages below show it: ": input 0 (2,3): parameter w".
template <class T> static std::string input_text(std::size_t i, const Var<T>& x) {
    return ": input " + std::to_string(i) + " " + to_string(x.shape()) +
           (x.leaf ? ": parameter " + x.leaf->name : "");
}

// Is this thread in a body of parallel_for, and does a tape from outside that body record? Such a
// tape records what the thread that called parallel_for does, and not what the body does.
template <class T> static bool outer_tape_records() {
    const detail::ThreadContext& context = detail::thread_context();
    if (context.body == 0) return false;
    const auto& tapes = begun_tapes<T>();
    const bool begun_in_body = !tapes.empty() && tapes.back().body == context.body;
    const detail::Intent intent = tapes.empty() ? intent_of_caller<T>() : detail::intent<T>();
    return !begun_in_body && intent == detail::Intent::record;
}

// Error: an op in a body of parallel_for would have to be recorded on a tape from outside the body.
template <class T> static void check_body(const char* op, const std::vector<Var<T>>& inputs) {
    if (!outer_tape_records<T>()) return;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const bool wants_gradient = inputs[i].tape != 0 || is_trainable(inputs[i]);
        if (wants_gradient)
            throw Error(std::string(op) +
                        ": a body of parallel_for must not call an op that is to be recorded on a "
                        "tape from outside it (detach() or NoGrad makes values)" +
                        input_text(i, inputs[i]));
    }
}

template <class T> const char* Tape<T>::fault_of(const Var<T>& x) {
    const Tape* const innermost = recording();
    if (x.tape == 0) {
        const bool elsewhere = x.index != 0 && x.index != detail::thread_context().thread;
        if (!innermost || !elsewhere) return nullptr;  // a constant
    } else if (innermost && x.tape == innermost->serial_) {
        return nullptr;  // recorded where the op will be
    }

    const auto& tapes = begun_tapes<T>();
    const auto has_recorded_x = [&](const Begun<T>& begun) {
        return x.tape != 0 && begun.serial == x.tape && begun.live();
    };
    const auto outer = std::find_if(tapes.begin(), tapes.end(), has_recorded_x);
    if (outer != tapes.end()) {
        const bool in_backward = outer->tape->backward_ == running;
        const bool in_no_grad = tapes.back().tape == nullptr;
        if (in_backward || in_no_grad) return nullptr;  // a value
        return "it is of an outer tape";
    }
    if (intent_of_caller<T>() == detail::Intent::values) return nullptr;  // a value
    if (x.tape == 0)
        return "it was computed of a trainable parameter where no tape recorded, by another thread "
               "or another copy of the library";
    return "its tape was destroyed, has run backward, or is of another thread";
}

template <class T> void Tape<T>::check(const char* op, const std::vector<Var<T>>& inputs) {
    check_body(op, inputs);
    for (std::size_t i = 0; i < inputs.size(); ++i)
        if (const char* const fault = fault_of(inputs[i]); fault)
            throw Error(std::string(op) +
                        ": an input must be a constant or recorded on the innermost live tape" +
                        " (detach() makes it a constant)" + input_text(i, inputs[i]) + ": " +
                        fault);
}

template <class T> void Tape<T>::mark_unrecorded(const std::vector<Var<T>>& inputs, Var<T>& y) {
    // In a NoGrad and in a backward plain values are meant.
    const bool values_meant =
        !begun_tapes<T>().empty() || intent_of_caller<T>() == detail::Intent::values;
    const auto is_of_parameter = [](const Var<T>& x) { return x.index != 0 || is_trainable(x); };
    if (!values_meant && std::any_of(inputs.begin(), inputs.end(), is_of_parameter))
        y.index = detail::thread_context().thread;
}

template <class T> void Tape<T>::check_value(const char* op, const Var<T>& x) {
    const Shape& present = x.value().shape();
    if (present != x.shape())
        shape_error(op, "a Parameter's value must keep its shape",
                    {{x.leaf ? x.leaf->name.c_str() : "x", x.shape()}, {"value", present}});
    const bool changed = x.leaf && x.value_.get() != x.leaf->present;
    if (changed && x.leaf->trainable() && recording()) {
        const std::string name = "parameter " + x.leaf->name;
        shape_error(op,
                    "a Var of a Parameter must have its present value, but that has changed since "
                    "(take the Parameter itself, or detach() for the numbers from before)",
                    {{name.c_str(), x.shape()}});
    }
}

#define TAPER_INSTANTIATE(T)                                                     \
    template Tape<T>::Tape(Finite);                                              \
    template Tape<T>::~Tape();                                                   \
    template class NoGrad<T>;                                                    \
    template Tape<T>* Tape<T>::recording();                                      \
    template bool Tape<T>::begun();                                              \
    template detail::Intent detail::intent<T>();                                 \
    template const char* Tape<T>::fault_of(const Var<T>&);                       \
    template void Tape<T>::check(const char*, const std::vector<Var<T>>&);       \
    template void Tape<T>::mark_unrecorded(const std::vector<Var<T>>&, Var<T>&); \
    template void Tape<T>::check_value(const char*, const Var<T>&);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
