// The check of exercise 14b: two positions by hand, then the gradients of a tape, one op at a time.
#include <array>
#include <cmath>
#include <vector>

#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

struct AttentionGradients {
    Array<double> dV, dP, dS, dQ, dK;
};
AttentionGradients attention_gradients(const Array<double>& Q, const Array<double>& K,
                                       const Array<double>& V, const Array<double>& P,
                                       const Array<double>& dy);

static void with_a_pencil(Check& check) {
    const Array<double> Q{{1, 2, 0, -1}, {0, 1, 3, 2}};
    const Array<double> K{{2, 0, 1, 1}, {1, -1, 0, 2}};
    const Array<double> V{{1, 2, 0}, {3, -1, 2}};
    const Array<double> P{{0.25, 0.75}, {0.5, 0.5}};
    const Array<double> dy{{4, 0, 2}, {2, 6, -4}};
    check.with(
        "Q {{1,2,0,-1},{0,1,3,2}}, K {{2,0,1,1},{1,-1,0,2}}, V {{1,2,0},{3,-1,2}},\n"
        "P {{0.25,0.75},{0.5,0.5}} (not of these Q and K), dy {{4,0,2},{2,6,-4}}");
    const AttentionGradients d = attention_gradients(Q, K, V, P, dy);
    const bool dV = check.compare(
        "dV", d.dV, Array<double>{{2, 3, -1.5}, {4, 3, -0.5}},
        {{Array<double>{{2.5, 4.5, -2.5}, {3, 3, -1}},
          "That is P dy. Value j gets something from each query t, times the weight P (t,j)."}});
    const bool dP =
        check.compare("dP", d.dP, Array<double>{{4, 16}, {14, -8}},
                      {{Array<double>{{4, 14}, {16, -8}}, "That is the transpose of dP."}});
    if (!dV || !dP) return;
    const bool dS =
        check.compare("dS", d.dS, Array<double>{{-2.25, 2.25}, {5.5, -5.5}},
                      {{Array<double>{{-9, 3}, {11, -11}}, "The factor P in front is missing."},
                       {Array<double>{{1, 12}, {7, -4}}, "That is P dP: the sum is missing."},
                       {Array<double>{{-1.5, 4.5}, {5.5, -5.5}},
                        "There a plain mean of dP is subtracted. Its weights are those of P."},
                       {Array<double>{{-4, -3}, {4, -7}},
                        "There a plain sum of dP is subtracted. It has the weights P."},
                       {Array<double>{{-1, 6}, {3, -8}},
                        "There the sum is over a column. The softmax was taken of rows."},
                       {Array<double>{{-1.125, 1.125}, {2.75, -2.75}},
                        "The root is not between P and S. It comes a step later."}});
    if (!dS) return;
    check.compare(
        "dQ", d.dQ, Array<double>{{-1.125, -1.125, -1.125, 1.125}, {2.75, 2.75, 2.75, -2.75}},
        {{Array<double>{{-2.25, -2.25, -2.25, 2.25}, {5.5, 5.5, 5.5, -5.5}},
          "1 / sqrt(d_h) is missing: S is the product divided by it."},
         {Array<double>{{0.5, -2.75, -1.125, 4.375}, {-0.5, 2.75, 1.125, -4.375}},
          "That is with dS transposed. Query t is in row t of S."},
         {Array<double>{{-0.5625, -0.5625, -0.5625, 0.5625}, {1.375, 1.375, 1.375, -1.375}},
          "That is divided by d_h. It is its root."}});
    check.compare("dK", d.dK,
                  Array<double>{{-1.125, 0.5, 8.25, 6.625}, {1.125, -0.5, -8.25, -6.625}},
                  {{Array<double>{{-2.25, 1, 16.5, 13.25}, {2.25, -1, -16.5, -13.25}},
                    "1 / sqrt(d_h) is missing: S is the product divided by it."},
                   {Array<double>{{-1.125, -1.125, 3.375, 3.375}, {2.75, 2.75, -8.25, -8.25}},
                    "That is dS Q. Key j is in column j of S: sum over the rows t."},
                   {Array<double>{{-0.5625, 0.25, 4.125, 3.3125}, {0.5625, -0.25, -4.125, -3.3125}},
                    "That is divided by d_h. It is its root."}});
}

static void as_the_tape(Check& check) {
    std::uint32_t number = 0;
    for (const auto& [n, d_h, c] : std::vector<std::array<std::size_t, 3>>{
             {3, 4, 2}, {5, 2, 3}, {1, 3, 2}, {4, 1, 1}, {6, 8, 8}}) {
        const Random random(1, "attention", ++number);
        const Parameter<double> Q("Q", normal<double>(random, {n, d_h}));
        const Parameter<double> K("K", normal<double>(random.substream(1), {n, d_h}));
        const Parameter<double> V("V", normal<double>(random.substream(2), {n, c}));
        const auto dy = normal<double>(random.substream(3), {n, c});
        Tape<double> tape;
        const Var<double> S =
            matmul(Q, K, {.transpose_b = true}) / std::sqrt(static_cast<double>(d_h));
        const Var<double> P = softmax(S);
        tape.backward(matmul(P, V), dy, Keep::everything);
        check.with("n = " + std::to_string(n) + ", d_h = " + std::to_string(d_h) +
                   ", c = " + std::to_string(c));
        const AttentionGradients d =
            attention_gradients(Q.value(), K.value(), V.value(), P.value(), dy);
        check.compare("dV", d.dV, V.gradient());
        check.compare("dP", d.dP, tape.gradient(P));
        check.compare("dS", d.dS, tape.gradient(S));
        check.compare("dQ", d.dQ, Q.gradient());
        check.compare("dK", d.dK, K.gradient());
    }
}

int main() { return exercises::run("14b_attention_backward", {with_a_pencil, as_the_tape}); }
