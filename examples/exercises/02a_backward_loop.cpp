// Exercise 2a. The loop of backpropagation
//
// After lesson 2. About 15 minutes.
//
// A tape is a list of records. Record i was computed from the records `inputs[i]`, all of them with
// smaller numbers; a leaf has none. `slopes[i][j]` is the derivative of record i by its input
// number j, which is the record `inputs[i][j]`. An op may have any number of inputs, and may read
// the same record twice.
//
// Write the loop: the derivative of record `y` by every record of the tape.
//
//     g_y = 1
//     g_m = sum_(i reads m) g_i (del r_i) / (del r_m)
//
// In which order must the records be visited, so that a gradient is complete before it is handed
// on? What becomes of records behind `y`, of which it was not made? And one thing more: a slope can
// be infinite, as that of a root at 0. A record that no gradient has reached hands on nothing, even
// then: 0 times infinity would be nan.
//
// Run it: sh examples/exercises/run.sh 02a
#include <cstddef>
#include <vector>

// One gradient for each record. inputs and slopes have an entry for each record, in order.
std::vector<double> backward(const std::vector<std::vector<std::size_t>>& inputs,
                             const std::vector<std::vector<double>>& slopes, std::size_t y) {
    std::vector<double> gradient(inputs.size(), 0.0);
    // YOUR CODE
    return gradient;
}
