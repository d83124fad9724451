// The check of exercise 11b: probabilities one can see, rows that do not count, large logits, and
// the gradient of taper's cross_entropy.
#include <array>
#include <cmath>

#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

Array<double> cross_entropy_dx(const Array<double>& logits, const Ids& targets);

static Array<double> rows(std::initializer_list<std::array<double, 3>> of) {
    Array<double> array = empty<double>({of.size(), 3});
    std::size_t i = 0;
    for (const auto& row : of)
        for (const double entry : row) array.data()[i++] = entry;
    return array;
}

static void with_a_pencil(Check& check) {
    const double l2 = std::log(2), l5 = std::log(5);
    check.with("logits {{0, ln 2, ln 5}}, so p is {1/8, 1/4, 5/8}, target 1");
    check.compare("dx", cross_entropy_dx(rows({{0, l2, l5}}), {1}), rows({{0.125, -0.75, 0.625}}),
                  {{rows({{0.125, 0.25, 0.625}}), "That is p. The term -x_t is missing."},
                   {rows({{0.125, 1.25, 0.625}}), "That is p + one-hot. Look at the sign."},
                   {rows({{0, -0.75, 0}}), "All logits of the row are in the sum, not x_t alone."},
                   {rows({{0, -4, 0}}), "That is the derivative by p. From p to x is a step more."},
                   {rows({{1, 1, 5}}), "p is missing: the powers are to be parts of their sum."}});
    check.with("two such rows, targets {1,2}");
    check.compare("dx", cross_entropy_dx(rows({{0, l2, l5}, {0, l2, l5}}), {1, 2}),
                  rows({{0.0625, -0.375, 0.3125}, {0.0625, 0.125, -0.1875}}),
                  {{rows({{0.125, -0.75, 0.625}, {0.125, 0.25, -0.375}}),
                    "L is a mean over the rows, so 1 / N is in it."},
                   {rows({{0.0625, -0.875, 0.3125}, {0.0625, 0.125, -0.6875}}),
                    "1 / N stands before both terms, the -1 as well."}});
}

static void rows_left_out(Check& check) {
    const double l2 = std::log(2), l5 = std::log(5);
    check.with("three such rows, targets {1,-100,2}");
    check.compare(
        "dx", cross_entropy_dx(rows({{0, l2, l5}, {0, l2, l5}, {0, l2, l5}}), {1, -100, 2}),
        rows({{0.0625, -0.375, 0.3125}, {0, 0, 0}, {0.0625, 0.125, -0.1875}}),
        {{rows({{0.125 / 3, -0.25, 0.625 / 3}, {0, 0, 0}, {0.125 / 3, 0.25 / 3, -0.125}}),
          "N counts the rows that count: here 2 of 3."},
         {rows({{0.0625, -0.375, 0.3125}, {0.0625, 0.125, 0.3125}, {0.0625, 0.125, -0.1875}}),
          "A row that does not count has the gradient 0."}});
}

static void large_logits(Check& check) {
    check.with("logits {{0,2000,1000},{-2000,-2000,-3000}}, targets {0,0}");
    check.compare("dx", cross_entropy_dx(rows({{0, 2000, 1000}, {-2000, -2000, -3000}}), {0, 0}),
                  rows({{-0.5, 0.5, 0}, {-0.25, 0.25, 0}}));
}

static void as_the_op(Check& check) {
    for (const Shape& shape : {Shape{4, 5}, Shape{1, 3}, Shape{7, 2}}) {
        Parameter<double> logits("logits", normal<double>(Random(1, "logits"), shape, 3));
        Ids targets = empty<std::int64_t>({shape[0]});
        for (std::size_t i = 0; i < shape[0]; ++i)
            targets(i) = i % 3 == 1 ? -100 : static_cast<std::int64_t>((2 * i + 1) % shape[1]);
        Tape<double> tape;
        tape.backward(cross_entropy(logits, targets));
        check.with("logits " + to_string(shape));
        check.compare("dx", cross_entropy_dx(logits.value(), targets), logits.gradient());
    }
}

int main() {
    return exercises::run("11b_cross_entropy_backward",
                          {with_a_pencil, rows_left_out, large_logits, as_the_op});
}
