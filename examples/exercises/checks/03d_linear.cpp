// The check of exercise 3d: a pencil case, then taper's linear on several shapes.
#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

Array<double> linear_dx(const Array<double>& W, const Array<double>& dy);
Array<double> linear_dW(const Array<double>& x, const Array<double>& dy);
Array<double> linear_db(const Array<double>& dy);

static void with_a_pencil(Check& check) {
    const Array<double> x{{{1, 2}}, {{3, 4}}};
    const Array<double> W{{5, 6}, {7, 8}};
    const Array<double> dy{{{1, 0}}, {{0, 10}}};
    check.with("x {{{1,2}},{{3,4}}}, W {{5,6},{7,8}}, dy {{{1,0}},{{0,10}}}");
    check.compare("dx", linear_dx(W, dy), Array<double>{{{5, 6}}, {{70, 80}}},
                  {{Array<double>{{{5, 7}}, {{60, 80}}},
                    "That is dy W^T. Here W is stored as (out, in), and y = x W^T + b."}});
    check.compare(
        "dW", linear_dW(x, dy), Array<double>{{1, 2}, {30, 40}},
        {{Array<double>{{1, 30}, {2, 40}}, "That is the transpose: W is stored as (out, in)."},
         {Array<double>{{0, 0}, {30, 40}}, "That is the last text alone: dW sums over all."},
         {Array<double>{{1, 2}, {0, 0}}, "That is the first text alone: dW sums over all."}});
    check.compare("db", linear_db(dy), Array<double>{1, 10},
                  {{Array<double>{0, 10}, "That is the last row alone: db sums over all, +=."},
                   {Array<double>{0.5, 5}, "That is a mean over the texts. It is a sum."}});
}

static void as_the_op(Check& check) {
    std::uint32_t number = 0;
    for (const auto& [B, n, in, out] : std::vector<std::array<std::size_t, 4>>{
             {2, 3, 4, 2}, {1, 4, 3, 5}, {3, 1, 1, 2}, {2, 2, 5, 1}}) {
        const Random random(1, "linear", ++number);
        Parameter<double> x("x", normal<double>(random, {B, n, in}));
        Parameter<double> W("W", normal<double>(random.substream(1), {out, in}));
        Parameter<double> b("b", normal<double>(random.substream(2), {out}));
        const auto dy = normal<double>(random.substream(3), {B, n, out});
        Tape<double> tape;
        tape.backward(linear(x, W, b), dy);
        check.with("x " + to_string(x.shape()) + ", W " + to_string(W.shape()));
        check.compare("dx", linear_dx(W.value(), dy), x.gradient());
        check.compare("dW", linear_dW(x.value(), dy), W.gradient());
        check.compare("db", linear_db(dy), b.gradient());
    }
}

int main() { return exercises::run("03d_linear", {with_a_pencil, as_the_op}); }
