// Dropout: the share that falls, and the scale of the rest.
#include <doctest/doctest.h>

#include <cmath>

#include "core/array/random.hpp"
#include "core/ops.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;

TEST_CASE("dropout: the share that falls, the scale of the rest, and p = 0") {
    const Var<float> ones(full<float>({1000, 101}, 1));
    for (const double p : {0.1, 0.5, 0.9}) {
        const Array<float> y = dropout(ones, p, Random(0, "dropout")).value();
        double zeros = 0;
        for (float v : y) {
            zeros += v == 0;
            REQUIRE((v == 0 || v == static_cast<float>(1 / (1 - p))));
        }
        CHECK(std::abs(zeros / 101000 - p) < 0.006);
    }
    CHECK(dropout(ones, 0, Random(0, "dropout")).value() == ones.value());
    CHECK(tests::refusal([&] {
              dropout(ones, 1, Random(0, "dropout"));
          }).starts_with("dropout: p must be in [0, 1): x (1000,101): p 1"));
}
