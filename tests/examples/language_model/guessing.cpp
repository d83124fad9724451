// The best guesses at a position: what is not finite is named.
#include "examples/language_model/guessing.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "tests/support/not_finite.hpp"

using namespace taper;
using namespace taper::tests;

TEST_CASE("guessing: a number that is not finite is named as numbers are everywhere") {
    Array<float> logits = full<float>({1, 2, 3}, 0);
    logits(0, 1, 0) = -std::numeric_limits<float>::quiet_NaN();
    CHECK(refusal_as_not_finite([&] { examples::best_guesses(logits, 1, 1); }) ==
          "logits: every number must be finite: position 1, token 0: nan");
}
