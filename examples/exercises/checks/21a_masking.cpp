// The check of exercise 21a: each case by itself, then shares in a long text.
#include <cstdint>
#include <string>
#include <vector>

#include "examples/exercises/exercise.hpp"

using taper::exercises::Check;

struct Draw {
    double chosen, kind;
    int random_token;
};
struct Task {
    std::vector<int> seen, targets;
};
Task cover(const std::vector<int>& tokens, const std::vector<Draw>& draws);

static void each_case(Check& check) {
    const std::vector<int> text{3, 4, 5, 6, 7, 8};
    const Task task = cover(text, {{0.5, 0.1, 20},     // not chosen
                                   {0.1, 0.5, 21},     // the mask
                                   {0.14, 0.85, 22},   // a random one
                                   {0.05, 0.95, 23},   // as it is
                                   {0.2, 0.85, 24},    // not chosen
                                   {0.9, 0.95, 25}});  // not chosen
    check.with(
        "tokens {3,4,5,6,7,8}, chosen {0.5,0.1,0.14,0.05,0.2,0.9},\n"
        "kind {0.1,0.5,0.85,0.95,0.85,0.95}, random tokens {20,21,22,23,24,25}");
    using Tokens = std::vector<int>;
    check.compare(
        "seen", task.seen, Tokens{3, 28, 22, 6, 7, 8},
        {{Tokens{28, 28, 22, 6, 24, 8}, "There all positions are corrupted."},
         {Tokens{3, 28, 28, 28, 7, 8}, "There all chosen positions become the mask."},
         {Tokens{3, 28, 5, 23, 7, 8}, "Random and as it is have changed places."},
         {Tokens{3, 28, 22, 23, 7, 8}, "Above 0.9 a token stays as it is."},
         {Tokens{28, 4, 5, 6, 24, 8}, "There the positions that are not chosen are corrupted."}});
    check.compare("targets", task.targets, Tokens{-100, 4, 5, 6, -100, -100},
                  {{Tokens{3, 4, 5, 6, 7, 8}, "Only chosen positions have a target."},
                   {Tokens{-100, 28, 22, 6, -100, -100},
                    "That is what the model sees. The target is what was there."},
                   {Tokens{-100, 4, 5, -100, -100, -100},
                    "A chosen token that stays as it is has a target, too."},
                   {Tokens{-100, 4, -100, -100, -100, -100},
                    "There only the masks have a target. All chosen positions have one."},
                   {Tokens{0, 4, 5, 6, 0, 0}, "0 is a token. The target to be ignored is -100."}});
}

static void limits(Check& check) {
    check.with("draws on the limits: chosen {0.15,0,0}, kind {0,0.8,0}; tokens {1,2,0}, random 9");
    const Task task = cover({1, 2, 0}, {{0.15, 0, 9}, {0, 0.8, 9}, {0, 0, 9}});
    check.compare("seen", task.seen, std::vector<int>{1, 9, 28});
    check.compare("targets", task.targets, std::vector<int>{-100, 2, 0});
    check.with("no tokens");
    check.compare("targets", cover({}, {}).targets, std::vector<int>{});
}

// Of uniform draws, by a linear congruential generator (Knuth, MMIX).
static void shares(Check& check) {
    std::vector<int> text;
    std::vector<Draw> draws;
    const std::size_t n = 20000;
    std::uint64_t state = 1;
    const auto uniform = [&state] {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return static_cast<double>(state >> 11) / 9007199254740992.0;
    };
    for (std::size_t t = 0; t < n; ++t) {
        text.push_back(static_cast<int>(28 * uniform()));
        const double chosen = uniform();
        const double kind = uniform();
        draws.push_back({chosen, kind, static_cast<int>(28 * uniform())});
    }
    const Task task = cover(text, draws);
    double asked = 0, masks = 0;
    for (std::size_t t = 0; t < n && t < task.seen.size() && t < task.targets.size(); ++t) {
        asked += task.targets[t] != -100;
        masks += task.seen[t] == 28;
    }
    check.with("20000 random tokens");
    // A standard deviation is 0.0025 of the first, and 0.0073 of the second.
    check.compare("the share of targets", asked / n, 0.15, {}, 0.01);
    check.compare("the share of masks among them", masks / asked, 0.8, {}, 0.03);
}

int main() { return taper::exercises::run("21a_masking", {each_case, limits, shares}); }
