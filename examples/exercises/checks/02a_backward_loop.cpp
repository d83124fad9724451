// The check of exercise 2a: what a loop gives is held against the sum over all paths from y
// to a record, each the product of its slopes, which are followed one by one.
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "examples/exercises/exercise.hpp"

using taper::exercises::Check;

using Inputs = std::vector<std::vector<std::size_t>>;
using Slopes = std::vector<std::vector<double>>;

std::vector<double> backward(const Inputs& inputs, const Slopes& slopes, std::size_t y);

// Adds the product so far to every record that is met on a path from record i.
static void follow(const Inputs& inputs, const Slopes& slopes, std::size_t i, double product,
                   std::vector<double>& sums) {
    sums[i] += product;
    for (std::size_t j = 0; j < inputs[i].size(); ++j)
        follow(inputs, slopes, inputs[i][j], product * slopes[i][j], sums);
}

// What comes where the loop runs from front to end, and where a gradient is set and not added to.
static std::vector<double> in_wrong_order(const Inputs& inputs, const Slopes& slopes,
                                          std::size_t y) {
    std::vector<double> gradient(inputs.size(), 0.0);
    gradient[y] = 1;
    for (std::size_t i = 0; i < inputs.size(); ++i)
        for (std::size_t j = 0; j < inputs[i].size(); ++j)
            gradient[inputs[i][j]] += gradient[i] * slopes[i][j];
    return gradient;
}
static std::vector<double> overwritten(const Inputs& inputs, const Slopes& slopes, std::size_t y) {
    std::vector<double> gradient(inputs.size(), 0.0);
    gradient[y] = 1;
    for (std::size_t i = y + 1; i-- > 0;)
        for (std::size_t j = 0; j < inputs[i].size(); ++j)
            gradient[inputs[i][j]] = gradient[i] * slopes[i][j];
    return gradient;
}

static void compare(Check& check, const std::string& graph, const Inputs& inputs,
                    const Slopes& slopes, std::size_t y) {
    std::vector<double> expected(inputs.size(), 0.0);
    follow(inputs, slopes, y, 1, expected);
    std::vector<double> from_the_end(inputs.size(), 0.0);
    follow(inputs, slopes, inputs.size() - 1, 1, from_the_end);
    check.with(graph + ", y is record " + std::to_string(y));
    check.compare("gradient", backward(inputs, slopes, y), expected,
                  {{in_wrong_order(inputs, slopes, y),
                    "That comes of a loop from front to end: gradients are handed on before they "
                    "are there."},
                   {overwritten(inputs, slopes, y),
                    "That comes where a gradient is set: what is used twice needs a sum, +=."},
                   {from_the_end, "That is the gradient of the last record, not of y."}});
}

static void small_graphs(Check& check) {
    compare(check, "one leaf", {{}}, {{}}, 0);
    compare(check, "a chain 0 -> 1 -> 2 with slopes 3 and 5", {{}, {0}, {1}}, {{}, {3}, {5}}, 2);
    compare(check, "r1 = r0 r0 with r0 = 3", {{}, {0, 0}}, {{}, {3, 3}}, 1);
    compare(check, "a diamond: 1 and 2 read 0, 3 reads 1 and 2", {{}, {0}, {0}, {1, 2}},
            {{}, {2}, {-3}, {5, 7}}, 3);
    compare(check, "three inputs, and one that nobody reads", {{}, {}, {}, {}, {0, 1, 3}},
            {{}, {}, {}, {}, {2, 4, 8}}, 4);
    // A record that y was not made of has an infinite slope.
    check.with(
        "record 2 reads 0 with an infinite slope; y is record 3, and reads 0 and 1 with slopes 3 "
        "and 5");
    const double infinite = std::numeric_limits<double>::infinity();
    check.compare("gradient", backward({{}, {}, {0}, {0, 1}}, {{}, {}, {infinite}, {3, 5}}, 3),
                  std::vector<double>{3, 5, 0, 1},
                  {{std::vector<double>{std::nan(""), 5, 0, 1},
                    "0 times infinity is nan: pass over what no gradient has reached."}});
    compare(check, "0 -> 1 -> 2 -> 3 with slopes 3, 5, 7", {{}, {0}, {1}, {2}}, {{}, {3}, {5}, {7}},
            2);
}

// A record reads up to three of those before it.
static void random_graphs(Check& check) {
    std::mt19937 random(1);
    const auto below = [&random](std::size_t n) { return random() % n; };
    for (int graph = 1; graph <= 5; ++graph) {
        Inputs inputs(2);
        Slopes slopes(2);
        for (std::size_t i = 2; i < 12; ++i) {
            inputs.emplace_back();
            slopes.emplace_back();
            for (std::size_t left = 1 + below(3); left > 0; --left) {
                inputs[i].push_back(below(i));
                slopes[i].push_back(static_cast<double>(below(7)) - 3.5);
            }
        }
        compare(check, "12 records at random", inputs, slopes, graph % 2 == 0 ? 11 : 8);
    }
}

int main() { return taper::exercises::run("02a_backward_loop", {small_graphs, random_graphs}); }
