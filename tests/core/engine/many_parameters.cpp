// Parameters by the list, and their names in messages.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "core/check/gradcheck.hpp"
#include "core/ops.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/clip.hpp"
#include "nn/optim/sgd.hpp"
#include "tests/support/in_double.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::tests;

TEST_CASE("many parameters: freeze, thaw and clear_gradients take pointers in braces, too") {
    P w("w", Numbers{2}), v("v", Numbers{3});
    CHECK(freeze({&w, &v}) == std::vector<P*>{&w, &v});
    CHECK_FALSE(w.trainable());
    CHECK(freeze({&w}).empty());  // it was not trainable
    thaw({&w, &v});
    Tape<double> tape;
    tape.backward(w * v);
    clear_gradients({&w});
    CHECK_FALSE(w.has_gradient());
    CHECK(nn::gradient_norm({&v}) == 2);
    CHECK(nn::clip_gradients({&v}, 1.0) == 2);
    CHECK(v.gradient() == Numbers{1});
}

TEST_CASE(
    "many parameters: a null pointer among many is refused by its place, and nothing has changed") {
    P w("w", Numbers{2});
    w.mutable_value();
    const std::vector<P*> all{&w, nullptr, &w};
    const std::string rule =
        ": no pointer to a parameter may be null: number 1 of 3, counted from 0";
    CHECK(refusal([&] { freeze(all); }) == "freeze" + rule);
    CHECK(w.trainable());
    CHECK(refusal([&] { thaw(all); }) == "thaw" + rule);
    CHECK(refusal([&] { clear_gradients(all); }) == "clear_gradients" + rule);
    CHECK(refusal([&] { nn::gradient_norm(all); }) == "gradient_norm" + rule);
    CHECK(refusal([&] { nn::clip_gradients(all, 1.0); }) == "clip_gradients" + rule);
    CHECK(refusal([&] { nn::Adam<double> adam(all); }) == "adam" + rule);
    CHECK(refusal([&] { nn::Sgd<double> sgd(all); }) == "sgd" + rule);
    CHECK(refusal([&] {
              gradcheck(
                  "w", [&] { return sum(w * w); }, all);
          }) == "gradcheck" + rule);
    CHECK(contains(refusal([] { nn::Adam<double>({nullptr}); }), "number 0 of 1"));
}

TEST_CASE(
    "many parameters: whatever stands in a name, an Error that holds it is one line of plain "
    "text") {
    P w("a\nb\x1b[31m\xff", Numbers{2});
    const std::string name = "a\\nb\\x1B[31m\\xFF";
    const auto names_it = [&](const std::function<void()>& action) {
        const std::string message = refusal(action);
        CHECK_MESSAGE(contains(message, name), message);
        CHECK(message.find_first_of("\n\x1b") == std::string::npos);
    };
    names_it([&] { w.gradient(); });
    names_it([&] { sum(w, 3); });
    {
        Tape<double> tape;
        const V y = w * 2.0;
        names_it([&] { freeze(w); });
        tape.backward(y, Numbers{INFINITY});
    }
    names_it([&] { nn::gradient_norm({&w}); });
    names_it([&] { nn::Adam<double>({&w}).step(0.1); });
    names_it([&] { nn::Sgd<double>({&w}).step(0.1); });
    names_it([&] { static_cast<V&>(w) = V(Numbers{1}); });
    const auto report = gradcheck("wrong", [&] { return sum(w.detach()) + 0 * w; }, {&w});
    CHECK(contains(report.text(), name));
    CHECK(report.text().find('\x1b') == std::string::npos);
    w.mutable_value() = Numbers{1, 2};
    names_it([&] { sum(w); });
}
