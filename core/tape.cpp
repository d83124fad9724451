#include "core/tape.hpp"

#include <algorithm>
#include <atomic>

namespace taper {

// ---- Var and Parameter

template <class T> Var<T>::Var(Array<T> value) : value_(std::make_shared<Array<T>>(std::move(value))) {
    Place<T>::shape = value_->shape();
}

template <class T> Var<T>::Var(T value) : Var(full<T>(Shape{}, value)) {}

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
    if (this->value_.use_count() > 1) this->value_ = std::make_shared<Array<T>>(*this->value_);
    return *this->value_;
}

// ---- Gradients

template <class T> bool Gradients<T>::wants(const Place<T>& x) const { return tape_.find(x) != Tape<T>::nowhere; }

template <class T> void Gradients<T>::add(const Place<T>& x, Array<T> dx) {
    if (dx.shape() != x.shape)
        shape_error("backward", "a gradient must have the shape of its input", {{"dx", dx.shape()}, {"x", x.shape}});
    const std::size_t i = tape_.find(x);
    if (i == Tape<T>::nowhere) return;
    auto& gradient = tape_.slot(i);
    if (gradient) xt::noalias(*gradient) += dx;
    else gradient = std::make_unique<Array<T>>(std::move(dx));
}

template <class T> Array<T>& Gradients<T>::at(const Place<T>& x) {
    const std::size_t i = tape_.find(x);
    if (i == Tape<T>::nowhere)
        throw Error("backward: at(x) takes an input that wants a gradient: x " + to_string(x.shape));
    auto& gradient = tape_.slot(i);
    if (!gradient) gradient = std::make_unique<Array<T>>(zeros<T>(x.shape));
    return *gradient;
}

// ---- Tape

template <class T> static std::vector<Tape<T>*>& active_tapes() {  // innermost last; those that still record
    thread_local std::vector<Tape<T>*> tapes;
    return tapes;
}

template <class T> Tape<T>::Tape() {
    static std::atomic<std::uint64_t> tapes_made = 0;
    serial_ = ++tapes_made;
    active_tapes<T>().push_back(this);
}

template <class T> Tape<T>::~Tape() { stop_recording(); }

template <class T> void Tape<T>::stop_recording() { std::erase(active_tapes<T>(), this); }

template <class T> Tape<T>* Tape<T>::recording() {
    return active_tapes<T>().empty() ? nullptr : active_tapes<T>().back();
}

template <class T> void Tape<T>::check(const char* op, const std::vector<Place<T>>& inputs) {
    const auto& tapes = active_tapes<T>();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const Place<T>& x = inputs[i];
        if (x.tape == 0 || (recording() && x.tape == recording()->serial_)) continue;
        const bool outer = std::any_of(tapes.begin(), tapes.end(), [&](Tape* t) { return t->serial_ == x.tape; });
        throw Error(std::string(op) + ": an input must be a constant or recorded on the innermost live tape" +
                    " (detach() makes it a constant): input " + std::to_string(i) + " " + to_string(x.shape) + ": " +
                    (outer ? "it is of an outer tape" : "its tape was destroyed or has run backward"));
    }
}

template <class T> std::size_t Tape<T>::find(const Place<T>& x) const {
    if (x.leaf) {
        const auto found = leaves_.find(x.leaf.get());
        return found == leaves_.end() ? nowhere : found->second;
    }
    return x.tape == serial_ ? x.index : nowhere;
}

template <class T> std::size_t Tape<T>::place(const Place<T>& x) {
    if (x.leaf && x.leaf->trainable && !leaves_.contains(x.leaf.get())) {
        leaves_[x.leaf.get()] = records_.size();
        records_.push_back({nullptr, x.leaf, "parameter", {"", 0}, x.shape, {}, {}, nullptr});
    }
    return find(x);
}

template <class T>
void Tape<T>::record(std::unique_ptr<Op<T>> op, const std::vector<Place<T>>& inputs, Source source, Var<T>& y) {
    Tape* tape = recording();
    if (!tape) return;
    std::vector<std::size_t> numbers;
    for (const Place<T>& x : inputs)
        if (const std::size_t number = tape->place(x); number != nowhere) numbers.push_back(number);
    if (numbers.empty()) return;
    y.tape = tape->serial_;
    y.index = tape->records_.size();
    const char* name = op->name();
    tape->records_.push_back({std::move(op), nullptr, name, source, y.shape(), std::move(numbers), y.value_, nullptr});
}

// A Parameter's gradient lives with the Parameter and adds up over passes; an op's lives in its record.
template <class T> std::unique_ptr<Array<T>>& Tape<T>::slot(std::size_t i) {
    return records_[i].leaf ? records_[i].leaf->gradient : records_[i].gradient;
}

template <class T> void Tape<T>::backward(const Var<T>& loss, Keep keep) {
    if (count(loss.shape()) != 1)
        shape_error("backward", "the loss must be a scalar (another y takes a cotangent dy)", {{"loss", loss.shape()}});
    backward(loss, full<T>(loss.shape(), T(1)), keep);
}

template <class T> void Tape<T>::backward(const Var<T>& y, const Array<T>& dy, Keep keep) {
    if (released_)
        throw Error(
            "backward: a tape runs backward once, unless Keep::everything was asked for: it has released its ops");
    if (recording() != this) throw Error("backward: the tape must be the innermost that records: a newer one is alive");
    if (dy.shape() != y.shape())
        shape_error("backward", "the cotangent must have the shape of y", {{"dy", dy.shape()}, {"y", y.shape()}});
    const std::size_t last = place(y);
    if (last == nowhere)
        throw Error(
            std::string("backward: y must be recorded on this tape: y ") + to_string(y.shape()) +
            (y.tape ? " is of another tape" : " is a constant: no Parameter was used for it while the tape recorded"));
    for (auto& record : records_) record.gradient.reset();  // of an earlier pass that was kept
    Gradients<T> gradients(*this);
    gradients.add(y, dy);
    for (std::size_t i = last + 1; i-- > 0;) {
        Record<T>& record = records_[i];
        if (record.op && record.gradient) record.op->backward(*record.gradient, gradients);
        if (keep == Keep::nothing) {
            record.op.reset();
            record.gradient.reset();
        }
    }
    if (keep == Keep::nothing) {
        for (auto& record : records_) record.op.reset();  // what stands behind y on the tape
        released_ = true;
        stop_recording();
    }
}

template <class T> Array<T> Tape<T>::gradient(const Var<T>& v) const {
    if (released_) throw Error("gradient: backward must have kept the gradients: use Keep::everything");
    const std::size_t i = find(v);
    if (i == nowhere) throw Error("gradient: v must be recorded on this tape: v " + to_string(v.shape()));
    const auto& gradient = records_[i].leaf ? records_[i].leaf->gradient : records_[i].gradient;
    return gradient ? *gradient : zeros<T>(v.shape());
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
