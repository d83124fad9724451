// Exercise 23b. Top-k and top-p
//
// After lesson 23. About 20 minutes.
//
// Two ways to keep a model from drawing unlikely tokens. Both keep some of the likeliest, give all
// others the probability 0, and make the rest sum to 1 again.
//
// - *top-k* keeps the k likeliest.
// - *top-p* (Holtzman and others 2020, arXiv 1904.09751) keeps as few of the likeliest as have
//   together at least the probability `share`. How many that are depends on how sure the model is.
//
// The probabilities `p` sum to 1. `k` is at least 1 and can be larger than their number; `share` is
// above 0 and at most 1. `likeliest_first` gives their numbers in order, of equal ones the earlier
// first. The results stay in the order of `p`.
//
// Run it: sh examples/exercises/run.sh 23b
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

using Probabilities = std::vector<double>;

// {0.2, 0.5, 0.3}: {1, 2, 0}
std::vector<std::size_t> likeliest_first(const Probabilities& p) {
    std::vector<std::size_t> order(p.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&p](std::size_t a, std::size_t b) { return p[a] > p[b]; });
    return order;
}

Probabilities top_k(const Probabilities& p, std::size_t k) {
    Probabilities kept(p.size(), 0.0);
    // YOUR CODE
    return kept;
}

Probabilities top_p(const Probabilities& p, double share) {
    Probabilities kept(p.size(), 0.0);
    // YOUR CODE
    return kept;
}
