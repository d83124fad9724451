// The check of exercise 22b: numbers by hand, then taper's own causal_attention.
#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

Array<double> running_attention(const Array<double>& Q, const Array<double>& K,
                                const Array<double>& V, const Array<double>& E,
                                const Array<double>& F);

static void with_a_pencil(Check& check) {
    const Array<double> V{{2, 4}, {6, 0}, {-4, 2}};
    const Array<double> F{{1, 0, 2}, {0, 1, -1}};
    const Array<double> none = zeros<double>({3, 2});
    check.with(
        "Q and K 0, so that each slot has the weight 1/2;\n"
        "V {{2,4},{6,0},{-4,2}}, F {{1,0,2},{0,1,-1}}, E anything");
    check.compare(
        "y", running_attention(none, none, V, F, F), Array<double>{{1, 2}, {4, 2}, {2, 3}},
        {{Array<double>{{2, 3}, {2, 3}, {2, 3}},
          "Those are the slots of the whole text at each position: the future leaks."},
         {Array<double>{{0, 0}, {1, 2}, {4, 2}}, "Query t sees position t, too: add first."},
         {Array<double>{{1, 2}, {3, 0}, {-2, 1}},
          "Those are the slots of position t alone: a sum was begun anew."},
         {Array<double>{{2, 4}, {8, 4}, {4, 6}},
          "That is the sum over the slots, without their weights."},
         {Array<double>{{1, 2}, {5, 4}, {7, 7}},
          "Each y has the ones before it added. Only the slots run on."}});
    const double ln3 = std::log(3);
    check.with(
        "d = 1, K {{ln 3},{ln 3}}, E {{1,1},{0,0}}, Q {{1},{0.5}}, V {{8},{4}}, F {{1,0},{0,1}}");
    // The slots score ln 3 and 0 at both positions: the weights are 3/4 and 1/4.
    check.compare("y",
                  running_attention(reshaped(Array<double>{1, 0.5}, {2, 1}),
                                    reshaped(Array<double>{ln3, ln3}, {2, 1}),
                                    reshaped(Array<double>{8, 4}, {2, 1}),
                                    Array<double>{{1, 1}, {0, 0}}, Array<double>{{1, 0}, {0, 1}}),
                  reshaped(Array<double>{6, 7}, {2, 1}),
                  {{reshaped(Array<double>{4, 6}, {2, 1}), "There all slots have equal weights."}});
}

static Var<double> batch_of_one(const Array<double>& x) {
    return reshaped(x, {1, x.shape(0), x.shape(1)});
}

static void as_the_op(Check& check) {
    std::uint32_t number = 0;
    for (const auto& [n, d, k] : std::vector<std::array<std::size_t, 3>>{
             {5, 4, 2}, {1, 3, 2}, {6, 1, 3}, {7, 3, 1}, {3, 2, 3}}) {
        const Random random(1, "running", ++number);
        const Array<double> Q = normal<double>(random, {n, d});
        const Array<double> K = normal<double>(random.substream(1), {n, d});
        const Array<double> V = normal<double>(random.substream(2), {n, d});
        const Array<double> E = normal<double>(random.substream(3), {k, n});
        const Array<double> F = normal<double>(random.substream(4), {k, n});
        const auto op = [&](double scale, const Array<double>& e, const Array<double>& f) {
            return reshaped(causal_attention<double>(batch_of_one(Q) * scale, batch_of_one(K),
                                                     batch_of_one(V), e, f)
                                .value(),
                            Q.shape());
        };
        check.with("Q, K, V " + to_string(Q.shape()) + ", E, F " + to_string(E.shape()));
        check.compare("y", running_attention(Q, K, V, E, F), op(1, E, F),
                      {{op(std::sqrt(static_cast<double>(d)), E, F),
                        "The scores are not divided by the root of d."},
                       {op(1, E, E), "F has been taken for E, or E for F."},
                       {op(1, F, F), "F has been taken for E, or E for F."},
                       {op(1, F, E), "E and F have changed places."}});
    }
}

int main() { return exercises::run("22b_running_sums", {with_a_pencil, as_the_op}); }
