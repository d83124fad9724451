// The check of exercise 19b: numbers by hand, then taper's own matmul on several shapes.
#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

Array<double> projection_dE(const Array<double>& K, const Array<double>& dK_bar);
Array<double> projection_dK(const Array<double>& E, const Array<double>& dK_bar);

static void with_a_pencil(Check& check) {
    const Array<double> K = reshaped(Array<double>{1, 2, 3, 4, 0, 5}, {1, 3, 2});
    const Array<double> E{{1, 0, 2}, {0, 3, 1}};
    const Array<double> dK_bar = reshaped(Array<double>{1, 0, 10, -1}, {1, 2, 2});
    check.with("one text, K {{1,2},{3,4},{0,5}}, E {{1,0,2},{0,3,1}}, dK_bar {{1,0},{10,-1}}");
    check.compare("dE", projection_dE(K, dK_bar), Array<double>{{1, 3, 0}, {8, 26, -5}},
                  {{Array<double>{{1, 8}, {3, 26}, {0, -5}}, "That is the transpose of dE."}});
    check.compare("dK", projection_dK(E, dK_bar),
                  reshaped(Array<double>{1, 0, 30, -3, 12, -1}, {1, 3, 2}),
                  {{reshaped(Array<double>{1, 0, 0, 0, 2, 0}, {1, 3, 2}),
                    "That is what slot 0 hands back. A key has gone into all slots."}});
}

static void two_texts(Check& check) {
    const Array<double> K = reshaped(Array<double>{1, 2, 3, -1}, {2, 2, 1});
    const Array<double> dK_bar = reshaped(Array<double>{1, 10}, {2, 1, 1});
    check.with("two texts, K {{1},{2}} and {{3},{-1}}, dK_bar {{1}} and {{10}}");
    check.compare(
        "dE", projection_dE(K, dK_bar), Array<double>{{31, -8}},
        {{Array<double>{{1, 2}}, "That is of the first text alone."},
         {Array<double>{{30, -10}}, "That is of the last text alone."},
         {Array<double>{{15.5, -4}},
          "That is the mean over the texts. The chain rule adds up over all uses of E."}});
    check.compare("dK", projection_dK(Array<double>{{5, 7}}, dK_bar),
                  reshaped(Array<double>{5, 7, 50, 70}, {2, 2, 1}),
                  {{reshaped(Array<double>{55, 77, 55, 77}, {2, 2, 1}),
                    "Each text has keys of its own: no sum over texts here."}});
}

static void as_the_op(Check& check) {
    std::uint32_t number = 0;
    for (const auto& [B, n, k, d_h] : std::vector<std::array<std::size_t, 4>>{
             {1, 4, 2, 3}, {3, 5, 2, 4}, {2, 1, 1, 3}, {2, 3, 3, 1}}) {
        const Random random(1, "projection", ++number);
        Parameter<double> K("K", normal<double>(random, {B, n, d_h}));
        Parameter<double> V("V", normal<double>(random.substream(1), {B, n, d_h}));
        Parameter<double> E("E", normal<double>(random.substream(2), {k, n}));
        Parameter<double> F("F", normal<double>(random.substream(3), {k, n}));
        const Array<double> dK_bar = normal<double>(random.substream(4), {B, k, d_h});
        const Array<double> dV_bar = normal<double>(random.substream(5), {B, k, d_h});
        {
            Tape<double> tape;
            tape.backward(matmul(E, K), dK_bar);
        }
        {
            Tape<double> tape;
            tape.backward(matmul(F, V), dV_bar);
        }
        check.with("K " + to_string(K.shape()) + ", E " + to_string(E.shape()));
        check.compare("dE", projection_dE(K.value(), dK_bar), E.gradient());
        check.compare("dK", projection_dK(E.value(), dK_bar), K.gradient());
        check.compare("dF", projection_dE(V.value(), dV_bar), F.gradient());
        check.compare("dV", projection_dK(F.value(), dV_bar), V.gradient());
    }
}

int main() {
    return exercises::run("19b_projection_backward", {with_a_pencil, two_texts, as_the_op});
}
