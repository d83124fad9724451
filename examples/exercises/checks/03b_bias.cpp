// The check of exercise 3b: a small batch by hand, then taper's add on several shapes.
#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

Array<double> add_bias(const Array<double>& x, const Array<double>& b);
Array<double> bias_gradient(const Array<double>& dy);

static void with_a_pencil(Check& check) {
    const Array<double> x{{{1, 2, 3}, {4, 5, 6}}, {{7, 8, 9}, {0, 1, 2}}};
    check.with("x {{{1,2,3},{4,5,6}},{{7,8,9},{0,1,2}}}, b {10,20,30}");
    check.compare("y", add_bias(x, {10, 20, 30}),
                  Array<double>{{{11, 22, 33}, {14, 25, 36}}, {{17, 28, 39}, {10, 21, 32}}},
                  {{x, "That is x: b is not in it."}});
    check.with("dy {{{1,2,3},{4,5,6}},{{7,8,9},{0,1,2}}}");
    check.compare("db", bias_gradient(x), Array<double>{12, 16, 20},
                  {{Array<double>{0, 1, 2}, "That is the last row alone: it must be a sum, +=."},
                   {Array<double>{7, 9, 11}, "That is the last text alone."},
                   {Array<double>{5, 7, 9}, "That is the first text alone."},
                   {Array<double>{3, 4, 5}, "That is a mean over the rows. It is a sum."},
                   {Array<double>{6, 8, 10}, "That is a mean over the texts. It is a sum."}});
}

static void as_the_op(Check& check) {
    for (const Shape& shape : {Shape{2, 3, 4}, Shape{1, 5, 2}, Shape{3, 1, 1}, Shape{4, 2, 3}}) {
        const Random random(1, "bias", static_cast<std::uint32_t>(shape[0]));
        const auto x = normal<double>(random, shape);
        const auto dy = normal<double>(random.substream(1), shape);
        Parameter<double> b("b", normal<double>(random.substream(2), {shape[2]}));
        Tape<double> tape;
        const Var<double> y = x + b;
        tape.backward(y, dy);
        check.with("x " + to_string(shape));
        check.compare("y", add_bias(x, b.value()), y.value());
        check.compare("db", bias_gradient(dy), b.gradient());
    }
}

int main() { return exercises::run("03b_bias", {with_a_pencil, as_the_op}); }
