#include "core/engine/tape.hpp"

#include <algorithm>
#include <functional>
#include <string_view>

#include "core/kernels/map.hpp"
#include "core/kernels/parallel.hpp"

namespace taper {

// A tape that was begun on this thread, or what hides those before it.
template <class T> struct Begun {
    Tape<T>* tape;         // null: a NoGrad
    std::uint64_t serial;  // 0: of a NoGrad
    // false once it has ended, perhaps on another thread
    std::shared_ptr<const std::atomic<bool>> flag;
    std::size_t body = detail::whereabouts().body;  // the call of a body of parallel_for around it

    bool live() const { return *flag; }
};
// Innermost last. The last one is live; of those before it some may have ended, which every op
// would have to ask.
template <class T> static std::vector<Begun<T>>& begun_tapes() {
    thread_local std::vector<Begun<T>> tapes;
    while (!tapes.empty() && !tapes.back().live()) tapes.pop_back();
    return tapes;
}
template <class T> static void begin(Begun<T> begun) {
    auto& tapes = begun_tapes<T>();
    std::erase_if(tapes, [](const Begun<T>& before) { return !before.live(); });
    tapes.push_back(std::move(begun));
}

template <class T> static std::atomic<std::size_t> tapes_made = 0;

template <class T>
Tape<T>::Tape(Finite finite)
    : serial_(detail::next_number(tapes_made<T>)),
      recording_(std::make_shared<std::atomic<bool>>(true)),
      finite_(finite) {
    begin<T>({this, serial_, recording_});
}

template <class T> Tape<T>::~Tape() {
    let_go();
    *recording_ = false;
}

template <class T> NoGrad<T>::NoGrad() : alive_(std::make_shared<std::atomic<bool>>(true)) {
    begin<T>({nullptr, 0, alive_});
}

template <class T> NoGrad<T>::~NoGrad() { *alive_ = false; }

template <class T> Tape<T>* Tape<T>::recording() {
    const auto& tapes = begun_tapes<T>();
    Tape* const tape = tapes.empty() ? nullptr : tapes.back().tape;
    return tape && tape->backward_ != running ? tape : nullptr;
}

template <class T> detail::Intent detail::intent() {
    const auto& tapes = begun_tapes<T>();
    if (tapes.empty()) return Intent::compute;
    return Tape<T>::recording() ? Intent::record : Intent::values;
}

// Of the thread that called the outermost body of parallel_for that this thread is in.
template <class T> static detail::Intent intent_of_caller() {
    const detail::Whereabouts& here = detail::whereabouts();
    return std::is_same_v<T, float> ? here.in_float : here.in_double;
}

template <class T> bool Tape<T>::begun() {
    const auto& tapes = begun_tapes<T>();
    return std::any_of(tapes.begin(), tapes.end(),
                       [](const Begun<T>& begun) { return begun.tape && begun.live(); });
}

template <class T> static bool wants_a_gradient(const Var<T>& x) {
    return x.tape != 0 || (x.leaf && x.leaf->trainable());
}

template <class T> static std::string input_text(std::size_t i, const Var<T>& x) {
    return ": input " + std::to_string(i) + " " + to_string(x.shape()) +
           (x.leaf ? ": parameter " + x.leaf->name : "");
}

// An op in a body of parallel_for, where a tape records that was begun outside it: on the calling
// thread alone, if at all.
template <class T> static void check_body(const char* op, const std::vector<Var<T>>& inputs) {
    const detail::Whereabouts& here = detail::whereabouts();
    if (here.body == 0) return;
    const auto& tapes = begun_tapes<T>();
    const bool own = !tapes.empty() && tapes.back().body == here.body;
    const detail::Intent intent = tapes.empty() ? intent_of_caller<T>() : detail::intent<T>();
    if (own || intent != detail::Intent::record) return;
    for (std::size_t i = 0; i < inputs.size(); ++i)
        if (wants_a_gradient(inputs[i]))
            throw Error(std::string(op) +
                        ": a body of parallel_for must not call an op that is to be recorded on a "
                        "tape from outside it "
                        "(detach() or NoGrad makes values)" +
                        input_text(i, inputs[i]));
}

template <class T> void Tape<T>::check(const char* op, const std::vector<Var<T>>& inputs) {
    check_body(op, inputs);
    const Tape* inner = recording();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const Var<T>& x = inputs[i];
        const bool elsewhere =
            x.tape == 0 && x.index != 0 && x.index != detail::whereabouts().thread;
        if (x.tape == 0 && !(inner && elsewhere)) continue;
        if (inner && x.tape == inner->serial_) continue;
        const auto& tapes = begun_tapes<T>();
        const auto is_of_x = [&](const auto& t) {
            return x.tape != 0 && t.serial == x.tape && t.live();
        };
        const auto outer = std::find_if(tapes.begin(), tapes.end(), is_of_x);
        // A value: in an op's backward, or in a NoGrad.
        if (outer != tapes.end() && (outer->tape->backward_ == running || !tapes.back().tape))
            continue;
        if (outer == tapes.end() && intent_of_caller<T>() == detail::Intent::values) continue;
        throw Error(std::string(op) +
                    ": an input must be a constant or recorded on the innermost live tape" +
                    " (detach() makes it a constant)" + input_text(i, x) + ": " +
                    (elsewhere ? "it was computed of a trainable parameter where no tape recorded, "
                                 "by another thread "
                                 "or another copy of the library"
                     : outer != tapes.end()
                         ? "it is of an outer tape"
                         : "its tape was destroyed, has run backward, or is of another thread"));
    }
}

template <class T> void Tape<T>::check_value(const char* op, const Var<T>& x) {
    if (x.value().shape() != x.shape())
        shape_error(
            op, "a Parameter's value must keep its shape",
            {{x.leaf ? x.leaf->name.c_str() : "x", x.shape()}, {"value", x.value().shape()}});
    if (x.leaf && x.value_.get() != x.leaf->present && x.leaf->trainable() && recording())
        shape_error(op,
                    "a Var of a Parameter must have its present value, but that has changed since "
                    "(take the Parameter "
                    "itself, or detach() for the numbers from before)",
                    {{("parameter " + x.leaf->name).c_str(), x.shape()}});
}

// Of the bytes.
template <class T> static std::size_t hash(const Array<T>& x) {
    return std::hash<std::string_view>()(
        {reinterpret_cast<const char*>(x.data()), x.size() * sizeof(T)});
}

template <class T> void Tape<T>::require_unchanged() const {
    for (const auto& [i, before] : hashes_)
        if (const auto value = records_[i].value.lock(); value && hash(*value) != before)
            throw Error(
                "backward: what a tape recorded of a Parameter must not be written to (call "
                "mutable_value() for each "
                "change): parameter " +
                records_[i].leaf->name + " " + to_string(records_[i].shape));
}

template <class T> std::size_t Tape<T>::find(const Place<T>& x) const {
    if (x.leaf) {
        const auto found = leaves_.find(x.leaf.get());
        return found == leaves_.end() ? nowhere : found->second;
    }
    return x.tape == serial_ ? x.index : nowhere;
}

template <class T> std::size_t Tape<T>::place(const Var<T>& x) {
    if (x.leaf && x.leaf->trainable() && !leaves_.contains(x.leaf.get())) {
        const std::size_t number = records_.size();
        records_.push_back(
            {nullptr, x.leaf, "parameter", "", {"", 0}, x.shape(), {}, x.value_, nullptr});
        if (finite_ == Finite::checked) hashes_[number] = hash(x.value());
        // last: where there was no memory for all, let_go finds nothing of it
        leaves_[x.leaf.get()] = number;
        ++x.leaf->tapes_;
    }
    return find(x);
}

template <class T>
void Tape<T>::record(std::unique_ptr<Op<T>> op, const std::vector<Var<T>>& inputs, Source source,
                     Var<T>& y) {
    Tape* tape = recording();
    if (!tape) {
        // No NoGrad and no backward asks for values: a tape elsewhere may miss its gradient.
        const bool meant =
            !begun_tapes<T>().empty() || intent_of_caller<T>() == detail::Intent::values;
        const auto counts = [](const Var<T>& x) {
            return x.index != 0 || (x.leaf && x.leaf->trainable());
        };
        if (!meant && std::any_of(inputs.begin(), inputs.end(), counts))
            y.index = detail::whereabouts().thread;
        return;
    }
    if (tape->finite_ == Finite::checked) tape->require_finite(op->name(), source, inputs, y);
    std::vector<std::size_t> numbers;
    for (const Var<T>& x : inputs)
        if (const std::size_t number = tape->place(x); number != nowhere) numbers.push_back(number);
    if (numbers.empty()) return;
    y.tape = tape->serial_;
    y.index = tape->records_.size();
    const char *name = op->name(), *formula = op->formula();
    tape->records_.push_back({std::move(op), nullptr, name, formula, source, y.shape(),
                              std::move(numbers), y.value_, nullptr});
}

template <class T> void Tape<T>::backward(const Var<T>& loss, Keep keep) {
    if (count(loss.shape()) != 1)
        shape_error("backward", "the loss must be a scalar (another y takes a cotangent dy)",
                    {{"loss", loss.shape()}});
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

template <class T> void Tape<T>::let_go() {
    if (backward_ == released) return;
    for (const auto& [leaf, number] : leaves_) --records_[number].leaf->tapes_;
}

template <class T> void Tape<T>::release() {
    for (auto& record : records_) record.op.reset(), record.gradient.reset();
    aside_.clear();
    let_go();
    backward_ = released;
    *recording_ = false;
}

template <class T> void Tape<T>::backward(const Var<T>& y, const Array<T>& dy, Keep keep) {
    if (backward_ == released)
        throw Error(
            "backward: a tape runs backward once, unless Keep::everything was asked for: it has "
            "released its ops");
    if (recording() != this)
        throw Error(
            "backward: the tape must be the innermost that records on this thread: a newer one or "
            "a NoGrad is alive, "
            "or "
            "it is running backward, or of another thread");
    if (dy.shape() != y.shape())
        shape_error("backward", "the cotangent must have the shape of y",
                    {{"dy", dy.shape()}, {"y", y.shape()}});
    const std::size_t last = place(y);
    if (last == nowhere)
        throw Error(
            std::string("backward: y must be recorded on this tape: y ") + to_string(y.shape()) +
            (y.tape ? " is of another tape"
                    : " is a constant: no Parameter was used for it while the tape recorded"));
    require_unchanged();
    // of an earlier pass that was kept
    for (auto& record : records_) record.gradient.reset(), record.additions = 0;
    backward_ = running;
    try {
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
    if (i == nowhere)
        throw Error("gradient: v must be recorded on this tape: v " + to_string(v.shape()));
    if (backward_ != kept)
        throw Error(
            "gradient: backward must have run and kept the gradients: use Keep::everything");
    return records_[i].gradient ? *records_[i].gradient : zeros<T>(v.shape());
}

#define TAPER_INSTANTIATE(T)  \
    template class Tape<T>;   \
    template class NoGrad<T>; \
    template detail::Intent detail::intent<T>();
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
