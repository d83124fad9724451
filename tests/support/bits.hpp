// Arrays that agree to the last bit: another zero or another NaN is another number.
#pragma once

#include <cstring>

#include "core/array/array.hpp"

namespace taper::tests {

template <class T> bool same_bits(const Array<T>& a, const Array<T>& b) {
    if (a.shape() != b.shape()) return false;
    return a.size() == 0 || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

}  // namespace taper::tests
