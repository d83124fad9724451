#include "core/engine/tape.hpp"

#include <functional>
#include <string>
#include <string_view>

#include "core/kernels/map.hpp"

namespace taper {

// ---- Recording

template <class T> static std::size_t hash_of_bytes(const Array<T>& x) {
    const char* const bytes = reinterpret_cast<const char*>(x.data());
    return std::hash<std::string_view>()({bytes, x.size() * sizeof(T)});
}

template <class T> std::size_t Tape<T>::find(const Place<T>& x) const {
    if (x.leaf) {
        const auto found = leaves_.find(x.leaf.get());
        return found == leaves_.end() ? nowhere : found->second;
    }
    return x.tape == serial_ ? x.index : nowhere;
}

template <class T> std::size_t Tape<T>::find_or_add(const Var<T>& x) {
    const bool first_use = x.leaf && x.leaf->trainable() && !leaves_.contains(x.leaf.get());
    if (first_use) {
        const std::size_t number = records_.size();
        records_.push_back({.op = nullptr,
                            .leaf = x.leaf,
                            .name = "parameter",
                            .formula = "",
                            .input_names = "",
                            .source = {"", 0},
                            .shape = x.shape(),
                            .inputs = {},
                            .constants = {},
                            .value = x.value_,
                            .gradient = nullptr});
        if (finite_ == Finite::checked) hashes_[number] = hash_of_bytes(x.value());
        // These come last: if there was no memory for the rest, release_parameters() does not see
        // the Parameter.
        leaves_[x.leaf.get()] = number;
        ++x.leaf->tapes_;
    }
    return find(x);
}

template <class T> Constant<T> Tape<T>::constant_input(std::size_t place, const Var<T>& x) {
    const Array<T>& value = x.value();
    return {.place = place,
            .leaf = x.leaf,
            .shape = x.shape(),
            .value = x.value_,
            .number = value.size() == 1 ? std::optional(*value.data()) : std::nullopt};
}

template <class T>
void Tape<T>::record(std::unique_ptr<Op<T>> op, const std::vector<Var<T>>& inputs, Source source,
                     Var<T>& y) {
    Tape* const tape = recording();
    if (!tape) {
        mark_unrecorded(inputs, y);
        return;
    }
    if (tape->finite_ == Finite::checked) tape->require_finite(op->name(), source, inputs, y);
    std::vector<std::size_t> numbers;
    std::vector<Constant<T>> constants;
    for (std::size_t place = 0; place < inputs.size(); ++place) {
        const Var<T>& x = inputs[place];
        const std::size_t number = tape->find_or_add(x);
        if (number != nowhere) numbers.push_back(number);
        else constants.push_back(constant_input(place, x));
    }
    if (numbers.empty()) return;

    y.tape = tape->serial_;
    y.index = tape->records_.size();
    const char* const name = op->name();
    const char* const formula = op->formula();
    const char* const input_names = op->inputs();
    tape->records_.push_back({.op = std::move(op),
                              .leaf = nullptr,
                              .name = name,
                              .formula = formula,
                              .input_names = input_names,
                              .source = source,
                              .shape = y.shape(),
                              .inputs = std::move(numbers),
                              .constants = std::move(constants),
                              .value = y.value_,
                              .gradient = nullptr});
}

// ---- Backward

template <class T> void Tape<T>::require_ready(const Var<T>& y, const Array<T>& dy) const {
    if (backward_ == released)
        throw Error(
            "backward: a tape runs backward once, unless Keep::everything was asked for: it has "
            "released its ops");
    if (recording() != this)
        throw Error(
            "backward: the tape must be the innermost that records on this thread: a newer one or "
            "a NoGrad is alive, or it is running backward, or of another thread");
    if (dy.shape() != y.shape())
        shape_error("backward", "the cotangent must have the shape of y",
                    {{"dy", dy.shape()}, {"y", y.shape()}});
}

template <class T> void Tape<T>::require_unchanged() const {
    for (const auto& [i, recorded] : hashes_) {
        const std::shared_ptr<const Array<T>> value = records_[i].value.lock();
        if (value && hash_of_bytes(*value) != recorded)
            throw Error(
                "backward: what a tape recorded of a Parameter must not be written to (call "
                "mutable_value() for each change): parameter " +
                records_[i].leaf->name + " " + to_string(records_[i].shape));
    }
}

// A Parameter's gradient adds up over passes.
template <class T> static void add_to_leaf(Leaf<T>& leaf, Record<T>& record, Keep keep) {
    if (leaf.gradient && leaf.gradient->shape() != record.shape)
        shape_error(leaf.name, "a Parameter's gradient must keep its shape",
                    {{"gradient", leaf.gradient->shape()}, {"value", record.shape}});
    const bool still_needed = record.gradient.use_count() > 1 || keep == Keep::everything;
    if (leaf.gradient) add_to(*leaf.gradient, *record.gradient);
    else if (still_needed) leaf.gradient = std::make_unique<Array<T>>(*record.gradient);
    else leaf.gradient = std::make_unique<Array<T>>(std::move(*record.gradient));
}

template <class T> void Tape<T>::forget_gradients() {
    for (Record<T>& record : records_) {
        record.gradient.reset();
        record.additions = 0;
    }
}

template <class T> void Tape<T>::release_parameters() {
    if (backward_ == released) return;
    for (const auto& [leaf, number] : leaves_) --records_[number].leaf->tapes_;
}

template <class T> void Tape<T>::release() {
    for (Record<T>& record : records_) {
        record.op.reset();
        record.gradient.reset();
    }
    aside_.clear();
    release_parameters();
    backward_ = released;
    *alive_ = false;
}

template <class T> void Tape<T>::backward(const Var<T>& loss, Keep keep) {
    if (count(loss.shape()) != 1)
        shape_error("backward", "the loss must be a scalar (another y takes a cotangent dy)",
                    {{"loss", loss.shape()}});
    backward(loss, full<T>(loss.shape(), T(1)), keep);
}

template <class T> void Tape<T>::backward(const Var<T>& y, const Array<T>& dy, Keep keep) {
    require_ready(y, dy);
    const std::size_t last = find_or_add(y);
    if (last == nowhere)
        throw Error(
            std::string("backward: y must be recorded on this tape: y ") + to_string(y.shape()) +
            (y.tape ? " is of another tape"
                    : " is a constant: no Parameter was used for it while the tape recorded"));
    require_unchanged();
    forget_gradients();
    backward_ = running;
    try {
        // dy is the first gradient. From y to the front of the tape each record passes its gradient
        // on to its inputs, which stand before it. So when a record's turn comes, all that flows to
        // it has been added.
        Gradients<T>(*this, nullptr).add(y, dy);
        for (std::size_t i = last + 1; i-- > 0;) {
            Record<T>& record = records_[i];
            collect(i);
            if (record.gradient && record.gradient->shape() != record.shape)
                shape_error(record.name, "a gradient must keep the shape of its input",
                            {{"dx", record.gradient->shape()}, {"x", record.shape}});
            if (record.leaf && record.gradient) add_to_leaf(*record.leaf, record, keep);
            if (record.op && record.gradient) {
                Gradients<T> gradients(*this, record.gradient);
                try {
                    record.op->backward(*record.gradient, gradients);
                } catch (const Error& error) {
                    throw Error(std::string(error.what()) + " [in backward of " + record.name +
                                " at " + to_string(record.source) + "]");
                }
                if (finite_ == Finite::checked) require_finite_gradients(record);
            }
            if (keep == Keep::nothing) {
                record.op.reset();
                record.gradient.reset();
            }
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
    if (i == nowhere)
        throw Error("gradient: v must be recorded on this tape: v " + to_string(v.shape()));
    if (backward_ != kept)
        throw Error(
            "gradient: backward must have run and kept the gradients: use Keep::everything");
    const Record<T>& record = records_[i];
    return record.gradient ? *record.gradient : zeros<T>(v.shape());
}

template class Tape<float>;
template class Tape<double>;

}  // namespace taper
