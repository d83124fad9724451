// Random numbers without a state: every number is a pure function of (seed, stream, counter), by
// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). So they
// are the same on every machine and for every number of threads, and a resumed run needs to
// remember nothing but its step.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/array/array.hpp"

namespace taper {

// The generator itself: 128 random bits for each pair of a counter and a key.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                    std::array<std::uint32_t, 2> key);

class Random {
  public:
    // A stream has the name of its purpose ("layers.0.attention.query.weight"), and a number where
    // there are many.
    Random(std::uint64_t seed, std::string_view stream, std::uint32_t number = 0);

    std::array<std::uint32_t, 4> bits(std::uint64_t counter) const;  // 128 independent bits
    double uniform(std::uint64_t counter) const;                     // in [0, 1), 53 bits
    double normal(std::uint64_t counter) const;                      // N(0, 1), by Box and Muller
    std::uint64_t below(std::uint64_t counter, std::uint64_t n) const;  // in [0, n), n < 2^53

    // An independent stream of the same seed and name, for one step, layer or row.
    Random substream(std::uint32_t number) const;

  private:
    std::uint64_t seed_;
    std::uint64_t stream_;
};

// Entry i is made of counter i: N(0, deviation^2), or uniform in [low, high).
template <class T> Array<T> normal(const Random& random, const Shape& shape, double deviation = 1);
template <class T>
Array<T> uniform(const Random& random, const Shape& shape, double low, double high);

}  // namespace taper
