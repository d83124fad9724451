// The check of exercise 14a: weights that one can see, padding of any kind, large scores, and
// taper's own op on several shapes.
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

Array<double> attention_y(const Array<double>& Q, const Array<double>& K, const Array<double>& V,
                          const std::vector<bool>& real);

// d_h = 4, so that the root is 2: a query (q, 0, 0, 0) and keys (2 s_j, 0, 0, 0) have the scores
// q s_j.
static Array<double> in_first_column(const std::vector<double>& numbers) {
    Array<double> rows = zeros<double>({numbers.size(), 4});
    for (std::size_t t = 0; t < numbers.size(); ++t) rows(t, 0) = numbers[t];
    return rows;
}
static Array<double> mean_of(const Array<double>& V, const std::vector<std::vector<double>>& P) {
    Array<double> y = zeros<double>({P.size(), V.shape(1)});
    for (std::size_t t = 0; t < P.size(); ++t)
        for (std::size_t j = 0; j < P[t].size(); ++j)
            for (std::size_t c = 0; c < V.shape(1); ++c) y(t, c) += P[t][j] * V(j, c);
    return y;
}

static const Array<double> V{{8, 0}, {0, 4}, {1, 2}};
static const double l3 = std::log(3);

static void with_a_pencil(Check& check) {
    const Array<double> Q = in_first_column({1, 0, 2});
    const Array<double> K = in_first_column({0, 2 * l3, 2 * l3});
    check.with(
        "Q {{1,0,0,0},{0,0,0,0},{2,0,0,0}}, K {{0,0,0,0},{2 ln 3,0,0,0},{2 ln 3,0,0,0}},\n"
        "V {{8,0},{0,4},{1,2}}, all real; so the scores are {0,1,1} ln 3, {0,0,0}, {0,2,2} ln 3");
    const double a = 1.0 / 7, b = 3.0 / 7, e = 1.0 / 3, f = 1.0 / 19, g = 9.0 / 19;
    check.compare(
        "y", attention_y(Q, K, V, {true, true, true}),
        mean_of(V, {{a, b, b}, {e, e, e}, {f, g, g}}),
        {{mean_of(V, {{1.0 / 19, g, g}, {e, e, e}, {1.0 / 163, 81.0 / 163, 81.0 / 163}}),
          "The root of d_h is missing."},
         {mean_of(V, {{1 / (1 + 2 * std::sqrt(3)), std::sqrt(3) / (1 + 2 * std::sqrt(3)),
                       std::sqrt(3) / (1 + 2 * std::sqrt(3))},
                      {e, e, e},
                      {a, b, b}}),
          "That is divided by d_h. It is its root."},
         {mean_of(V, {{1, 3, 3}, {1, 1, 1}, {1, 9, 9}}), "The weights of a query sum to 1."},
         {mean_of(V, {{0, l3, l3}, {0, 0, 0}, {0, 2 * l3, 2 * l3}}),
          "That is S V. The scores go through a softmax first."},
         {mean_of(V, {{e, e, e}, {3.0 / 13, 1.0 / 13, 9.0 / 13}, {3.0 / 13, 1.0 / 13, 9.0 / 13}}),
          "The scores are Q K^T, a row for each query."},
         {mean_of(V, {{e, 3.0 / 13, 3.0 / 13}, {e, 1.0 / 13, 1.0 / 13}, {e, 9.0 / 13, 9.0 / 13}}),
          "The softmax runs over the keys of one query, not over the queries of one key."}});
}

static void padding(Check& check) {
    const Array<double> Q = in_first_column({1, 0, 2});
    const Array<double> K = in_first_column({0, 2 * l3, 2 * l3});
    check.with("the same, but position 2 is padding");
    const double e = 1.0 / 3;
    check.compare(
        "y", attention_y(Q, K, V, {true, true, false}),
        mean_of(V, {{0.25, 0.75, 0}, {0.5, 0.5, 0}, {0.1, 0.9, 0}}),
        {{mean_of(V, {{1.0 / 7, 3.0 / 7, 3.0 / 7}, {e, e, e}, {1.0 / 19, 9.0 / 19, 9.0 / 19}}),
          "That is without the mask."},
         {mean_of(V, {{1.0 / 7, 3.0 / 7, 0}, {e, e, 0}, {1.0 / 19, 9.0 / 19, 0}}),
          "The weights of the real keys must sum to 1: padding is still in the softmax."},
         {mean_of(V, {{0.2, 0.6, 0.2}, {e, e, e}, {1.0 / 11, 9.0 / 11, 1.0 / 11}}),
          "There the score of padding is 0, and e^0 is 1, not 0."},
         {mean_of(V, {{0.25, 0.75, 0}, {0.5, 0.5, 0}, {0, 0, 0}}),
          "The padding's own query gets a row as well. It is its key that nobody sees."}});
    const double nan = std::numeric_limits<double>::quiet_NaN();
    check.with("nan in key and value of the padding");
    check.compare("y",
                  attention_y(Q, in_first_column({0, 2 * l3, nan}), {{8, 0}, {0, 4}, {nan, nan}},
                              {true, true, false}),
                  mean_of(V, {{0.25, 0.75, 0}, {0.5, 0.5, 0}, {0.1, 0.9, 0}}));
}

static void large_scores(Check& check) {
    check.with("scores {2000, 2000 + ln 3, 5000}, {-2000, -2000 - ln 3, -5000}; 2 is padding");
    check.compare(
        "y",
        attention_y(in_first_column({1, -1, 0}), in_first_column({4000, 4000 + 2 * l3, 10000}), V,
                    {true, true, false}),
        mean_of(V, {{0.25, 0.75, 0}, {0.75, 0.25, 0}, {0.5, 0.5, 0}}));
}

static void as_the_op(Check& check) {
    std::uint32_t number = 0;
    for (const auto& [n, d_h, pads] : std::vector<std::array<std::size_t, 3>>{
             {4, 3, 0}, {5, 2, 2}, {1, 4, 0}, {6, 1, 5}, {3, 8, 1}}) {
        const Random random(1, "attention", ++number);
        const auto Q = normal<double>(random, {1, n, d_h});
        const auto K = normal<double>(random.substream(1), {1, n, d_h});
        const auto values = normal<double>(random.substream(2), {1, n, d_h});
        Mask live({1, n}, true);
        std::vector<bool> real(n, true);
        for (std::size_t i = 0; i < pads; ++i) {  // every second one, then those between
            const std::size_t at = 2 * i < n ? 2 * i : 2 * i - n;
            real[at] = false;
            live(0, at) = false;
        }
        const auto rows = [n = n, d_h = d_h](const Array<double>& x) {
            return reshaped(x, {n, d_h});
        };
        check.with("n = " + std::to_string(n) + ", d_h = " + std::to_string(d_h) + ", " +
                   std::to_string(pads) + " of padding");
        check.compare("y", attention_y(rows(Q), rows(K), rows(values), real),
                      rows(attention<double>(Q, K, values, {.live = live}).value()));
    }
}

int main() {
    return exercises::run("14a_attention", {with_a_pencil, padding, large_scores, as_the_op});
}
