// The check of exercise 3c: one small array summed to each shape by hand, then the gradient of
// taper's broadcast_to.
#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

Array<double> broadcast_gradient(const Array<double>& dy, const Shape& shape);

static const char* const last_copy = "That is one copy alone: dx is the sum over all, +=.";

static void with_a_pencil(Check& check) {
    const Array<double> dy{{1, 2, 4}, {8, 16, 32}};
    check.with("dy {{1,2,4},{8,16,32}}");
    check.compare("dx for x (2,3)", broadcast_gradient(dy, {2, 3}), dy);
    const auto row = [](double a, double b, double c) { return Array<double>{{a, b, c}}; };
    check.compare("dx for x (1,3)", broadcast_gradient(dy, {1, 3}), row(9, 18, 36),
                  {{row(8, 16, 32), last_copy},
                   {row(1, 2, 4), last_copy},
                   {row(4.5, 9, 18), "That is a mean over the copies. It is a sum."}});
    check.compare("dx for x (3)", broadcast_gradient(dy, {3}), Array<double>{9, 18, 36},
                  {{Array<double>{8, 16, 32}, last_copy}, {Array<double>{1, 2, 4}, last_copy}});
    const auto column = [](double a, double b) { return reshaped(Array<double>{a, b}, {2, 1}); };
    check.compare("dx for x (2,1)", broadcast_gradient(dy, {2, 1}), column(7, 56),
                  {{column(4, 32), last_copy},
                   {column(1, 8), last_copy},
                   {column(7.0 / 3, 56.0 / 3), "That is a mean over the copies. It is a sum."}});
    for (const Shape& one : {Shape{1, 1}, Shape{1}, Shape{}})
        check.compare("dx for x " + to_string(one), broadcast_gradient(dy, one),
                      full<double>(one, 63),
                      {{full<double>(one, 32), last_copy}, {full<double>(one, 1), last_copy}});
}

// Rows and columns as many: which axis is it?
static void square_array(Check& check) {
    const Array<double> dy{{1, 2}, {4, 8}};
    check.with("dy {{1,2},{4,8}}");
    check.compare("dx for x (2)", broadcast_gradient(dy, {2}), Array<double>{5, 10},
                  {{Array<double>{3, 12}, "Shapes are aligned at their last axis: (2) is a row."}});
    check.compare("dx for x (2,1)", broadcast_gradient(dy, {2, 1}),
                  reshaped(Array<double>{3, 12}, {2, 1}));
}

static void as_the_op(Check& check) {
    for (const Shape& whole : {Shape{4, 3}, Shape{1, 5}, Shape{5, 1}, Shape{1, 1}, Shape{3, 3}})
        for (const Shape& shape : {whole, Shape{1, whole[1]}, Shape{whole[1]}, Shape{whole[0], 1},
                                   Shape{1, 1}, Shape{1}, Shape{}}) {
            const auto dy = normal<double>(Random(1, "dy"), whole);
            Parameter<double> x("x", zeros<double>(shape));
            Tape<double> tape;
            tape.backward(broadcast_to<double>(x, whole), dy);
            check.with("dy " + to_string(whole));
            check.compare("dx for x " + to_string(shape), broadcast_gradient(dy, shape),
                          x.gradient());
        }
}

int main() { return exercises::run("03c_broadcast", {with_a_pencil, square_array, as_the_op}); }
