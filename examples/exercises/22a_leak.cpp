// Exercise 22a. The leak
//
// After lesson 22. About 20 minutes.
//
// A text of 6 positions goes through three layers. Then position 3 is changed, and it goes through
// them again. Which outputs move? Write 1 for each output that moves, 0 for each that does not, of
//
// 1. full attention with the triangle: query t sees the keys 0 to t;
// 2. Linformer with k = 3 slots, the means of the positions 0 and 1, 2 and 3, 4 and 5, and the
//    triangle laid over the slots: query t sees the slots 0 to t, as far as there are any;
// 3. a feed-forward network.
//
// Then mend the second. `sees` says whether query t may see slot j, the mean of the positions from
// j * `window` to (j + 1) * `window` - 1. Let it see each slot in which there is nothing of the
// future, and no other. A query that sees no slot gets 0 from the layer. (This is not what taper
// does, since here a query sees nothing of its own window; lesson 22 shows what it does.)
//
// Run it: sh examples/exercises/run.sh 22a
#include <cstddef>
#include <vector>

std::vector<int> moved_in_full_attention() {
    // YOUR CODE: which of these are 1? And in the next two?
    return {0, 0, 0, 0, 0, 0};
}

std::vector<int> moved_in_slots() { return {0, 0, 0, 0, 0, 0}; }

std::vector<int> moved_in_feed_forward() { return {0, 0, 0, 0, 0, 0}; }

bool sees(std::size_t t, std::size_t j, std::size_t window) {
    return j <= t;  // YOUR CODE: mend this
}
