// A random order.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "core/array/random.hpp"

namespace taper::examples {

// Each order is as likely as any other (Fisher and Yates). Takes the numbers of the counters from 2
// up to the number of items.
template <class T> void shuffle(std::vector<T>& items, const Random& random) {
    for (std::size_t i = items.size(); i > 1; --i)
        std::swap(items[i - 1], items[random.below(i, i)]);
}

}  // namespace taper::examples
