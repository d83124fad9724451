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
    const std::string status = read_file("/proc/self/status"), key = "VmHWM:";
    const std::size_t at = status.find(key);
    if (at == status.npos)
        throw Error("/proc/self/status: the system must tell the peak of our memory: no " + key);
    return std::stod(status.substr(at + key.size())) / 1024;  // from kB
}

}  // namespace taper::examples
