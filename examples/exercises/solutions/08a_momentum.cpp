// The model answer to exercise 8a, gradient descent with momentum
//
// The velocity first, then the weights by the new velocity. Where the gradient stays the same, v
// grows towards $g // (1 - mu)$: with $mu = 0.9$ the steps become ten times as long. Where it
// changes its sign at each step, the sum nearly cancels. Some write $v <- mu v + (1 - mu) g$, which
// is the same with another learning rate.
#include <cstddef>
#include <vector>

void momentum_step(std::vector<double>& w, std::vector<double>& v, const std::vector<double>& g,
                   double learning_rate, double momentum) {
    for (std::size_t i = 0; i < w.size(); ++i) {
        v[i] = momentum * v[i] + g[i];
        w[i] -= learning_rate * v[i];
    }
}
