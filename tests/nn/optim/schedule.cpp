// The learning rate as a function of the step.
#include "nn/optim/schedule.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::tests;

TEST_CASE("schedule: warm-up, cosine, and its edges") {
    const nn::Schedule usual{.lr = 1, .warmup = 10, .steps = 100};
    CHECK(usual(1) == doctest::Approx(0.1));
    CHECK(usual(10) == doctest::Approx(1));
    CHECK(usual(55) == doctest::Approx(0.55));
    CHECK(usual(100) == doctest::Approx(0.1));
    for (const std::uint64_t warmup : {0U, 1U, 5U, 10U, 50U})
        for (const std::uint64_t steps : {1U, 5U, 10U}) {
            const nn::Schedule schedule{.lr = 1e-3, .warmup = warmup, .steps = steps};
            for (std::uint64_t step = 1; step <= steps; ++step) {
                CHECK(schedule(step) > 0);
                CHECK(schedule(step) <= 1e-3);
            }
        }
}
