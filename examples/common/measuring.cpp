#include "examples/common/measuring.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <system_error>

#include "core/array/random.hpp"
#include "core/io/file.hpp"

namespace taper::examples {

Ids random_ids(const Shape& shape, std::size_t V, const char* purpose) {
    Ids ids = empty<std::int64_t>(shape);
    const Random random(0, purpose);
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

Cost cost_alone(const std::string& name, const std::function<double()>& work) {
    int ends[2];
    if (pipe(ends) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
    const pid_t child = fork();
    if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);  // ends with the parent
        try {
            const double before = peak_megabytes();
            const double seconds = work();
            const double peak = peak_megabytes();
            const Cost cost{seconds, peak, peak - before};
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
