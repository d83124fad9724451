// The model answer to exercise 21a, cover some of a text
//
// One begins with the text as it is and with no target, and changes the chosen positions alone.
// Each chosen position has a target, whatever becomes of its token: the model is asked there, and
// cannot know whether what it sees is right. That is why 10 % stay as they are.
//
// The target is read from the text, not from what the model sees.
#include <cstddef>
#include <vector>

struct Draw {
    double chosen, kind;
    int random_token;
};

struct Task {
    std::vector<int> seen, targets;
};

inline constexpr int mask = 28, ignored = -100;

Task cover(const std::vector<int>& tokens, const std::vector<Draw>& draws) {
    Task task{tokens, std::vector<int>(tokens.size(), ignored)};
    for (std::size_t t = 0; t < tokens.size(); ++t) {
        const Draw& draw = draws[t];
        if (draw.chosen >= 0.15) continue;
        task.targets[t] = tokens[t];
        if (draw.kind < 0.8) task.seen[t] = mask;
        else if (draw.kind < 0.9) task.seen[t] = draw.random_token;
    }
    return task;
}
