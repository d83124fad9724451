// Exercise 19b. The backward pass of E and F
//
// After lesson 19. About 20 minutes.
//
// A batch has B texts, each with its own keys and values; E and F are the same for all of them. For
// text b
//
//     bar K_b = E K_b
//     bar K_(b j c) = sum_i E_(j i) K_(b i c)
//
// and $bar V_b = F V_b$ in the same way. `K` has the shape (B, n, d_h), `E` (k, n), and K-bar, here
// `K_bar`, (B, k, d_h). Backpropagation has come as far as `dK_bar`. Write `dE`, of the shape of
// `E`, and `dK`, of the shape of `K`. The check asks the same two functions for `dF` and `dV`.
//
// Where does one entry of E go to, now that there are several texts?
//
// Run it: sh examples/exercises/run.sh 19b
#include "core/array/array.hpp"

using namespace taper;

// dE (k, n) of K (B, n, d_h) and dK_bar (B, k, d_h)
Array<double> projection_dE(const Array<double>& K, const Array<double>& dK_bar) {
    const std::size_t n = K.shape(1);
    const std::size_t k = dK_bar.shape(1);
    Array<double> dE = zeros<double>({k, n});
    // YOUR CODE
    return dE;
}

// dK (B, n, d_h) of E (k, n) and dK_bar (B, k, d_h)
Array<double> projection_dK(const Array<double>& E, const Array<double>& dK_bar) {
    const std::size_t B = dK_bar.shape(0);
    const std::size_t n = E.shape(1);
    const std::size_t d_h = dK_bar.shape(2);
    Array<double> dK = zeros<double>({B, n, d_h});
    // YOUR CODE
    return dK;
}
