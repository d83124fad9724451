// Stale handles, nested tapes and threads: a Var of another tape is an error that names the op and
// the cause, never freed memory.
#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "core/kernels/parallel.hpp"
#include "core/ops.hpp"
#include "tests/support/in_double.hpp"

using namespace taper;
using namespace taper::tests;

TEST_CASE("handles: a Var of a dead tape") {
    P w("w", Numbers{1, 2});
    V stale;
    {
        Tape<double> tape;
        stale = w * w;
    }
    CHECK(stale.value() == Numbers{1, 4});  // the value is its own
    CHECK(refusal([&] { exp(stale); }) ==
          "exp: an input must be a constant or recorded on the innermost live tape (detach() makes "
          "it a constant): "
          "input 0 (2): its tape was "
          "destroyed, has run backward, or is of another thread");
    Tape<double> tape;
    CHECK(contains(refusal([&] { w + stale; }), "add: "));
    CHECK(
        contains(refusal([&] { w + stale; }),
                 "input 1 (2): its tape was destroyed, has run backward, or is of another thread"));
    CHECK(contains(refusal([&] { concat(std::vector<V>{w, w, stale}, 0); }), "concat: "));
    CHECK(contains(refusal([&] { concat(std::vector<V>{w, w, stale}, 0); }), "input 2 (2)"));
    CHECK(contains(refusal([&] {
                       tape.backward(stale, Numbers{1, 1});
                   }),
                   "backward: y must be recorded on this tape: y (2) is of another tape"));
    CHECK(contains(refusal([&] { static_cast<void>(tape.gradient(stale)); }),
                   "gradient: v must be recorded on this tape: v (2)"));
    CHECK(tape.records().empty());
    tape.backward(sum(w + stale.detach()));
    CHECK(w.gradient() == Numbers{1, 1});
}

TEST_CASE("handles: a Var of a tape that has run backward") {
    P w("w", Numbers{1, 2});
    Tape<double> tape;
    const V y = w * w, loss = sum(y);
    tape.backward(loss);
    CHECK(loss.item() == 5);
    CHECK(contains(refusal([&] { y* y; }), "mul: "));
    CHECK(contains(refusal([&] { y* y; }),
                   "its tape was destroyed, has run backward, or is of another thread"));
    const V constant = w * w;  // it records no more
    CHECK(constant.tape == 0);
}

TEST_CASE("handles: the numbers and the shape of a temporary outlive it") {
    const Var<double> x(Array<double>{1, 2, 3});
    static_assert(std::is_same_v<decltype(exp(x).value()), Array<double>>);
    static_assert(std::is_same_v<decltype(x.value()), const Array<double>&>);
    const auto sums = (x * 2.0).value() + 1;  // an expression of xtensor, computed when it is read
    const Array<double>& doubled = (x * 2.0).value();
    const Shape& shape = (x * 2.0).shape();
    double total = 0;
    for (const double p : (x * 4.0).value()) total += p;
    CHECK(Array<double>(sums) == Array<double>{3, 5, 7});
    CHECK(doubled == Array<double>{2, 4, 6});
    CHECK(shape == Shape{3});
    CHECK(total == 24);
    Parameter<double> w("w", Array<double>{1, 2});
    Tape<double> tape;
    const Var<double> y = w * 3.0;
    CHECK(Var<double>(y).value() == Array<double>{3, 6});
    CHECK(y.value() == Array<double>{3, 6});  // the other one's are still there
    CHECK(contains(refusal([] { Var<double>().value(); }), "must have a value"));
}

TEST_CASE("handles: summing losses over steps") {
    P w("w", Numbers{1});
    double total = 0;
    V kept(0.0);
    for (int step = 0; step < 1000; ++step) {
        Tape<double> tape;
        const V loss = sum(w * w);
        if (step > 0)
            CHECK(contains(refusal([&] { kept = kept + loss; }),
                           "its tape was destroyed, has run backward, or is of another thread"));
        kept = loss;
        CHECK(tape.records().size() == 3);
        tape.backward(loss);
        total += loss.item();
    }
    CHECK(total == 1000);
}

TEST_CASE("handles: nested tapes") {
    P w("w", Numbers{1, 2});
    Tape<double> outer;
    CHECK(Tape<double>::recording() == &outer);
    const V y = w * w;
    V inner_y;
    {
        Tape<double> inner;
        CHECK(Tape<double>::recording() == &inner);
        inner_y = w * 3.0;
        CHECK(contains(refusal([&] { exp(y); }), "exp: "));
        CHECK(contains(refusal([&] { exp(y); }), "input 0 (2): it is of an outer tape"));
        CHECK(contains(refusal([&] { outer.backward(sum(y.detach())); }),
                       "backward: the tape must be the innermost that records"));
        CHECK(contains(refusal([&] {
                           outer.backward(y, Numbers{1, 1});
                       }),
                       "backward: the tape must be the innermost that records"));
        inner.backward(sum(inner_y));
        CHECK(w.gradient() == Numbers{3, 3});
        CHECK(Tape<double>::recording() == &outer);  // inner has run backward
        const V z = y * 1.0;
        CHECK(z.tape == y.tape);
    }
    CHECK(contains(refusal([&] { y + inner_y; }), "add: "));
    CHECK(contains(refusal([&] { y + inner_y; }), "input 1 (2): its tape was destroyed"));
    outer.backward(sum(y));
    CHECK(w.gradient() == Numbers{5, 7});
    CHECK(Tape<double>::recording() == nullptr);
}

TEST_CASE("handles: tapes that end in another order") {
    P w("w", Numbers{3});
    auto first = std::make_unique<Tape<double>>(), second = std::make_unique<Tape<double>>();
    const V y = w * w;
    first.reset();
    CHECK(Tape<double>::recording() == second.get());
    second->backward(y);
    CHECK(w.gradient()(0) == 6);
    second.reset();
    CHECK(Tape<double>::recording() == nullptr);
}

TEST_CASE("handles: a tape that ended below a live one, or below a NoGrad, is gone") {
    P w("w", Numbers{3});
    auto first = std::make_unique<Tape<double>>();
    const V y = w * w;
    {
        const Tape<double> second;
        first.reset();
        CHECK(contains(refusal([&] { exp(y); }), "its tape was destroyed"));
    }
    first = std::make_unique<Tape<double>>();
    const NoGrad<double> values;
    first.reset();
    CHECK_FALSE(Tape<double>::begun());
    freeze(w);
    CHECK_NOTHROW(thaw(w));
}

TEST_CASE("handles: tapes of float and of double do not meet") {
    P w("w", Numbers{2});
    Parameter<float> v("v", Array<float>{3});
    Tape<double> tape;
    Tape<float> other;
    other.backward(v * v);
    tape.backward(w * w);
    CHECK(w.gradient()(0) == 4);
    CHECK(v.gradient()(0) == 6);
}

TEST_CASE("handles: a thread has tapes of its own") {
    P w("w", Numbers{2});
    Tape<double> tape;
    const V y = w * w;
    std::string message;
    bool recorded = true;
    std::thread([&] {
        recorded = (w * 2.0).tape != 0;
        message = refusal([&] { exp(y); });
    }).join();
    CHECK_FALSE(recorded);
    CHECK(contains(message, "exp: "));
    tape.backward(y);
    CHECK(w.gradient()(0) == 4);
}

TEST_CASE("handles: in a NoGrad nothing is recorded, and Vars of the tape outside are values") {
    P w("w", Numbers{1, 2}), v("v", Numbers{3, 4});
    Tape<double> tape;
    const V y = w * v;
    const std::size_t records = tape.records().size();
    V constant;
    {
        const NoGrad<double> values;
        CHECK(Tape<double>::recording() == nullptr);
        constant = y * w + v;
        {
            const NoGrad<double> once_more;
            constant = constant + exp(V(Numbers{0, 0}));
        }
        CHECK(Tape<double>::recording() == nullptr);
        CHECK(contains(refusal([&] { tape.backward(sum(y.detach())); }), "a NoGrad is alive"));
        {
            Tape<double> inner;  // begun inside, it records
            CHECK(Tape<double>::recording() == &inner);
            CHECK(contains(refusal([&] { exp(y); }), "it is of an outer tape"));
            inner.backward(sum(w * w));
        }
        CHECK(w.gradient() == Numbers{2, 4});
    }
    w.clear_gradient();
    CHECK(Tape<double>::recording() == &tape);
    CHECK(tape.records().size() == records);
    CHECK(constant.value() == Numbers{7, 21});
    tape.backward(sum(y * constant));
    CHECK(w.gradient() == Numbers{21, 84});
    CHECK(v.gradient() == Numbers{7, 42});
}

TEST_CASE(
    "handles: a NoGrad ends with its scope, also by an exception, and is of one number type and "
    "one thread") {
    P w("w", Numbers{1});
    Parameter<float> f("f", Array<float>{1});
    Tape<double> tape;
    CHECK_THROWS_AS(
        [&] {
            const NoGrad<double> values;
            throw std::runtime_error("half way");
        }(),
        std::runtime_error);
    CHECK((w * w).tape != 0);
    const NoGrad<double> values;
    CHECK((w * w).tape == 0);
    Tape<float> other;
    CHECK((f * f).tape != 0);
    bool recorded = false;
    std::thread([&] {
        Tape<double> own;
        recorded = (w * w).tape != 0;
    }).join();
    CHECK(recorded);
}

TEST_CASE("handles: the numbers of two copies of the library's tapes differ") {
    // Each copy has a counter of its own, on another page.
    constexpr std::size_t page = 4096;
    alignas(page) static std::atomic<std::size_t> ours[page / sizeof(std::size_t)],
        theirs[page / sizeof(std::size_t)];
    for (int i = 0; i < 3; ++i)
        CHECK(detail::next_number(ours[0]) != detail::next_number(theirs[0]));
    const std::size_t last = detail::next_number(ours[0]);
    CHECK(detail::next_number(ours[0]) == last + 1);
}
