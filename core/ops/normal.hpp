// The standard normal distribution over SIMD batches, for GELU: gelu(x) = x Phi(x), gelu'(x) =
// Phi(x) + x phi(x).
#pragma once

#include <numbers>
#include <xsimd/xsimd.hpp>

namespace taper {

// erf x. xsimd's is NaN from 1e100 on. So x is clipped to [-6, 6], at whose ends erf is -1 and 1 in
// either type.
template <class V> V erf_of(V x) {
    using T = typename V::value_type;
    return xsimd::erf(xsimd::select(x > T(6), V(T(6)), xsimd::select(x < T(-6), V(T(-6)), x)));
}

// Phi(x) = (1 + erf(x / sqrt 2)) / 2
template <class V> V normal_cdf(V x) {
    using T = typename V::value_type;
    return T(0.5) * (1 + erf_of(x * T(std::numbers::sqrt2 / 2)));
}

// phi(x) = e^(-x^2 / 2) / sqrt(2 pi)
template <class V> V normal_density(V x) {
    using T = typename V::value_type;
    return T(std::numbers::inv_sqrtpi * std::numbers::sqrt2 / 2) * xsimd::exp(T(-0.5) * x * x);
}

// gelu'(x). The fma is spelled out. Without it a compiler may fuse one of the two products in one
// place and the other one in the next.
template <class V> V gelu_slope(V x) { return xsimd::fma(x, normal_density(x), normal_cdf(x)); }

}  // namespace taper
