// The check of exercise 19a: the numbers of the pencil, and taper's matmul of them.
#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

Array<double> pencil_E();
Array<double> pencil_K_bar();
Array<double> pencil_scores();
Array<double> E_of_windows(std::size_t n, std::size_t k);

static const double third = 1.0 / 3;

static void with_a_pencil(Check& check) {
    const Array<double> K{{3, 0}, {0, 6}, {3, 3}, {1, -1}, {2, 0}, {0, 4}};
    const Array<double> E{{third, third, third, 0, 0, 0}, {0, 0, 0, third, third, third}};
    check.with("K {{3,0},{0,6},{3,3},{1,-1},{2,0},{0,4}}, two windows");
    check.compare("E", pencil_E(), E,
                  {{Array<double>{{1, 1, 1, 0, 0, 0}, {0, 0, 0, 1, 1, 1}},
                    "With these weights a slot is the sum of three keys. It is to be the mean."},
                   {Array<double>{{third, 0, third, 0, third, 0}, {0, third, 0, third, 0, third}},
                    "A window is three positions side by side, not every second one."},
                   {Array<double>{{.5, .5, 0, 0, 0, 0}, {0, 0, .5, .5, 0, 0}},
                    "That is of windows of two positions. Two windows of six have three each."}});
    check.compare("K-bar", pencil_K_bar(), matmul<double>(E, K).value(),
                  {{Array<double>{{6, 9}, {3, 3}}, "Those are the sums of the windows."},
                   {Array<double>{{2, 1}, {3, 1}},
                    "That is the transpose of K-bar: a slot is a row, as a key is."}});
    check.compare("the scores", pencil_scores(), Array<double>{8, 3},
                  {{Array<double>{24, 9}, "Those are the scores of the sums. A slot is a mean."},
                   {Array<double>{7, 3}, "Those are of the query (2, 1)."}});
}

// Windows of n / k positions. In row j of E they begin at `first(j)`, `apart` positions from each
// other.
static Array<double> windows(std::size_t n, std::size_t k, double weight, bool side_by_side) {
    Array<double> E = zeros<double>({k, n});
    const std::size_t window = n / k;
    for (std::size_t j = 0; j < k; ++j)
        for (std::size_t r = 0; r < window; ++r)
            E(j, side_by_side ? j * window + r : r * k + j) = weight;
    return E;
}

static void any_n(Check& check) {
    for (const auto& [n, k] : std::vector<std::array<std::size_t, 2>>{
             {6, 2}, {6, 3}, {8, 2}, {12, 4}, {5, 5}, {7, 1}, {1, 1}}) {
        const double right = static_cast<double>(k) / static_cast<double>(n);
        check.with("n = " + std::to_string(n) + ", k = " + std::to_string(k));
        check.compare(
            "E", E_of_windows(n, k), windows(n, k, right, true),
            {{windows(n, k, 1, true), "These rows make sums. A slot is the mean of its window."},
             {windows(n, k, right, false), "A window is n / k positions side by side."},
             {windows(n, k, 1.0 / static_cast<double>(k), true),
              "The weight is one over the positions of a window, not over the slots."}});
    }
}

int main() { return exercises::run("19a_projection_with_a_pencil", {with_a_pencil, any_n}); }
