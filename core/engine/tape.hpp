// The engine: Var, Parameter, Tape, Op. Reverse-mode automatic differentiation on a flat tape.
//
//     Parameter<double> w("w", Array<double>{1, 2, 3});
//     Tape<double> tape;                        // records while it is alive
//     Var<double> loss = sum(w * w);
//     tape.backward(loss);                      // w.gradient() is now {2, 4, 6}
//
// An op's forward runs at once; if a gradient can flow through it, the op is appended to the tape.
// Execution order is a topological order, so backward is one loop from the loss to the front. With
// no tape alive nothing is recorded, and a value dies with its last Var.
//
// A tape records what the thread that began it does, through the copy of this library that began
// it. So each of these is an Error: an op that wants to record on a tape from a call of a body of
// parallel_for in which the tape was not begun; on a tape an input that was computed of a
// trainable Parameter where no tape recorded, by another thread or another copy of the library (as
// in a plugin that links it statically: let both link one shared library, BUILD_SHARED_LIBS): its
// gradient would be missing. detach() and NoGrad say that this is meant. Nobody can tell what
// leaves such a thread as plain numbers. Threads with a tape and a model each, a model that several
// threads evaluate, and inference in a body of parallel_for are right. Two threads must not run
// backward into one Parameter at the same time: its gradient has no lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/array/array.hpp"

namespace taper {

template <class T> class Tape;
template <class T> class Parameter;

// A line of the user's source: where an op was called.
struct Source {
    const char* file;
    int line;
};
// As a default argument: the caller's line.
constexpr Source here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
}
// "layers/attention.cpp:50": of the path its last two parts
std::string to_string(const Source& source);

// What a Parameter is to the tapes: a name, a gradient, and which numbers are its present ones.
template <class T> class Leaf {
  public:
    Leaf(std::string name, bool trainable) : name(std::move(name)), trainable_(trainable) {}
    bool trainable() const { return trainable_; }
    bool recorded() const { return tapes_ > 0; }  // by a live tape, of whatever thread

    std::string name;
    std::unique_ptr<Array<T>> gradient;  // null until a backward pass reaches it
    // the Parameter's value; a Var that holds another was made before a change
    const Array<T>* present = nullptr;

  private:
    friend class Tape<T>;
    template <class U>
    friend std::vector<Parameter<U>*> freeze(const std::vector<Parameter<U>*>& parameters);
    template <class U> friend void thaw(const std::vector<Parameter<U>*>& parameters);
    bool trainable_;
    std::atomic<int> tapes_ = 0;  // that live and have recorded it
};

// Where a gradient goes: an op on a tape, a Parameter, or nowhere (a constant). It knows the shape
// and holds no numbers: an op keeps a Place of an input whose value its backward does not need.
template <class T> struct Place {
    Shape shape;
    std::shared_ptr<Leaf<T>> leaf;
    std::uint64_t tape = 0;  // the tape's serial number; 0: not recorded
    // The op's number on that tape. Not recorded, but computed of a trainable Parameter: the number
    // of the thread that did it; else 0.
    std::size_t index = 0;
};

template <class T> struct Operand;

// A value, shared and immutable, and its Place. Copies are cheap and are the same Var.
template <class T> class Var : public Place<T> {
    static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>,
                  "the number type of a Var is float or double");

  public:
    Var() = default;      // no value; only to be assigned to
    Var(Array<T> value);  // NOLINT: a constant
    Var(T value);         // NOLINT: a constant scalar, shape ()
    Var(const Var& x) : Place<T>(x), value_(x.value_) {}
    Var(Var&& x) noexcept(std::is_nothrow_move_constructible_v<Place<T>>)
        : Place<T>(std::move(x)), value_(std::move(x.value_)) {}
    Var& operator=(Var x) {  // Error: *this is a Parameter
        if (is_parameter_) parameter_assigned();
        become(std::move(x));
        return *this;
    }

    // Error: there is none, as in Var() or after a move. Of a Parameter the reference is good until
    // its next mutable_value(), an optimiser's step among them: where a tape still holds the old
    // numbers, the new ones stand elsewhere.
    const Array<T>& value() const& {
        if (!value_) no_value();
        return *value_;
    }
    const Shape& shape() const& { return Place<T>::shape; }
    // Of a temporary, as in exp(x).value(): the numbers themselves, which a reference would not
    // keep alive.
    Array<T> value() && {
        if (!value_) no_value();
        return value_.use_count() == 1 ? std::move(*value_) : *value_;
    }
    Shape shape() && { return std::move(Place<T>::shape); }
    T item() const;      // the number of a Var with one entry
    Var detach() const;  // the same value as a constant: no gradient flows back through it

    friend Var operator+(Operand<T> a, Operand<T> b) { return add(a.x, b.x, a.source); }
    friend Var operator-(Operand<T> a, Operand<T> b) { return sub(a.x, b.x, a.source); }
    friend Var operator*(Operand<T> a, Operand<T> b) { return mul(a.x, b.x, a.source); }
    friend Var operator/(Operand<T> a, Operand<T> b) { return div(a.x, b.x, a.source); }
    friend Var operator-(Operand<T> a) { return neg(a.x, a.source); }

    // a becomes another Var, a + b: what was computed with the old one stays. Not for a Parameter,
    // which stays itself: where it is seen as a Var&, an Error.
    friend Var& operator+=(Var& a, Operand<T> b) { return a = add(a, b.x, b.source); }
    friend Var& operator-=(Var& a, Operand<T> b) { return a = sub(a, b.x, b.source); }
    friend Var& operator*=(Var& a, Operand<T> b) { return a = mul(a, b.x, b.source); }
    friend Var& operator/=(Var& a, Operand<T> b) { return a = div(a, b.x, b.source); }

  protected:
    friend class Tape<T>;
    [[noreturn]] static void no_value();
    [[noreturn]] void parameter_assigned() const;
    void become(Var&& x) {
        static_cast<Place<T>&>(*this) = std::move(x);
        value_ = std::move(x.value_);
    }
    std::shared_ptr<Array<T>> value_;
    bool is_parameter_ = false;  // a Parameter's own Var, not one that was made from it
};

// What stands beside + - * /: a Var, a Parameter, a number or an Array, and the line where it
// stands.
template <class T> struct Operand {
    Var<T> x;
    Source source;
    Operand(const Var<T>& var, Source at = here()) : x(var), source(at) {}  // NOLINT
    Operand(T number, Source at = here()) : x(number), source(at) {}        // NOLINT
    template <class E>
    Operand(const xt::xexpression<E>& array, Source at = here()) : x(Array<T>(array)), source(at) {
        static_assert(std::is_same_v<typename E::value_type, T>,
                      "an Array beside a Var must have its number type: converted<float>(array)");
    }
};

// A named Var that outlives tapes and collects its gradient over backward passes. It is moved, not
// copied. A Var made from it stands for the same Parameter until mutable_value() is called, an
// optimiser's step among them: it keeps the numbers from before, and to record it is an Error then.
// Who means these numbers makes them a constant with detach(); who shares a weight keeps a
// reference.
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
    // mutable_value() += changes the value
    friend void operator+=(Parameter&, Operand<T>) = delete;
    friend void operator-=(Parameter&, Operand<T>) = delete;
    friend void operator*=(Parameter&, Operand<T>) = delete;
    friend void operator/=(Parameter&, Operand<T>) = delete;

    const std::string& name() const { return own().name; }
    // false: a constant for every tape; see freeze and thaw
    bool trainable() const { return own().trainable(); }

    bool has_gradient() const { return own().gradient != nullptr; }
    // (shape of the value); Error before a backward pass has reached it
    const Array<T>& gradient() const;
    Array<T>& mutable_gradient();
    void clear_gradient() { own().gradient.reset(); }

    // The value, to be changed in place; its shape must stay: every use of another is an Error.
    // What a tape recorded of the old value stays: it is copied first if shared. So call it for
    // each change: a reference that was got before the Parameter was used writes into what the tape
    // recorded, and the gradient is wrong. A tape with Finite::checked notices.
    Array<T>& mutable_value();

  private:
    Leaf<T>& own() const {
        if (!this->leaf) this->no_value();
        return *this->leaf;
    }
};

// For what takes many: the Error of `who` if a pointer among them is null.
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
// Trainable, also what was made not to be, as E and F of a random projection are. Error: a tape is
// alive on this thread, for which it may be a constant already.
template <class T> void thaw(const std::vector<Parameter<T>*>& parameters);
template <class T> void thaw(std::initializer_list<Parameter<T>*> parameters) {
    thaw(std::vector<Parameter<T>*>(parameters));
}
template <class T> void thaw(Parameter<T>& parameter) { thaw({&parameter}); }

template <class T> void clear_gradients(const std::vector<Parameter<T>*>& parameters);
template <class T> void clear_gradients(std::initializer_list<Parameter<T>*> parameters) {
    clear_gradients(std::vector<Parameter<T>*>(parameters));
}

// How an op's backward hands on gradients.
template <class T> class Gradients {
  public:
    Gradients(Tape<T>& tape, const std::shared_ptr<Array<T>>& dy) : tape_(tape), dy_(dy) {}
    bool wants(const Place<T>& x) const;       // is anything trainable behind x?
    void add(const Place<T>& x, Array<T> dx);  // gradient of x += dx; same shape, else Error
    void add_dy(const Place<T>& x);            // the same with dx = dy, which is not copied
    // gradient of x, zeros at first, to be added to; x must be wanted and the shape stays
    Array<T>& at(const Place<T>& x);

  private:
    void add(const Place<T>& x, const std::shared_ptr<Array<T>>& dx);
    Tape<T>& tape_;
    const std::shared_ptr<Array<T>>& dy_;
};

// An operation. A struct with named members for what backward needs, and three functions:
//     Var<T> forward(inputs and options as the recording function has them)
//         returns a constant Var
//     void backward(dy, gradients)
//         adds dx of each wanted input; called at most once for each pass. Ops called in it are not
//         recorded: there its Vars are values
//     const char* name()
//     const char* formula()
//         of y and of each dx, with what backward needs
// Recorded by apply<TheOp>(source, inputs and options...), where an input is a Var, an optional Var
// or a range of Vars or Parameters. An op outside core is made in the same way. The texts of name()
// and formula() outlive the op on the tape: they are literals. In forward, other ops take
// x.detach(), or they are recorded as well.
//
// A Parameter must be among the inputs. One that only backward reaches, by a pointer to a layer, is
// not seen: where no other input wants a gradient the op is not recorded, and the Parameter gets
// nothing. An op that computes again in backward what it did not keep takes W as an input, keeps a
// copy of the Var, and
//     void backward(dy, gradients) {
//         Parameter<T> x_again("x", x.value()), W_again("W", W.value());
//         Tape<T> inner;
//         inner.backward(block(x_again, W_again), dy);
//         if (gradients.wants(x)) gradients.add(x, x_again.gradient());     and so with W
//     }
// A tape in backward that uses W itself adds to W's own gradient at once: the same sum, again in
// each pass, but unknown to the outer tape's gradient(W).
template <class T> struct Op {
    using value_type = T;
    virtual ~Op() = default;
    virtual const char* name() const = 0;
    virtual const char* formula() const { return ""; }
    virtual void backward(const Array<T>& dy, Gradients<T>& gradients) = 0;
};

// One entry of a tape: an op, or a Parameter where it was first used.
template <class T> struct Record {
    std::unique_ptr<Op<T>> op;            // null for a Parameter, and once released
    std::shared_ptr<Leaf<T>> leaf;        // null for an op
    const char *name, *formula;           // "parameter" and "" for a Parameter
    Source source;                        // where the op was called; of a Parameter, line 0
    Shape shape;                          // of the output
    std::vector<std::size_t> inputs;      // numbers of the records it reads; constants have none
    std::weak_ptr<const Array<T>> value;  // the output, while something holds it
    // Of this pass, during backward; afterwards only when kept. Records may share one: who changes
    // it makes a copy first.
    std::shared_ptr<Array<T>> gradient;
    std::size_t additions = 0;  // to the gradient, in this pass
};

enum class Keep { nothing, everything };

// Finite::checked: the first op, forward or backward, that makes a number which is not finite is an
// Error that names it, its line and its inputs, also where an infinity was meant, as in a mask that
// is made with select. It reads every number once more. So backward can tell, too, whether a
// Parameter's recorded value has been written to since: an Error that names it.
enum class Finite { unchecked, checked };

template <class T> class Tape {
  public:
    explicit Tape(Finite finite = Finite::unchecked);
    ~Tape();
    Tape(const Tape&) = delete;
    Tape& operator=(const Tape&) = delete;

    // Adds d loss / d parameter to the gradient of every Parameter behind loss (one entry, of any
    // shape). Releases what it has passed: the tape records no more. With Keep::everything ops and
    // gradients stay and backward can run again. Where an op's backward throws, the Parameters
    // passed by then have their gradients, and the tape is released as well.
    void backward(const Var<T>& loss, Keep keep = Keep::nothing);
    // The same for any y, seeded with the cotangent dy (shape of y): a vector-Jacobian product.
    void backward(const Var<T>& y, const Array<T>& dy, Keep keep = Keep::nothing);

    // d loss / d v of the last backward with Keep::everything; zeros where nothing flowed.
    Array<T> gradient(const Var<T>& v) const;

    const std::vector<Record<T>>& records() const { return records_; }

    // The innermost tape that records on this thread, or null: also in a NoGrad, and in backward.
    static Tape* recording();
    // Is one alive that this thread began, also where a NoGrad hides it or it runs backward?
    static bool begun();

    // For apply(): Error if an input is of another or a dead tape; then appends op if a gradient
    // can flow through it.
    static void check(const char* op, const std::vector<Var<T>>& inputs);
    // Error: of a Parameter, whose value has got another shape, or has changed since x was made of
    // it.
    static void check_value(const char* op, const Var<T>& x);
    static void record(std::unique_ptr<Op<T>> op, const std::vector<Var<T>>& inputs, Source source,
                       Var<T>& y);
    // The Error of an op, and after it the line where the op was called and what made its inputs,
    // with their least and largest number if wanted.
    [[noreturn]] static void explain(const Error& error, Source source,
                                     const std::vector<Var<T>>& inputs, bool with_ranges = false);

  private:
    friend class Gradients<T>;
    static constexpr std::size_t nowhere = ~std::size_t{0};

    // number of the record whose gradient is x's, or nowhere
    std::size_t find(const Place<T>& x) const;
    // the same; a Parameter gets a record at its first use
    std::size_t place(const Var<T>& x);
    void release();
    void let_go();                   // of the Parameters: they may be frozen
    void set_aside(std::size_t i);   // of many additions to record i's gradient the sum so far
    void collect(std::size_t i);     // and together again
    void require_unchanged() const;  // the values of Parameters
    static void require_finite(const char* op, Source source, const std::vector<Var<T>>& inputs,
                               const Var<T>& y);
    void require_finite_gradients(const Record<T>& record) const;  // of its inputs

    std::uint64_t serial_;
    // Shared with the list of tapes of the thread that began it, which it may outlive or end
    // elsewhere.
    std::shared_ptr<std::atomic<bool>> recording_;
    enum { before, running, kept, released } backward_ = before;
    Finite finite_;
    std::vector<Record<T>> records_;
    std::unordered_map<const Leaf<T>*, std::size_t> leaves_;
    // By record: sums of many additions to its gradient; with Finite::checked, of a Parameter the
    // hash of its value.
    std::unordered_map<std::size_t, std::vector<std::shared_ptr<Array<T>>>> aside_;
    std::unordered_map<std::size_t, std::size_t> hashes_;
};

// While it is alive nothing is recorded on this thread: every Var, those of a live tape too, is a
// value, and what is computed of it a constant. A tape that is begun inside it records, and refuses
// Vars of tapes outside as ever.
//     Tape<float> tape;
//     Var<float> wanted;
//     {
//         NoGrad<float> values;
//         wanted = teacher(x);
//     }
template <class T> class NoGrad {
  public:
    NoGrad();
    ~NoGrad();
    NoGrad(const NoGrad&) = delete;
    NoGrad& operator=(const NoGrad&) = delete;

  private:
    std::shared_ptr<std::atomic<bool>> alive_;
};

namespace detail {
template <class T, class A> constexpr bool is_range_of_vars = false;
template <class T, std::ranges::range A>
constexpr bool is_range_of_vars<T, A> = std::is_base_of_v<Var<T>, std::ranges::range_value_t<A>>;

template <class T, class A>
void collect(const char* op, std::vector<Var<T>>& inputs, const A& argument) {
    if constexpr (std::is_base_of_v<Var<T>, A>) {
        Tape<T>::check_value(op, argument);
        inputs.push_back(argument);
    } else if constexpr (is_range_of_vars<T, A>) {
        for (const auto& x : argument) collect(op, inputs, x);
    } else if constexpr (std::is_same_v<A, std::optional<Var<T>>>) {
        if (argument) collect(op, inputs, *argument);
    } else {
        static_assert(!std::is_base_of_v<Place<float>, A> && !std::is_base_of_v<Place<double>, A>,
                      "an op and its inputs must have one number type");
    }
}
}  // namespace detail

// Runs body. Its Error gets the line of the call and what made the inputs.
template <class T, class F>
auto explained(Source source, const std::vector<Var<T>>& inputs, F body) {
    try {
        return body();
    } catch (const Error& error) {
        Tape<T>::explain(error, source, inputs);
    }
}

// Runs an op forward and records it. The Vars among the arguments are its inputs.
template <class O, class... Arguments>
Var<typename O::value_type> apply(Source source, const Arguments&... arguments) {
    using T = typename O::value_type;
    auto op = std::make_unique<O>();
    std::vector<Var<T>> inputs;
    (detail::collect<T>(op->name(), inputs, arguments), ...);
    Tape<T>::check(op->name(), inputs);
    O& recorded = *op;
    const Var<T> result = explained(source, inputs, [&] { return recorded.forward(arguments...); });
    Var<T> y = result.detach();  // also where forward returns its input
    Tape<T>::record(std::move(op), inputs, source, y);
    return y;
}

template <class X>
inline constexpr bool is_var =
    std::is_base_of_v<Place<float>, X> || std::is_base_of_v<Place<double>, X>;

}  // namespace taper

// xtensor's operators and functions take an Array together with anything, as if that were a number.
// Beside a Var they are taken out of the choice, so that ours is found.
namespace xt::detail {
template <class F, class... E>
requires(taper::is_var<std::decay_t<E>> || ...) struct xfunction_type<F, E...> {
};
}  // namespace xt::detail
