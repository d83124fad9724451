// The check of exercise 10b: a row by hand, then the gradient of taper's softmax.
#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

Array<double> softmax_dx(const Array<double>& y, const Array<double>& dy);

static void with_a_pencil(Check& check) {
    check.with("y {{0.5,0.25,0.25},{0.2,0.2,0.6}}, dy {{4,0,8},{1,2,4}}");
    const Array<double> y{{0.5, 0.25, 0.25}, {0.2, 0.2, 0.6}};
    const Array<double> dy{{4, 0, 8}, {1, 2, 4}};
    check.compare(
        "dx", softmax_dx(y, dy), Array<double>{{0, -1, 1}, {-0.4, -0.2, 0.6}},
        {{Array<double>{{0, -4, 4}, {-2, -1, 1}}, "The factor y_i in front is missing."},
         {Array<double>{{2, 0, 2}, {0.2, 0.4, 2.4}}, "That is y dy: the sum is missing."},
         {Array<double>{{1, 0, 1.5}, {0.16, 0.32, 0.96}},
          "That is y (1 - y) dy, the diagonal alone: y_j depends on all scores of the row."},
         {Array<double>{{-4, -3, -1}, {-1.2, -1, -1.8}},
          "That is with the plain sum of dy. Which weight has each dy_j?"},
         {Array<double>{{0, -1, 1}, {-1.2, -1, -1.8}}, "The sum begins anew in each row."}});
}

static void as_the_op(Check& check) {
    for (const Shape& shape : {Shape{3, 4}, Shape{1, 5}, Shape{4, 1}, Shape{2, 2}}) {
        Parameter<double> x("x", normal<double>(Random(1, "x"), shape, 2));
        const auto dy = normal<double>(Random(1, "dy"), shape);
        Tape<double> tape;
        const Var<double> y = softmax(x);
        tape.backward(y, dy);
        check.with("y " + to_string(shape));
        check.compare("dx", softmax_dx(y.value(), dy), x.gradient());
    }
}

int main() { return exercises::run("10b_softmax_backward", {with_a_pencil, as_the_op}); }
