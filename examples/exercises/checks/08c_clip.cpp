// The check of exercise 8c: lengths 3, 4 and 12, which together are 13.
#include <vector>

#include "examples/exercises/exercise.hpp"

using taper::exercises::Check;
using Vector = std::vector<double>;

double clip(std::vector<Vector>& gradients, double limit);

// What a mistake makes of the arrays.
struct Clipped {
    std::vector<Vector> arrays;
    const char* sentence;
};

static void compare(Check& check, std::vector<Vector> gradients, double limit,
                    const std::vector<Vector>& expected, double norm,
                    const std::vector<Clipped>& wrong) {
    const double yours = clip(gradients, limit);
    for (std::size_t i = 0; i < expected.size(); ++i) {
        std::vector<taper::exercises::Mistake> mistakes;
        for (const Clipped& each : wrong) mistakes.push_back({each.arrays[i], each.sentence});
        check.compare("array " + std::to_string(i), gradients.at(i), expected[i], mistakes);
    }
    check.compare("the norm", yours, norm,
                  {{limit, "That is the norm after clipping. It is to be the one before."},
                   {norm * norm, "That is the sum of the squares."}});
}

static void above(Check& check) {
    check.with("{3,4} and {-12}, limit 2.6");
    compare(check, {{3, 4}, {-12}}, 2.6, {{0.6, 0.8}, {-2.4}}, 13,
            {{{{1.56, 2.08}, {-2.6}},
              "Each array was clipped by itself. One factor for all keeps the direction."},
             {{{3, 4}, {-12}}, "Nothing was scaled."},
             {{{2.6, 2.6}, {-2.6}},
              "Each entry was cut off. One factor for all keeps the direction."}});
    check.with("{3} and {0,0,-4}, limit 1");
    compare(check, {{3}, {0, 0, -4}}, 1, {{0.6}, {0, 0, -0.8}}, 5, {});
}

static void below(Check& check) {
    check.with("{3,4} and {-12}, limit 20");
    compare(check, {{3, 4}, {-12}}, 20, {{3, 4}, {-12}}, 13,
            {{{{3 * 20 / 13.0, 4 * 20 / 13.0}, {-12 * 20 / 13.0}},
              "It was made longer. A norm below the limit stays."}});
    check.with("{0,0}, limit 1");
    compare(check, {{0, 0}}, 1, {{0, 0}}, 0, {});
    check.with("no arrays, limit 1");
    compare(check, {}, 1, {}, 0, {});
}

int main() { return taper::exercises::run("08c_clip", {above, below}); }
