#include "core/array/random.hpp"

#include <cmath>
#include <numbers>

namespace taper {

static std::uint32_t low_word(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
static std::uint32_t high_word(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

// One step of FNV-1a, and a finaliser.
static std::uint64_t mixed(std::uint64_t hash, std::uint64_t value) {
    hash = (hash ^ value) * 0x100000001b3u;
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccdu;
    return hash ^ hash >> 33;
}

Random::Random(std::uint64_t seed, std::string_view stream, std::uint32_t number)
    : seed_(seed), stream_(0xcbf29ce484222325u) {
    for (char c : stream) stream_ = mixed(stream_, static_cast<unsigned char>(c));
    stream_ = mixed(stream_, number);
}

Random Random::substream(std::uint32_t number) const {
    Random random = *this;
    random.stream_ = mixed(stream_, std::uint64_t{number} + (std::uint64_t{1} << 32));
    return random;
}

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> c,
                                    std::array<std::uint32_t, 2> key) {
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c[0];
        const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * c[2];
        c = {high_word(p1) ^ c[1] ^ key[0], low_word(p1), high_word(p0) ^ c[3] ^ key[1],
             low_word(p0)};
        key = {key[0] + 0x9E3779B9u, key[1] + 0xBB67AE85u};
    }
    return c;
}

std::array<std::uint32_t, 4> Random::bits(std::uint64_t counter) const {
    return philox({low_word(counter), high_word(counter), low_word(stream_), high_word(stream_)},
                  {low_word(seed_), high_word(seed_)});
}

// The first 53 bits of the two words as a number in [0, 1).
static double unit(std::uint32_t high, std::uint32_t low) {
    return static_cast<double>((std::uint64_t{high} << 32 | low) >> 11) * 0x1p-53;
}

double Random::uniform(std::uint64_t counter) const {
    const auto b = bits(counter);
    return unit(b[0], b[1]);
}

double Random::normal(std::uint64_t counter) const {
    const auto b = bits(counter);
    const double radius = std::sqrt(-2 * std::log1p(-unit(b[0], b[1])));  // 1 - u is in (0, 1]
    return radius * std::cos(2 * std::numbers::pi * unit(b[2], b[3]));
}

std::uint64_t Random::below(std::uint64_t counter, std::uint64_t n) const {
    return static_cast<std::uint64_t>(uniform(counter) * static_cast<double>(n));
}

template <class T> Array<T> normal(const Random& random, const Shape& shape, double deviation) {
    auto x = empty<T>(shape);
    for (std::size_t i = 0; i < x.size(); ++i)
        x.data()[i] = static_cast<T>(deviation * random.normal(i));
    return x;
}

template <class T>
Array<T> uniform(const Random& random, const Shape& shape, double low, double high) {
    auto x = empty<T>(shape);
    const T end = static_cast<T>(high);
    const T last = std::nextafter(end, static_cast<T>(low));
    for (std::size_t i = 0; i < x.size(); ++i) {
        const T number = static_cast<T>(low + (high - low) * random.uniform(i));
        // In float a number below `end` may have been rounded up to it.
        x.data()[i] = number == end ? last : number;
    }
    return x;
}

template Array<float> normal(const Random&, const Shape&, double);
template Array<double> normal(const Random&, const Shape&, double);
template Array<float> uniform(const Random&, const Shape&, double, double);
template Array<double> uniform(const Random&, const Shape&, double, double);

}  // namespace taper
