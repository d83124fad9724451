// The engine: Var, Parameter, Tape, Op. Reverse-mode automatic differentiation on a flat tape.
//
//     Parameter<double> w("w", Array<double>{1, 2, 3});
//     Tape<double> tape;                        // records while it is alive
//     Var<double> loss = sum(w * w);
//     tape.backward(loss);                      // w.gradient() is now {2, 4, 6}
//
// An op's forward runs at once. If a gradient can flow through it, the op is appended to the tape.
// Execution order is a topological order, so backward is one loop from the loss to the front. With
// no tape alive nothing is recorded, and a value dies with its last Var.
//
// This header is what a program includes. Its parts, in reading order:
//
//     var.hpp         Var: a value, and where its gradient goes
//     parameter.hpp   Parameter: a named Var that is trained
//     op.hpp          Op, and apply(), which runs an op and records it
//     tape.hpp        here: Record, Tape, NoGrad
//
// Threads. A tape records what the thread that began it does, through the copy of this library that
// began it. What would be missing in a gradient is an Error:
//   - An op that wants to record on a tape, called in a body of parallel_for in which that tape was
//     not begun.
//   - On a tape, an input that was computed of a trainable Parameter where no tape recorded: by
//     another thread, or by another copy of the library (as in a plugin that links it statically:
//     let both link one shared library, BUILD_SHARED_LIBS).
// detach() and NoGrad say that this is meant. Nobody can tell what leaves such a thread as plain
// numbers. These are right: threads with a tape and a model each, a model that several threads
// evaluate, and inference in a body of parallel_for. Two threads must not run backward into one
// Parameter at the same time: its gradient has no lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/array/array.hpp"
#include "core/engine/op.hpp"
#include "core/engine/parameter.hpp"
#include "core/engine/source.hpp"
#include "core/engine/var.hpp"

namespace taper {

// An input of an op into which no gradient flows.
template <class T> struct Constant {
    std::size_t place;              // among the inputs of the op
    std::shared_ptr<Leaf<T>> leaf;  // of a Parameter that is not trainable, else null
    Shape shape;
    std::weak_ptr<const Array<T>> value;  // while something holds it
    std::optional<T> number;              // the entry, where it has one entry alone
};

// One entry of a tape: an op, or a Parameter where it was first used.
template <class T> struct Record {
    std::unique_ptr<Op<T>> op;            // null for a Parameter, and once released
    std::shared_ptr<Leaf<T>> leaf;        // null for an op
    const char* name;                     // "parameter" for a Parameter
    const char* formula;                  // "" for a Parameter
    const char* input_names;              // Op::inputs(); "" for a Parameter
    Source source;                        // where the op was called; of a Parameter, line 0
    Shape shape;                          // of the output
    std::vector<std::size_t> inputs;      // numbers of the records it reads, in their order
    std::vector<Constant<T>> constants;   // its other inputs, in their order
    std::weak_ptr<const Array<T>> value;  // the output, while something holds it
    // Of this pass, during backward; afterwards only when kept. Records may share one Array, which
    // is copied before it is changed.
    std::shared_ptr<Array<T>> gradient;
    std::size_t additions = 0;  // to the gradient, in this pass
};

// What backward leaves on the tape of the ops and gradients that it has passed.
enum class Keep { nothing, everything };

// Finite::checked: a result or a gradient that is not finite is an Error, which names the op, its
// line and its inputs. So is an infinity that was meant, as in a mask that is made with select. The
// check reads every number once more. Backward then also checks that nobody has written to the
// recorded value of a Parameter, and names the Parameter.
enum class Finite { unchecked, checked };

// Records ops while it is alive, on the thread that began it, and runs backward through them.
template <class T> class Tape {
  public:
    explicit Tape(Finite finite = Finite::unchecked);
    ~Tape();
    Tape(const Tape&) = delete;
    Tape& operator=(const Tape&) = delete;

    // Adds d loss / d parameter to the gradient of every Parameter that loss was computed of. loss
    // has one entry, under any shape. The ops are released, and the tape records no more. With
    // Keep::everything ops and gradients stay, and backward can run again. Where an op's backward
    // throws, the Parameters passed by then have their gradients, and the tape is released as well.
    void backward(const Var<T>& loss, Keep keep = Keep::nothing);
    // The same for any y, seeded with the cotangent dy (shape of y): a vector-Jacobian product.
    void backward(const Var<T>& y, const Array<T>& dy, Keep keep = Keep::nothing);

    // d loss / d v of the last backward with Keep::everything; zeros where nothing flowed.
    Array<T> gradient(const Var<T>& v) const;

    const std::vector<Record<T>>& records() const { return records_; }

    // The innermost tape that records on this thread, or null: also in a NoGrad, and in backward.
    static Tape* recording();
    // Is a tape alive that this thread began, also where a NoGrad hides it or it runs backward?
    static bool begun();

    // For apply(). Error: an input is of another or a dead tape.
    static void check(const char* op, const std::vector<Var<T>>& inputs);
    // Error: x is of a Parameter, and its value has got another shape, or the Parameter's value has
    // changed since x was made of it.
    static void check_value(const char* op, const Var<T>& x);
    // Appends op to the innermost tape if a gradient can flow through it; y is then its output.
    static void record(std::unique_ptr<Op<T>> op, const std::vector<Var<T>>& inputs, Source source,
                       Var<T>& y);
    // The Error of an op, and after it the line where the op was called and what made its inputs,
    // with their least and largest number if wanted.
    [[noreturn]] static void explain(const Error& error, Source source,
                                     const std::vector<Var<T>>& inputs, bool with_ranges = false);

  private:
    friend class Gradients<T>;
    static constexpr std::size_t nowhere = ~std::size_t{0};

    // The number of the record whose gradient is x's, or nowhere.
    std::size_t find(const Place<T>& x) const;
    // The same, but a Parameter gets a record at its first use.
    std::size_t find_or_add(const Var<T>& x);

    static Constant<T> constant_input(std::size_t place, const Var<T>& x);

    // Why x may not be an input of an op here and now; null where it may.
    static const char* fault_of(const Var<T>& x);
    // For an op that no tape records. y gets the number of this thread if it was computed of a
    // trainable Parameter and no NoGrad or backward wants plain values: a tape that takes y as an
    // input on another thread would miss its gradient.
    static void mark_unrecorded(const std::vector<Var<T>>& inputs, Var<T>& y);

    // Each throws an Error where its claim does not hold.
    // Backward can run from y with the cotangent dy.
    void require_ready(const Var<T>& y, const Array<T>& dy) const;
    // The recorded values of Parameters were not written to.
    void require_unchanged() const;
    // The output y is finite.
    static void require_finite(const char* op, Source source, const std::vector<Var<T>>& inputs,
                               const Var<T>& y);
    // The gradients of the record's inputs are finite.
    void require_finite_gradients(const Record<T>& record) const;

    // A gradient with many additions is kept as several sums. set_aside(i) puts away the sum so far
    // of record i, and collect(i) adds all its sums before the gradient is used.
    void set_aside(std::size_t i);
    void collect(std::size_t i);

    void forget_gradients();    // of an earlier pass that was kept
    void release();             // ops, gradients and Parameters: the tape records no more
    void release_parameters();  // they may be frozen

    std::uint64_t serial_;
    // False once it was destroyed or released. Shared with the list of tapes of the thread that
    // began it, which it may outlive or end elsewhere.
    std::shared_ptr<std::atomic<bool>> alive_;
    enum { not_run, running, kept, released } backward_ = not_run;
    Finite finite_;
    std::vector<Record<T>> records_;
    std::unordered_map<const Leaf<T>*, std::size_t> leaves_;  // their records' numbers
    // By the number of a record: the sums that were set aside.
    std::unordered_map<std::size_t, std::vector<std::shared_ptr<Array<T>>>> aside_;
    // By the number of a Parameter's record, with Finite::checked: the hash of the recorded value.
    std::unordered_map<std::size_t, std::size_t> hashes_;
};

// While it is alive nothing is recorded on this thread. Every Var is a plain value, also one of a
// live tape, and what is computed of it is a constant. A tape that is begun inside it records, and
// refuses Vars of outer tapes as ever.
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

}  // namespace taper
