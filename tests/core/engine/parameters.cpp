// What goes in and out of a backward pass: gradients of Parameters, losses, cotangents, values
// changed or detached on the way.
#include <doctest/doctest.h>

#include <cmath>
#include <thread>

#include "core/ops.hpp"
#include "nn/optim/sgd.hpp"
#include "tests/support/in_double.hpp"

using namespace taper;
using namespace taper::tests;

TEST_CASE("parameters: gradients add up over passes until they are cleared") {
    P w("w", Numbers{1, 2}), other("other", Numbers{5});
    CHECK_FALSE(w.has_gradient());
    check_refusal([&] { static_cast<void>(w.gradient()); }, {"gradient: ", "backward pass", "w"});
    check_refusal(
        [&] {
            w.mutable_gradient() = Numbers{0, 0};
        },
        {"gradient: ", "backward pass", "w"});
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
        check_refusal([&] { tape.backward(y); },
                      {"backward: the loss must be a scalar", "loss (2)"});
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

TEST_CASE(
    "parameters: a Parameter changed between forward and backward: the gradient at the recorded "
    "value") {
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

TEST_CASE("parameters: freeze and thaw, one or many, and not while a live tape has recorded it") {
    P w("w", Numbers{2}), v("v", Numbers{3});
    {
        Tape<double> tape;
        tape.backward(w * v);
    }
    freeze(w);
    CHECK_FALSE(w.trainable());
    CHECK_FALSE(w.has_gradient());
    {
        Tape<double> tape;
        tape.backward(w * v);
        CHECK_FALSE(w.has_gradient());
        CHECK(v.gradient() == Numbers{4});
    }
    const std::vector<P*> both{&v, &w};
    thaw(both);
    clear_gradients(both);
    CHECK_FALSE(v.has_gradient());
    {
        Tape<double> tape;
        const V y = w * 1.0;
        check_refusal([&] { freeze(both); },
                      {"freeze: no live tape may have recorded the parameter: w"});
        CHECK(v.trainable());  // neither was frozen
        std::string elsewhere;
        std::thread([&] { elsewhere = refusal([&] { freeze(w); }); }).join();
        CHECK(elsewhere == "freeze: no live tape may have recorded the parameter: w");
        freeze(v);  // which no tape has met
        check_refusal([&] { thaw(v); }, {"thaw: no tape may be alive", "v"});
        tape.backward(y, Keep::everything);
        check_refusal([&] { freeze(w); }, {"no live tape"});  // backward can run again
        tape.backward(y);
        CHECK_NOTHROW(freeze(w));  // the tape has let go of it
        thaw(both);
    }
    {
        Tape<double> dies_without_backward;
        const V y = w * 1.0;
    }
    CHECK_NOTHROW(freeze(both));
    P moved_from("moved", Numbers{1});
    const P moved = std::move(moved_from);
    check_refusal([&] { freeze(moved_from); }, {"must have a value"});
}

TEST_CASE(
    "parameters: a reference from before a use writes into what a tape recorded, and "
    "Finite::checked notices") {
    for (const Finite finite : {Finite::unchecked, Finite::checked}) {
        P w("w", Numbers{2, 3});
        Tape<double> tape(finite);
        Numbers& early = w.mutable_value();
        const V loss = sum(w * w);
        early(0) = 100;
        if (finite == Finite::checked)
            check_refusal([&] { tape.backward(loss); },
                          {"backward: what a tape recorded of a Parameter must not be written to",
                           "parameter w (2)"});
        else tape.backward(loss);
    }
    P w("w", Numbers{2, 3});
    Tape<double> tape(Finite::checked);
    const V loss = sum(w * w);
    w.mutable_value()(0) = 100;  // a copy
    tape.backward(loss);
    CHECK(w.gradient() == Numbers{4, 6});
}

TEST_CASE("parameters: in float the gradient of one that is used 20,000 times has float's digits") {
    Parameter<float> w("w", Array<float>{1.0F, -0.7F});
    constexpr int uses = 20'000;
    double wanted[2] = {0, 0};
    Tape<float> tape;
    Var<float> total = Array<float>{0.0F, 0.0F};
    for (int i = 0; i < uses; ++i) {
        const Array<float> c{0.1F, 1.0F + static_cast<float>(i % 7)};
        total = total + w * Var<float>(c);
        for (std::size_t j = 0; j < 2; ++j) wanted[j] += static_cast<double>(c(j));
    }
    tape.backward(sum(total));
    for (std::size_t j = 0; j < 2; ++j)
        CHECK(std::abs(static_cast<double>(w.gradient()(j)) / wanted[j] - 1) < 3e-6);
}

TEST_CASE("parameters: every number of uses is counted, in each pass") {
    for (const int uses : {1, 31, 32, 33, 63, 64, 65, 96, 127, 128, 129, 1000}) {
        P w("w", Numbers{1, 2});
        Tape<double> tape;
        V total = Numbers{0, 0};
        for (int i = 0; i < uses; ++i) total = total + w * static_cast<double>(i + 1);
        const double sum_of_all = uses * (uses + 1) / 2.0;
        for (int pass = 1; pass <= 2; ++pass) {
            tape.backward(sum(total), Keep::everything);
            CHECK(tape.gradient(w) == Numbers{sum_of_all, sum_of_all});
            CHECK(w.gradient() == Numbers{pass * sum_of_all, pass * sum_of_all});
        }
    }
}

TEST_CASE("parameters: rows of one that is read 20,000 times add up as exactly in float") {
    constexpr int uses = 20'000;
    for (const bool by_id : {true, false}) {
        Parameter<float> w("w", reshaped(Array<float>{1, 2, 3}, {3, 1}));
        Tape<float> tape;
        Var<float> total = 0.0F;
        for (int i = 0; i < uses; ++i) {
            const Var<float> row =
                by_id ? embedding(w, Ids{1}) : slice(w, 0, {.begin = 1, .end = 2});
            total = total + sum(row * 0.1F);
        }
        tape.backward(total);
        CHECK(std::abs(static_cast<double>(w.gradient()(1, 0)) / (0.1 * uses) - 1) < 3e-6);
        CHECK(w.gradient()(0, 0) == 0);
    }
}

TEST_CASE("finite: a gradient that is not is found whatever the number of uses") {
    for (const int uses : {31, 32, 33, 64}) {
        P w("w", Numbers{0, 1});
        Tape<double> tape(Finite::checked);
        V y = sqrt(w);  // its slope at 0 is infinite
        for (int i = 1; i < uses; ++i) y = y + w;
        CAPTURE(uses);
        check_refusal([&] { tape.backward(sum(y)); }, {"backward of sqrt", "inf"});
    }
}

TEST_CASE(
    "parameters: mutable_value() leaves alone what a tape recorded, also where no op kept the "
    "value") {
    P w("w", Numbers{1, 2});
    Tape<double> tape(Finite::checked);
    const V loss = sum(w + 1.0);
    w.mutable_value()(0) = 100;
    tape.backward(loss);
    CHECK(w.gradient() == Numbers{1, 1});
    CHECK(w.value() == Numbers{100, 2});
}

TEST_CASE("parameters: one that is seen as a Var is not assigned to") {
    P w("w", Numbers{1, 2}), other("other", Numbers{3});
    const auto check_refused = [](V& seen, const char* name) {
        const std::vector<std::function<void()>> assignments{
            [&] { seen += 1.0; }, [&] { seen -= 1.0; }, [&] { seen *= 2.0; }, [&] { seen /= 2.0; },
            [&] { seen = V(3.0); }};
        for (const auto& assignment : assignments)
            check_refusal(assignment,
                          {"assignment: a Parameter must stay itself", "mutable_value()", name});
    };
    check_refused(w, "parameter w (2)");
    CHECK(w.name() == "w");
    CHECK(w.value() == Numbers{1, 2});
    P moved = std::move(w);
    check_refused(moved, "parameter w (2)");
    moved = std::move(other);  // a Parameter is moved to a Parameter
    check_refused(moved, "parameter other (1)");
    V copy = moved;  // which is a Var like any
    copy += 1.0;
    V taken = std::move(copy);
    taken *= 2.0;
    CHECK(taken.value() == Numbers{8});
    CHECK(moved.value() == Numbers{3});
}

TEST_CASE("parameters: thaw is refused where a NoGrad hides a tape, and thaws what freeze froze") {
    P w("w", Numbers{1}), fixed("fixed", Numbers{2}, false);
    const std::vector<P*> frozen = freeze(std::vector<P*>{&w, &fixed});
    CHECK(frozen == std::vector<P*>{&w});
    {
        Tape<double> tape;
        NoGrad<double> values;
        check_refusal([&] { thaw(w); }, {"thaw: no tape may be alive", "w"});
    }
    thaw(frozen);
    CHECK(w.trainable());
    CHECK_FALSE(fixed.trainable());
}

TEST_CASE("parameters: a Var made of one before it changed is recorded by no tape") {
    P w("w", Numbers{1, 2});
    const V before = w;
    {
        Tape<double> tape;  // the same Parameter
        tape.backward(sum(w * before));
        CHECK(w.gradient() == Numbers{2, 4});
    }
    w.clear_gradient();
    w.mutable_value() += 1.0;
    CHECK(before.value() == Numbers{1, 2});
    CHECK((w - before).value() == Numbers{1, 1});
    Tape<double> tape;
    check_refusal([&] { square(w - before); },
                  {"sub: ", "must have its present value", "detach()", "parameter w (2)"});
    {
        NoGrad<double> values;
        CHECK((w - before).value() == Numbers{1, 1});
    }
    tape.backward(sum(square(w - before.detach())));
    CHECK(w.gradient() == Numbers{2, 2});

    const V present = w;
    P moved = std::move(w);
    Tape<double> another;
    another.backward(sum(moved * present));
    CHECK(moved.gradient() == Numbers{2 + 4, 2 + 6});
}

TEST_CASE("parameters: a weight that is shared by a copy of its Var is not left behind by a step") {
    P w("w", Numbers{1});
    const V shared = w;
    nn::Sgd<double> sgd({&w});
    {
        Tape<double> tape;
        tape.backward(sum(square(shared)));
    }
    sgd.step(0.1);
    Tape<double> tape;
    check_refusal([&] { square(shared); },
                  {"square: ", "must have its present value", "parameter w (1)"});
}
