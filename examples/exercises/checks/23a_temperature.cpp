// The check of exercise 23a: logits that are logarithms, large ones, and greedy.
#include <cmath>
#include <string>
#include <vector>

#include "examples/exercises/exercise.hpp"

using taper::exercises::Check;
using Numbers = std::vector<double>;

std::vector<double> probabilities_at(const std::vector<double>& logits, double T);

static const Numbers logits{0, std::log(4), std::log(16)};

static Numbers shares(Numbers parts) {
    double sum = 0;
    for (const double part : parts) sum += part;
    for (double& part : parts) part /= sum;
    return parts;
}

static void with_a_pencil(Check& check) {
    check.with("logits {0, ln 4, ln 16}, T = 1");
    check.compare(
        "p", probabilities_at(logits, 1), shares({1, 4, 16}),
        {{Numbers{1, 4, 16}, "They are in the right ratios, and are to sum to 1."},
         {Numbers{1.0 / 16, 0.25, 1}, "They are in the right ratios, and are to sum to 1."}});
    check.with("logits {0, ln 4, ln 16}, T = 1/2");
    check.compare("p", probabilities_at(logits, 0.5), shares({1, 16, 256}),
                  {{shares({1, 2, 4}), "That is of T = 2: the logits are divided by T."},
                   {shares({1, 4, 16}), "That is of T = 1."},
                   {shares({2, 8, 32}), "That is of T = 1: a factor before e^z falls out."}});
    check.with("logits {0, ln 4, ln 16}, T = 2");
    check.compare("p", probabilities_at(logits, 2), shares({1, 2, 4}),
                  {{shares({1, 16, 256}), "That is of T = 1/2: the logits are divided by T."}});
}

static void greedy(Check& check) {
    check.with("T = 0, logits {1, 3, -2}");
    check.compare("p", probabilities_at({1, 3, -2}, 0), Numbers{0, 1, 0},
                  {{Numbers{0, 0, 0}, "One of them must be 1."},
                   {Numbers{0, 3, 0}, "A probability is 1, not the logit."}});
    check.with("T = 0, logits {-5, -1, -1, -3}");
    check.compare("p", probabilities_at({-5, -1, -1, -3}, 0), Numbers{0, 1, 0, 0},
                  {{Numbers{0, 0.5, 0.5, 0}, "Of equal logits let it be the first alone."},
                   {Numbers{0, 1, 1, 0}, "Of equal logits let it be the first alone."},
                   {Numbers{0, 0, 1, 0}, "That is the last of the largest. Let it be the first."},
                   {Numbers{1, 0, 0, 0}, "The largest logit can be below 0."}});
}

static void large(Check& check) {
    check.with("T = 1, logits {1000, 1000 + ln 3}");
    check.compare("p", probabilities_at({1000, 1000 + std::log(3)}, 1), Numbers{0.25, 0.75});
    check.with("T = 0.01, logits {8, 8 + 0.01 ln 3}");
    check.compare("p", probabilities_at({8, 8 + 0.01 * std::log(3)}, 0.01), Numbers{0.25, 0.75});
    check.with("T = 1, logits {-1000, -1000}");
    check.compare("p", probabilities_at({-1000, -1000}, 1), Numbers{0.5, 0.5});
    check.with("T = 0.3, one logit");
    check.compare("p", probabilities_at({-7}, 0.3), Numbers{1});
}

int main() { return taper::exercises::run("23a_temperature", {with_a_pencil, greedy, large}); }
