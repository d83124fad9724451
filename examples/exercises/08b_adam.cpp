// Exercise 8b. Adam
//
// After lesson 8. About 20 minutes.
//
// Adam (Kingma and Ba 2015, arXiv 1412.6980) divides each weight's step by the usual size of its
// gradient. It keeps two running means, of the gradient and of its square. Both begin at 0 and are
// too small at first, which is corrected by a factor that depends on the number t of the step; the
// first step has t = 1.
//
//     m <- beta_1 m + (1 - beta_1) g
//     v <- beta_2 v + (1 - beta_2) g^2
//     w <- w - lr (m / (1 - beta_1^t)) / (sqrt(v / (1 - beta_2^t)) + epsi)
//
// Write one step, for vectors of the same length; `w`, `m` and `v` are changed in place.
//
// Before you write it: how far does the first step move a weight whose gradient is 100, and how far
// one whose gradient is -0.001?
//
// Run it: sh examples/exercises/run.sh 08b
#include <cmath>
#include <cstddef>
#include <vector>

struct AdamRates {
    double learning_rate, beta1, beta2, epsilon;
};

void adam_step(std::vector<double>& w, std::vector<double>& m, std::vector<double>& v,
               const std::vector<double>& g, int t, const AdamRates& rates) {
    // YOUR CODE
}
