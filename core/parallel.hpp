// parallel_for: the only place that knows threads.
//
// Work is cut into chunks whose size never depends on the number of threads, and a chunk is done by one thread from
// begin to end. So the same binary gives the same bits for every number of threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>

namespace taper {

int threads();                // how many threads parallel_for uses; at first the machine's cores
void set_threads(int count);  // 1 to max_threads, else Error
inline constexpr int max_threads = 1024;

// Calls body(begin, end) for [0, chunk), [chunk, 2 chunk), ... up to n, in any order, on threads() threads. body must
// write only what belongs to its chunk. An exception in body is thrown again here. Inside another parallel_for, and while
// another thread is in one: on the calling thread, in order. chunk is 1 or more.
void parallel_for(std::size_t n, std::size_t chunk,
                  const std::function<void(std::size_t begin, std::size_t end)>& body);

// A sum over n terms in parts, each of them a task: so many, 256 terms or more in each, added in their order.
inline std::size_t sum_parts(std::size_t n) { return std::clamp<std::size_t>(n / 256, 1, 8); }

}  // namespace taper
