#include "examples/common/measuring.hpp"

#include <sys/resource.h>

#include "core/random.hpp"

namespace taper::examples {

Ids random_ids(const Shape& shape, std::size_t V, const char* purpose) {
    Ids ids = empty<std::int64_t>(shape);
    const Random random(0, purpose);
    for (std::size_t i = 0; i < ids.size(); ++i) ids.data()[i] = static_cast<std::int64_t>(random.below(i, V));
    return ids;
}

double peak_megabytes() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) / 1024;
}

}  // namespace taper::examples
