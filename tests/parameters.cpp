// What goes in and out of a backward pass: gradients of Parameters, losses, cotangents, values changed or detached on the way.
#include <doctest/doctest.h>

#include "core/ops.hpp"
#include "tests/scratch.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

using V = Var<double>;
using P = Parameter<double>;
using Numbers = Array<double>;

void check_refusal(const std::function<void()>& action, std::initializer_list<const char*> parts) {
    const std::string message = refusal(action);
    for (const char* part : parts)
        CHECK_MESSAGE(message.find(part) != std::string::npos, message << std::string(" lacks ") << std::string(part));
}

}  // namespace

TEST_CASE("parameters: gradients add up over passes until they are cleared") {
    P w("w", Numbers{1, 2}), other("other", Numbers{5});
    CHECK_FALSE(w.has_gradient());
    check_refusal([&] { static_cast<void>(w.gradient()); }, {"gradient: ", "backward pass", "w"});
    for (int pass = 1; pass <= 3; ++pass) {
        Tape<double> tape;
        tape.backward(sum(w * w));
        CHECK(w.gradient() == Numbers{2.0 * pass, 4.0 * pass});
    }
    CHECK_FALSE(other.has_gradient());
    w.clear_gradient();
    CHECK_FALSE(w.has_gradient());
}

TEST_CASE("parameters: a cotangent, and losses of one entry") {
    P w("w", Numbers{1, 2});
    {
        Tape<double> tape;
        tape.backward(w * w, Numbers{1, 10});
        CHECK(w.gradient() == Numbers{2, 40});
    }
    {
        Tape<double> tape;
        const V y = w * w;
        check_refusal([&] { tape.backward(y); }, {"backward: the loss must be a scalar", "loss (2)"});
        check_refusal(
            [&] {
                tape.backward(y, Numbers{1, 2, 3});
            },
            {"backward: the cotangent must have the shape of y", "dy (3), y (2)"});
        check_refusal([&] { tape.backward(V(1.0)); }, {"backward: y must be recorded", "constant"});
        tape.backward(reshape(sum(y), {1, 1}));  // the tape is as it was
    }
    CHECK(w.gradient() == Numbers{4, 44});
    P scalar("scalar", full<double>({}, 3));
    Tape<double> tape;
    tape.backward(scalar);  // a Parameter is its own loss
    CHECK(scalar.gradient()() == 1);
}

TEST_CASE("parameters: a Parameter changed between forward and backward: the gradient at the recorded value") {
    P w("w", Numbers{2, 3});
    Tape<double> tape;
    const V y = w * w;
    const double* recorded = w.value().data();
    w.mutable_value().fill(100);
    CHECK(w.value().data() != recorded);
    CHECK(y.value() == Numbers{4, 9});
    const V z = w * 1.0;  // read anew: the new value
    CHECK(z.value() == Numbers{100, 100});
    tape.backward(sum(y) + sum(z));
    CHECK(w.gradient() == Numbers{5, 7});
    const double* alone = w.value().data();
    w.mutable_value().fill(1);  // nobody else holds it: in place
    CHECK(w.value().data() == alone);
}

TEST_CASE("parameters: a Parameter moved or destroyed between forward and backward") {
    P kept("kept", Numbers{1});
    Tape<double> tape;
    V y;
    {
        P gone("gone", Numbers{5});
        y = gone * kept;
    }
    P moved = std::move(kept);
    tape.backward(y);
    CHECK(moved.gradient()(0) == 5);
}

TEST_CASE("parameters: detach") {
    P w("w", Numbers{2});
    Tape<double> tape;
    const V y = w * w, d = y.detach();
    CHECK(d.value().data() == y.value().data());
    tape.backward(d * w);
    CHECK(w.gradient()(0) == 4);
}
