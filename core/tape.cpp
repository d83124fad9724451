#include "core/tape.hpp"

#include <algorithm>
#include <atomic>

#include "core/map.hpp"

namespace taper {

// ---- Var and Parameter

template <class T> Var<T>::Var(Array<T> value) : value_(std::make_shared<Array<T>>(std::move(value))) {
    Place<T>::shape = value_->shape();
}

template <class T> Var<T>::Var(T value) : Var(full<T>(Shape{}, value)) {}

template <class T> void Var<T>::no_value() {
    throw Error("value: a Var or Parameter must have a value: it was made without one, or moved from");
}

template <class T> T Var<T>::item() const {
    if (value().size() != 1) shape_error("item", "a Var must have one entry", {{"x", shape()}});
    return *value().data();
}

template <class T> Var<T> Var<T>::detach() const {
    Var constant;
    static_cast<Place<T>&>(constant).shape = shape();
    constant.value_ = value_;
    return constant;
}

template <class T>
Parameter<T>::Parameter(std::string name, Array<T> value, bool trainable) : Var<T>(std::move(value)) {
    this->leaf = std::make_shared<Leaf<T>>();
    this->leaf->name = std::move(name);
    this->leaf->trainable = trainable;
}

template <class T> const Array<T>& Parameter<T>::gradient() const {
    if (!has_gradient()) throw Error("gradient: a backward pass must have reached the parameter: " + name());
    return *this->leaf->gradient;
}

template <class T> Array<T>& Parameter<T>::mutable_gradient() {
    gradient();
    return *this->leaf->gradient;
}

template <class T> Array<T>& Parameter<T>::mutable_value() {
    this->value();
    if (this->value_.use_count() > 1) this->value_ = std::make_shared<Array<T>>(*this->value_);
    return *this->value_;
}

// ---- Gradients

template <class T> bool Gradients<T>::wants(const Place<T>& x) const { return tape_.find(x) != Tape<T>::nowhere; }

template <class T> void Gradients<T>::add(const Place<T>& x, const std::shared_ptr<Array<T>>& dx) {
    if (dx->shape() != x.shape)
        shape_error("backward", "a gradient must have the shape of its input", {{"dx", dx->shape()}, {"x", x.shape}});
    const std::size_t i = tape_.find(x);
    if (i == Tape<T>::nowhere) return;
    auto& gradient = tape_.records_[i].gradient;
    if (!gradient) gradient = dx;
    else if (gradient.use_count() == 1) add_to(*gradient, *dx);
    else gradient = std::make_shared<Array<T>>(map([](auto a, auto b) { return a + b; }, *gradient, *dx));
}
template <class T> void Gradients<T>::add(const Place<T>& x, Array<T> dx) {
    add(x, std::make_shared<Array<T>>(std::move(dx)));
}
template <class T> void Gradients<T>::add_dy(const Place<T>& x) { add(x, dy_); }

template <class T> Array<T>& Gradients<T>::at(const Place<T>& x) {
    const std::size_t i = tape_.find(x);
    if (i == Tape<T>::nowhere)
        throw Error("backward: at(x) takes an input that wants a gradient: x " + to_string(x.shape));
    auto& gradient = tape_.records_[i].gradient;
    if (!gradient) gradient = std::make_shared<Array<T>>(zeros<T>(x.shape));
    if (gradient.use_count() > 1) gradient = std::make_shared<Array<T>>(*gradient);
    return *gradient;
}

// ---- Tape

// The tapes that were begun on this thread, innermost last. A tape may end elsewhere: then its flag is gone.
template <class T> struct Begun {
    Tape<T>* tape;
    std::uint64_t serial;
    std::weak_ptr<bool> recording;

    bool live() const {
        const auto flag = recording.lock();
        return flag && *flag;
    }
};
template <class T> static std::vector<Begun<T>>& begun_tapes() {
    thread_local std::vector<Begun<T>> tapes;
    std::erase_if(tapes, [](const Begun<T>& begun) { return !begun.live(); });
    return tapes;
}

template <class T> Tape<T>::Tape(Finite finite) : recording_(std::make_shared<bool>(true)), finite_(finite) {
    static std::atomic<std::uint64_t> tapes_made = 0;
    serial_ = ++tapes_made;
    begun_tapes<T>().push_back({this, serial_, recording_});
}

template <class T> Tape<T>* Tape<T>::recording() {
    const auto& tapes = begun_tapes<T>();
    return tapes.empty() || tapes.back().tape->backward_ == running ? nullptr : tapes.back().tape;
}

template <class T> void Tape<T>::check(const char* op, const std::vector<Var<T>>& inputs) {
    const Tape* inner = recording();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const Var<T>& x = inputs[i];
        if (x.tape == 0 || (inner && x.tape == inner->serial_)) continue;
        const auto& tapes = begun_tapes<T>();
        const auto outer = std::find_if(tapes.begin(), tapes.end(), [&](const auto& t) { return t.serial == x.tape; });
        if (outer != tapes.end() && outer->tape->backward_ == running) continue;  // a value, in an op's backward
        throw Error(std::string(op) + ": an input must be a constant or recorded on the innermost live tape" +
                    " (detach() makes it a constant): input " + std::to_string(i) + " " + to_string(x.shape()) + ": " +
                    (outer != tapes.end() ? "it is of an outer tape"
                                          : "its tape was destroyed, has run backward, or is of another thread"));
    }
}

template <class T> void Tape<T>::check_value(const char* op, const Var<T>& x) {
    if (x.value().shape() != x.shape())
        shape_error(op, "a Parameter's value must keep its shape",
                    {{x.leaf ? x.leaf->name.c_str() : "x", x.shape()}, {"value", x.value().shape()}});
}

template <class T> std::size_t Tape<T>::find(const Place<T>& x) const {
    if (x.leaf) {
        const auto found = leaves_.find(x.leaf.get());
        return found == leaves_.end() ? nowhere : found->second;
    }
    return x.tape == serial_ ? x.index : nowhere;
}

template <class T> std::size_t Tape<T>::place(const Var<T>& x) {
    if (x.leaf && x.leaf->trainable && !leaves_.contains(x.leaf.get())) {
        leaves_[x.leaf.get()] = records_.size();
        records_.push_back({nullptr, x.leaf, "parameter", "", {"", 0}, x.shape(), {}, x.value_, nullptr});
    }
    return find(x);
}

template <class T>
void Tape<T>::record(std::unique_ptr<Op<T>> op, const std::vector<Var<T>>& inputs, Source source, Var<T>& y) {
    Tape* tape = recording();
    if (!tape) return;
    if (tape->finite_ == Finite::checked) tape->require_finite(op->name(), source, inputs, y);
    std::vector<std::size_t> numbers;
    for (const Var<T>& x : inputs)
        if (const std::size_t number = tape->place(x); number != nowhere) numbers.push_back(number);
    if (numbers.empty()) return;
    y.tape = tape->serial_;
    y.index = tape->records_.size();
    const char *name = op->name(), *formula = op->formula();
    tape->records_.push_back(
        {std::move(op), nullptr, name, formula, source, y.shape(), std::move(numbers), y.value_, nullptr});
}

template <class T> void Tape<T>::backward(const Var<T>& loss, Keep keep) {
    if (count(loss.shape()) != 1)
        shape_error("backward", "the loss must be a scalar (another y takes a cotangent dy)", {{"loss", loss.shape()}});
    backward(loss, full<T>(loss.shape(), T(1)), keep);
}

// A Parameter's gradient adds up over passes.
template <class T> static void add_to_leaf(Leaf<T>& leaf, Record<T>& record, Keep keep) {
    if (leaf.gradient && leaf.gradient->shape() != record.shape)
        shape_error(leaf.name, "a Parameter's gradient must keep its shape",
                    {{"gradient", leaf.gradient->shape()}, {"value", record.shape}});
    if (leaf.gradient) add_to(*leaf.gradient, *record.gradient);
    else if (record.gradient.use_count() > 1 || keep == Keep::everything)
        leaf.gradient = std::make_unique<Array<T>>(*record.gradient);
    else leaf.gradient = std::make_unique<Array<T>>(std::move(*record.gradient));
}

template <class T> void Tape<T>::release() {
    for (auto& record : records_) record.op.reset(), record.gradient.reset();
    backward_ = released;
    *recording_ = false;
}

template <class T> void Tape<T>::backward(const Var<T>& y, const Array<T>& dy, Keep keep) {
    if (backward_ == released)
        throw Error(
            "backward: a tape runs backward once, unless Keep::everything was asked for: it has released its ops");
    if (recording() != this)
        throw Error(
            "backward: the tape must be the innermost that records on this thread: a newer one is alive, or it is "
            "running backward, or of another thread");
    if (dy.shape() != y.shape())
        shape_error("backward", "the cotangent must have the shape of y", {{"dy", dy.shape()}, {"y", y.shape()}});
    const std::size_t last = place(y);
    if (last == nowhere)
        throw Error(
            std::string("backward: y must be recorded on this tape: y ") + to_string(y.shape()) +
            (y.tape ? " is of another tape" : " is a constant: no Parameter was used for it while the tape recorded"));
    for (auto& record : records_) record.gradient.reset();  // of an earlier pass that was kept
    backward_ = running;
    try {
        Gradients<T>(*this, nullptr).add(y, dy);
        for (std::size_t i = last + 1; i-- > 0;) {
            Record<T>& record = records_[i];
            if (record.gradient && record.gradient->shape() != record.shape)
                shape_error(record.name, "a gradient must keep the shape of its input",
                            {{"dx", record.gradient->shape()}, {"x", record.shape}});
            if (record.leaf && record.gradient) add_to_leaf(*record.leaf, record, keep);
            if (record.op && record.gradient) {
                Gradients<T> gradients(*this, record.gradient);
                try {
                    record.op->backward(*record.gradient, gradients);
                } catch (const Error& error) {
                    throw Error(std::string(error.what()) + " [in backward of " + record.name + " at " +
                                to_string(record.source) + "]");
                }
                if (finite_ == Finite::checked) require_finite_gradients(record);
            }
            if (keep == Keep::nothing) record.op.reset(), record.gradient.reset();
        }
    } catch (...) {
        release();
        throw;
    }
    backward_ = kept;
    if (keep == Keep::nothing) release();  // also what stands behind y on the tape
}

template <class T> Array<T> Tape<T>::gradient(const Var<T>& v) const {
    const std::size_t i = find(v);
    if (i == nowhere) throw Error("gradient: v must be recorded on this tape: v " + to_string(v.shape()));
    if (backward_ != kept) throw Error("gradient: backward must have run and kept the gradients: use Keep::everything");
    return records_[i].gradient ? *records_[i].gradient : zeros<T>(v.shape());
}

#define TAPER_INSTANTIATE(T)     \
    template class Var<T>;       \
    template class Parameter<T>; \
    template class Gradients<T>; \
    template class Tape<T>;
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
