// parallel_for: the only place that knows threads.
//
// Work is cut into chunks whose size never depends on the number of threads, and a chunk is done by
// one thread from begin to end. So the same binary gives the same bits for every number of threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace taper {

// How many threads parallel_for uses. At first it is the number of cores that this process may use:
// those that sched_getaffinity allows, or fewer where the quota of its control group pays for fewer
// whole cores (Linux: cpu.max or cpu.cfs_quota_us). It is 1 at least.
int threads();
void set_threads(int count);  // 1 to max_threads, else Error
inline constexpr int max_threads = 1024;

// Calls body(begin, end) for [0, chunk), [chunk, 2 chunk), ... up to n, in any order, on threads()
// threads. body must write only what belongs to its chunk. An exception in body is thrown again
// here. Inside another parallel_for, and while another thread is in one, the chunks are done on the
// calling thread, in order. chunk is 1 or more.
//
// Ops may be called in body where they record nothing: no tape records on the calling thread, or
// NoGrad or constant inputs say that values are meant. A tape that body begins itself records what
// body does. All else is an Error: see core/engine/tape.hpp.
void parallel_for(std::size_t n, std::size_t chunk,
                  const std::function<void(std::size_t begin, std::size_t end)>& body);

// ceil(a / b): how many parts of b entries a entries are cut into, the last one perhaps smaller.
constexpr std::size_t ceil_quotient(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

// The number of parts that a sum over n terms is cut into: 1 to 8, each of 256 terms or more if
// there are as many. A part is a task, and the sums of the parts are added in their order.
inline std::size_t sum_parts(std::size_t n) { return std::clamp<std::size_t>(n / 256, 1, 8); }

// The numbers begin, begin + 1, ... before end.
struct Interval {
    std::size_t begin, end;
};
// Part i of [0, n), which is cut into parts whose sizes differ by at most one.
inline Interval nth_part(std::size_t n, std::size_t parts, std::size_t i) {
    return {i * n / parts, (i + 1) * n / parts};
}

// For the engine.
namespace detail {

// What ops of one number type do on a thread.
//     compute  no tape is alive there
//     record   a tape records them
//     values   a tape is alive, but a NoGrad or an op's backward wants plain values
enum class Intent : char { compute, record, values };

// What the engine asks about the calling thread.
struct ThreadContext {
    std::size_t body = 0;  // the number of the innermost call of a body that runs on it; 0: none
    // In a body, the intents of the thread that called the outermost one.
    Intent in_float = Intent::compute;
    Intent in_double = Intent::compute;
    std::size_t thread = 0;  // the thread's number, 1 or more
};
const ThreadContext& thread_context();

// core/kernels/cores.cpp
int usable_cores();
// The whole cores that the quotas of a process pay for, or INT_MAX. `membership` is the text of
// /proc/self/cgroup, and the groups are mounted below `mounted`, /sys/fs/cgroup.
int cores_of_quota(const std::string& membership, const std::string& mounted);

template <class T> Intent intent();  // on this thread: core/engine/current_tape.cpp

// The next number of a counter. No other copy of this library in the process gives the same one:
// the low number_bits bits count, and the others are the page of memory that the counter stands on.
std::size_t next_number(std::atomic<std::size_t>& counter);
inline constexpr int number_bits = 28;

}  // namespace detail

}  // namespace taper
