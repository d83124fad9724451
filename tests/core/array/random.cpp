// Random numbers: known answers, streams, and moments.
#include "core/array/random.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>

#include "tests/support/scratch.hpp"

using namespace taper;

TEST_CASE("random: Philox4x32-10 gives the known answers of its authors") {
    using Block = std::array<std::uint32_t, 4>;
    CHECK(philox({0, 0, 0, 0}, {0, 0}) == Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    CHECK(philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) ==
          Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
          Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE(
    "random: streams differ by seed, name and number, and each is a function of its counter") {
    std::set<std::array<std::uint32_t, 4>> blocks;
    for (std::uint64_t seed : {0U, 1U})
        for (const char* name : {"a", "b", "ab"})
            for (std::uint32_t number : {0U, 1U, 2U}) {
                blocks.insert(Random(seed, name, number).bits(5));
                blocks.insert(Random(seed, name).substream(number).bits(5));
            }
    CHECK(blocks.size() == 2 * 3 * 6);
    CHECK(Random(3, "x").uniform(9) == Random(3, "x").uniform(9));
}

TEST_CASE("random: of a seed and of a counter all 64 bits count") {
    std::set<std::array<std::uint32_t, 4>> blocks;
    const std::vector<std::uint64_t> numbers{5, 5 + (1ULL << 32), 5 + (1ULL << 33),
                                             5 + (1ULL << 63)};
    for (const std::uint64_t seed : numbers)
        for (const std::uint64_t counter : numbers) blocks.insert(Random(seed, "a").bits(counter));
    CHECK(blocks.size() == numbers.size() * numbers.size());
    CHECK(Random(1ULL << 32, "a").uniform(0) != Random(0, "a").uniform(0));
    CHECK(Random(0, "a").normal(1ULL << 32) != Random(0, "a").normal(0));
}

// A run that goes on draws what it would have drawn.
TEST_CASE("random: the numbers of a stream are what they always were") {
    const Random dropout(7, "dropout", 3), windows = Random(0, "windows").substream(12);
    CHECK(dropout.uniform(0) == 0.23286901917824387);
    CHECK(dropout.below(1, 1'000'000) == 730'089);
    CHECK(windows.uniform(0) == 0.67681187103765927);
    CHECK(windows.below(1, 1'000'000) == 19'992);
}

TEST_CASE("random: moments and ranges") {
    const Random random(0, "moments");
    constexpr int count = 200000;
    double sum = 0, squares = 0, fourth = 0, flat = 0;
    std::uint64_t seen[7] = {};
    for (std::uint64_t i = 0; i < count; ++i) {
        const double z = random.normal(i);
        const double u = random.uniform(i);
        sum += z;
        squares += z * z;
        fourth += z * z * z * z;
        flat += u;
        REQUIRE((u >= 0 && u < 1));
        ++seen[random.below(i, 7)];
    }
    CHECK(std::abs(sum / count) < 0.01);
    CHECK(std::abs(squares / count - 1) < 0.02);
    CHECK(std::abs(fourth / count - 3) < 0.1);
    CHECK(std::abs(flat / count - 0.5) < 0.005);
    for (std::uint64_t n : seen) CHECK(std::abs(static_cast<double>(n) - count / 7.0) < 700);
}

TEST_CASE("random: uniform numbers lie between low and high, and fill what is between them") {
    const Array<double> x = uniform<double>(Random(1, "x"), {40, 50}, 3, 5);
    CHECK(xt::amin(x)() >= 3);
    CHECK(xt::amin(x)() < 3.01);
    CHECK(xt::amax(x)() < 5);
    CHECK(xt::amax(x)() > 4.99);
    CHECK(std::abs(xt::mean(x)() - 4) < 0.05);
    // The 22nd number is 1 - 6e-10, in float 1.
    const Random near_the_end(380045, "uniform");
    CHECK(static_cast<float>(near_the_end.uniform(22)) == 1);
    CHECK(uniform<float>(near_the_end, {64}, 0, 1)(22) == std::nextafter(1.0f, 0.0f));
    CHECK(uniform<float>(near_the_end, {64}, 2, -1)(22) == std::nextafter(-1.0f, 0.0f));
}
