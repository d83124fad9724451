#include "examples/common/measuring.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <stdexcept>
#include <system_error>

#include "core/array/random.hpp"
#include "core/io/file.hpp"

namespace taper::examples {

Ids random_ids(const Shape& shape, std::size_t V, const char* purpose, std::uint64_t seed) {
    Ids ids = empty<std::int64_t>(shape);
    const Random random(seed, purpose);
    for (std::size_t i = 0; i < ids.size(); ++i)
        ids.data()[i] = static_cast<std::int64_t>(random.below(i, V));
    return ids;
}

// Not getrusage: its peak is that of the program that started us, where that one was larger.
double peak_megabytes() {
    const std::string status = read_file("/proc/self/status");
    const std::string key = "VmHWM:";
    const std::size_t found = status.find(key);
    if (found == status.npos)
        throw Error("/proc/self/status: the system must tell the peak of our memory: no " + key);
    const double kilobytes = std::stod(status.substr(found + key.size()));
    return kilobytes / 1024;
}

static double core_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

PassTime least_time(const std::function<void()>& pass) {
    constexpr double enough = 0.3;  // seconds in all
    constexpr double too_long = 10;
    PassTime least{HUGE_VAL, HUGE_VAL};
    double total = 0;
    for (int passes = 0; (passes < 3 || total < enough) && total < too_long; ++passes) {
        const auto start = std::chrono::steady_clock::now();
        const double core_start = core_seconds();
        pass();
        const double of_cores = core_seconds() - core_start;
        const std::chrono::duration<double> duration = std::chrono::steady_clock::now() - start;
        least.seconds = std::min(least.seconds, duration.count());
        least.core_seconds = std::min(least.core_seconds, of_cores);
        total += duration.count();
    }
    return least;
}

Cost cost_alone(const std::string& name, const std::function<PassTime()>& work) {
    int ends[2];
    if (pipe(ends) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
    const pid_t child = fork();
    if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);  // ends with the parent
        try {
            const double before = peak_megabytes();
            const PassTime time = work();
            const double peak = peak_megabytes();
            const Cost cost{time.seconds, time.core_seconds, peak, peak - before};
            const bool written = write(ends[1], &cost, sizeof cost) == sizeof cost;
            _exit(written ? 0 : 1);
        } catch (...) {  // the parent says that there is no result
            _exit(1);
        }
    }
    close(ends[1]);
    Cost cost{};
    const bool whole = read(ends[0], &cost, sizeof cost) == sizeof cost;
    close(ends[0]);
    waitpid(child, nullptr, 0);
    if (!whole)
        throw std::runtime_error(
            "a measurement must end (is there enough memory, are there threads enough?): " + name);
    return cost;
}

}  // namespace taper::examples
