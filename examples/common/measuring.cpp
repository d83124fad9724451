#include "examples/common/measuring.hpp"

#include <string>

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

}  // namespace taper::examples
