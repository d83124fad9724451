// The model answer to exercise 22a, the leak
//
// With the triangle key 3 is seen by the queries 3, 4 and 5, and by no earlier one. A feed-forward
// network works on each position by itself, so that only output 3 moves.
//
// With slots position 3 is in slot 1. The triangle gives query 0 slot 0 alone, and query 1 the
// slots 0 and 1. So the outputs 1 and 2 move, although position 3 is in their future: that is the
// leak.
//
// There is nothing of the future in slot j if its last position, (j + 1) * `window` - 1, is at most
// t. Written without the difference, since these numbers have no sign:
//
//     (j + 1) * "window" <= t + 1
#include <cstddef>
#include <vector>

std::vector<int> moved_in_full_attention() { return {0, 0, 0, 1, 1, 1}; }

std::vector<int> moved_in_slots() { return {0, 1, 1, 1, 1, 1}; }

std::vector<int> moved_in_feed_forward() { return {0, 0, 0, 1, 0, 0}; }

bool sees(std::size_t t, std::size_t j, std::size_t window) { return (j + 1) * window <= t + 1; }
