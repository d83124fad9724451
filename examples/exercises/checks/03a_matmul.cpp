// The check of exercise 3a: numbers by hand, then taper's own matmul on several shapes.
#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

Array<double> matmul_dx(const Array<double>& W, const Array<double>& dy);
Array<double> matmul_dW(const Array<double>& x, const Array<double>& dy);

static void with_a_pencil(Check& check) {
    const Array<double> x{{1, 2}, {3, 4}};
    const Array<double> W{{5, 6}, {7, 8}};
    const Array<double> dy{{1, 0}, {0, 10}};
    check.with("x {{1,2},{3,4}}, W {{5,6},{7,8}}, dy {{1,0},{0,10}}");
    check.compare(
        "dW", matmul_dW(x, dy), Array<double>{{1, 30}, {2, 40}},
        {{Array<double>{{1, 2}, {30, 40}}, "That is the transpose of dW."},
         {Array<double>{{1, 20}, {3, 40}},
          "That is x dy. An entry of W reaches a column of y, once for each row: sum over rows."}});
    check.compare(
        "dx", matmul_dx(W, dy), Array<double>{{5, 7}, {60, 80}},
        {{Array<double>{{5, 60}, {7, 80}}, "That is the transpose of dx."},
         {Array<double>{{5, 6}, {70, 80}},
          "That is dy W. x (i,j) reaches row i of y, each time beside W (j,k): sum over columns k "
          "of W."}});
}

static void as_the_op(Check& check) {
    std::uint32_t number = 0;
    for (const auto& [n, in, out] : std::vector<std::array<std::size_t, 3>>{
             {2, 3, 4}, {1, 4, 2}, {5, 1, 3}, {3, 2, 1}, {1, 1, 1}}) {
        const Random random(1, "matmul", ++number);
        Parameter<double> x("x", normal<double>(random, {n, in}));
        Parameter<double> W("W", normal<double>(random.substream(1), {in, out}));
        const Array<double> dy = normal<double>(random.substream(2), {n, out});
        Tape<double> tape;
        tape.backward(matmul(x, W), dy);
        check.with("x " + to_string(x.shape()) + ", W " + to_string(W.shape()));
        check.compare("dW", matmul_dW(x.value(), dy), W.gradient());
        check.compare("dx", matmul_dx(W.value(), dy), x.gradient());
    }
}

int main() { return exercises::run("03a_matmul", {with_a_pencil, as_the_op}); }
