// Shapes and axes that an op refuses, in one form: each input by itself, before it reads any.
#include <doctest/doctest.h>

#include "core/ops.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

Var<double> zero_input(const Shape& shape) { return Var<double>(zeros<double>(shape)); }

}  // namespace

TEST_CASE(
    "misuse: layer_norm refuses a gain and a bias that are not of the last axis, each by itself") {
    const auto refused = [](const Shape& gain, const Shape& bias) {
        return rule_of([&] { layer_norm(zero_input({2, 3}), zero_input(gain), zero_input(bias)); });
    };
    CHECK(refused({3}, {3}) == "");
    const std::string rule = "layer_norm: gain and bias must be of the last axis of x: x (2,3), ";
    for (const Shape& wrong : {Shape{2}, Shape{1}, Shape{4}, Shape{1, 3}, Shape{}}) {
        CHECK(refused(wrong, {3}) == rule + "gain " + to_string(wrong) + ", bias (3)");
        CHECK(refused({3}, wrong) == rule + "gain (3), bias " + to_string(wrong));
    }
}

TEST_CASE("misuse: feed_forward refuses weights and biases that do not fit, each by itself") {
    struct Shapes {
        Shape x{2, 5, 3}, W1{6, 3}, b1{6}, W2{4, 6}, b2{4};
    };
    const auto refused = [](const Shapes& s) {
        const std::string rule = rule_of([&] {
            feed_forward(zero_input(s.x), zero_input(s.W1), zero_input(s.b1), zero_input(s.W2),
                         zero_input(s.b2));
        });
        const std::string expected =
            "feed_forward: x must be (..., n, in), W1 (hidden, in), b1 (hidden), W2 (out, hidden), "
            "b2 (out): x " +
            to_string(s.x) + ", W1 " + to_string(s.W1) + ", b1 " + to_string(s.b1) + ", W2 " +
            to_string(s.W2) + ", b2 " + to_string(s.b2);
        CHECK((rule == "" || rule == expected));
        return rule != "";
    };
    CHECK_FALSE(refused({}));
    for (const Shape& wrong : {Shape{5}, Shape{7}, Shape{1}, Shape{1, 6}})
        CHECK(refused({.b1 = wrong}));
    for (const Shape& wrong : {Shape{3}, Shape{5}, Shape{1}, Shape{1, 4}})
        CHECK(refused({.b2 = wrong}));
    CHECK(refused({.x = {3}}));
    CHECK(refused({.x = {2, 5, 4}}));
    CHECK(refused({.W1 = {18}}));
    CHECK(refused({.W2 = {24}}));
    CHECK(refused({.W2 = {4, 5}}));
}

TEST_CASE("misuse: slice refuses a range that leaves its axis, for every step") {
    const Var<double> x = zero_input({2, 7});
    for (const std::ptrdiff_t step : {1, 2, 3, 100}) {
        const auto refused = [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
            return rule_of([&] { slice(x, 1, {.begin = begin, .end = end, .step = step}); });
        };
        const auto rule = [&](const char* range) {
            return "slice: 0 <= begin <= end <= extent and step >= 1 must hold: x (2,7): axis 1, " +
                   std::string(range) + ", step " + std::to_string(step);
        };
        CHECK(refused(0, 7) == "");
        CHECK(refused(7, 7) == "");
        CHECK(refused(0, 8) == rule("begin 0, end 8"));
        CHECK(refused(8, 8) == rule("begin 8, end 8"));
        CHECK(refused(4, 3) == rule("begin 4, end 3"));
        CHECK(refused(-8, 3) == rule("begin -8, end 3"));
        CHECK(refused(0, -8) == rule("begin 0, end -8"));
    }
    for (const std::ptrdiff_t step : {0, -1})
        CHECK(contains(rule_of([&] { slice(x, 1, {.step = step}); }), "step >= 1 must hold"));
}

TEST_CASE("misuse: pad refuses numbers below 0 and beyond any memory, before and after") {
    const auto refused = [](std::ptrdiff_t before, std::ptrdiff_t after) {
        return rule_of([&] { pad(zero_input({2, 3}), 0, before, after); });
    };
    constexpr std::ptrdiff_t large = (std::ptrdiff_t{1} << 60) + 1;
    for (const std::ptrdiff_t wrong : {std::ptrdiff_t{-1}, large}) {
        const std::string rule = "pad: before and after must be 0 to 2^60: x (2,3): ";
        const std::string number = std::to_string(wrong);
        CHECK(refused(wrong, 0) == rule + "before " + number + ", after 0");
        CHECK(refused(0, wrong) == rule + "before 0, after " + number);
    }
}

TEST_CASE("misuse: an axis is reduced once, however it is named") {
    const Var<double> x = zero_input({2, 3});
    CHECK(rule_of([&] { sum(x, {0, 0}); }) == "sum: an axis must be named once: x (2,3): axis 0");
    CHECK(rule_of([&] {
              mean(x, {1, -1});
          }) == "mean: an axis must be named once: x (2,3): axis -1");
    CHECK(rule_of([&] {
              max(x, {-2, 1, 0});
          }) == "max: an axis must be named once: x (2,3): axis 0");
}

TEST_CASE("misuse: item is of one entry") {
    CHECK(zero_input({1, 1}).item() == 0);
    for (const Shape& shape : {Shape{2}, Shape{0}, Shape{1, 3}})
        CHECK(rule_of([&] { zero_input(shape).item(); }) ==
              "item: a Var must have one entry: x " + to_string(shape));
}

TEST_CASE("misuse: reshape keeps the number of entries, and infers one extent") {
    const auto refused = [](const Extents& extents) {
        return rule_of([&] { reshape(zero_input({2, 3}), extents); });
    };
    CHECK(refused({3, -1}) == "");
    const std::string same = "reshape: the number of entries must stay the same: x (2,3): wanted ";
    CHECK(refused({2, 4}) == same + "(2,4)");
    CHECK(refused({5}) == same + "(5)");
    CHECK(refused({4, -1}) == same + "(4,-1)");
    CHECK(refused({0}) == same + "(0)");
    const std::string rule =
        "reshape: extents must be 0 or more, and one may be -1: x (2,3): wanted ";
    CHECK(refused({-1, -1}) == rule + "(-1,-1)");
    CHECK(refused({-1, 6, -1}) == rule + "(-1,6,-1)");
    CHECK(refused({-2, 3}) == rule + "(-2,3)");
}
