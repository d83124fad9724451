// The norm of all gradients, and clipping by it.
#include "nn/optim/clip.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/array/random.hpp"
#include "tests/nn/optim/set_gradient.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::tests;

TEST_CASE("clip: a global norm, in double, also of gradients whose squares overflow float") {
    Parameter<float> a("a", zeros<float>({3})), b("b", zeros<float>({40, 7}));
    // Every entry of the gradient of a, and of b.
    const auto set_all = [&](float of_a, float of_b) {
        a.clear_gradient();
        b.clear_gradient();
        set_gradient(a, full<float>(a.shape(), of_a));
        set_gradient(b, full<float>(b.shape(), of_b));
    };
    set_all(1e25f, 1e25f);
    CHECK(nn::clip_gradients<float>({&a, &b}, 1) == doctest::Approx(1e25 * std::sqrt(283.0)));
    CHECK(nn::gradient_norm<float>({&a, &b}) == doctest::Approx(1).epsilon(1e-6));
    set_all(0.01f, 0);
    CHECK(nn::clip_gradients<float>({&a, &b}, 1) == doctest::Approx(0.01 * std::sqrt(3.0)));
    CHECK(a.gradient()(0) == 0.01f);
    set_all(0, std::numeric_limits<float>::infinity());
    CHECK(refusal([&] {
              nn::clip_gradients<float>({&a, &b}, 1);
          }) == "b: a gradient must be finite: inf at (0,0)");
    auto last_is_nan = zeros<float>({40, 7});
    last_is_nan(39, 6) = std::numeric_limits<float>::quiet_NaN();
    b.clear_gradient();
    set_gradient(b, last_is_nan);
    CHECK(refusal([&] {
              nn::gradient_norm<float>({&a, &b});
          }) == "b: a gradient must be finite: nan at (39,6)");
    CHECK(refusal([&] {
              nn::clip_gradients<float>({&a}, 0);
          }).starts_with("clip_gradients: the limit must be above 0: 0"));
}
