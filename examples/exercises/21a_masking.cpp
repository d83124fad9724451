// Exercise 21a. Cover some of a text
//
// After lesson 21. About 15 minutes.
//
// Write how a text becomes a task for a masked language model. The tokens are numbers from 0 to 27,
// and 28 is the mask. At each position a draw has been made already, of three numbers:
//
// - `chosen`, uniform in [0, 1): below 0.15 the position is chosen.
// - `kind`, uniform in [0, 1): below 0.8 a chosen token becomes the mask; else below 0.9 it becomes
//   a random one; else it stays as it is.
// - `random_token`: the random one.
//
// The target of a chosen position is the token that was there. All others have the target -100,
// which the loss ignores. The result has what the model sees, and the targets.
//
// What is the target of a chosen position whose token stays as it is?
//
// Run it: sh examples/exercises/run.sh 21a
#include <vector>

struct Draw {
    double chosen, kind;
    int random_token;
};

struct Task {
    std::vector<int> seen, targets;
};

inline constexpr int mask = 28, ignored = -100;

// As many draws as tokens.
Task cover(const std::vector<int>& tokens, const std::vector<Draw>& draws) {
    Task task{std::vector<int>(tokens.size(), 0), std::vector<int>(tokens.size(), 0)};
    // YOUR CODE
    return task;
}
