#include "core/parallel.hpp"

#include <algorithm>
#include <exception>
#include <string>
#include <thread>

#include "core/error.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace taper {

static int thread_count = std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, max_threads);

int threads() { return thread_count; }

void set_threads(int count) {
    if (count < 1 || count > max_threads)
        throw Error("threads: the number must be 1 to " + std::to_string(max_threads) + ": " + std::to_string(count));
    thread_count = count;
}

void parallel_for(std::size_t n, std::size_t chunk,
                  const std::function<void(std::size_t begin, std::size_t end)>& body) {
    const std::size_t chunks = n / chunk + (n % chunk != 0);
    const auto run = [&](std::size_t c) { body(c * chunk, std::min(n, (c + 1) * chunk)); };
#ifdef _OPENMP
    if (chunks > 1 && thread_count > 1 && !omp_in_parallel()) {
        std::exception_ptr error;
#pragma omp parallel for schedule(dynamic) num_threads(thread_count)
        for (std::size_t c = 0; c < chunks; ++c) {
            try {
                run(c);
            } catch (...) {
#pragma omp critical
                error = std::current_exception();
            }
        }
        if (error) std::rethrow_exception(error);
        return;
    }
#endif
    for (std::size_t c = 0; c < chunks; ++c) run(c);
}

}  // namespace taper
