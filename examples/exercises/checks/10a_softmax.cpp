// The check of exercise 10a: small scores, large ones, ones that are masked, and taper's softmax.
#include <cmath>
#include <limits>

#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

Array<double> stable_softmax(const Array<double>& x);

static void small_scores(Check& check) {
    check.with("x {{0, ln 2, ln 5},{0,0,0}}");
    check.compare("y", stable_softmax({{0, std::log(2), std::log(5)}, {0, 0, 0}}),
                  Array<double>{{0.125, 0.25, 0.625}, {1 / 3.0, 1 / 3.0, 1 / 3.0}},
                  {{Array<double>{{1, 2, 5}, {1, 1, 1}},
                    "These are the powers: each is a part of "
                    "the sum of its row."},
                   {Array<double>{{0.2, 0.4, 1}, {1, 1, 1}},
                    "These are the powers over the largest: divide by their sum."},
                   {Array<double>{{0.5, 2 / 3.0, 5 / 6.0}, {0.5, 1 / 3.0, 1 / 6.0}},
                    "That sums to 1 down the columns. It is to be along the rows."},
                   {Array<double>{{1 / 11.0, 2 / 11.0, 5 / 11.0}, {1 / 11.0, 1 / 11.0, 1 / 11.0}},
                    "That sums to 1 over the whole array. It is to be along each row."}});
}

static void large_scores(Check& check) {
    const double l = std::log(3);
    const Array<double> y{{0.25, 0.75}, {0.75, 0.25}};
    const double nan = std::nan("");
    check.with("x {{1000, 1000 + ln 3},{ln 3, 0}}");
    check.compare("y", stable_softmax({{1000, 1000 + l}, {l, 0}}), y,
                  {{Array<double>{{nan, nan}, {0.75, 0.25}},
                    "e^1000 is inf. Subtract something from the row first."},
                   {Array<double>{{0.25, 0.75}, {nan, nan}},
                    "The second row is 0 / 0: its own largest score is not 1000."}});
    check.with("x {{-1000, ln 3 - 1000},{ln 3, 0}}");
    check.compare("y", stable_softmax({{-1000, l - 1000}, {l, 0}}), y,
                  {{Array<double>{{nan, nan}, {0.75, 0.25}},
                    "The first row is 0 / 0: its largest score is below 0."}});
}

static void masked_scores(Check& check) {
    const double minus = -std::numeric_limits<double>::infinity();
    check.with("x {{-inf, 0, ln 3},{-inf, -inf, -7}}");
    check.compare("y", stable_softmax({{minus, 0, std::log(3)}, {minus, minus, -7}}),
                  Array<double>{{0, 0.25, 0.75}, {0, 0, 1}});
}

static void as_the_op(Check& check) {
    for (const Shape& shape : {Shape{3, 4}, Shape{1, 6}, Shape{5, 1}, Shape{2, 2}}) {
        const auto x = normal<double>(Random(1, "x"), shape, 3);
        check.with("x " + to_string(shape));
        check.compare("y", stable_softmax(x), softmax<double>(x).value());
    }
}

int main() {
    return exercises::run("10a_softmax", {small_scores, large_scores, masked_scores, as_the_op});
}
