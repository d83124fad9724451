// The model answer to exercise 23b, top-k and top-p
//
// Both walk through the numbers in falling order, keep what they meet, and differ in when they
// stop: after k, or as soon as what is kept has reached the share. The one that reaches it is kept,
// so that one at least is left. Then all are divided by the sum of the kept.
//
// With top-k the model has k tokens to draw from even where only one is possible. With top-p a sure
// model has one, and an unsure one many.
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

using Probabilities = std::vector<double>;

std::vector<std::size_t> likeliest_first(const Probabilities& p) {
    std::vector<std::size_t> order(p.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&p](std::size_t a, std::size_t b) { return p[a] > p[b]; });
    return order;
}

// The first `count` of `order`, made to sum to 1.
static Probabilities first_of(const Probabilities& p, const std::vector<std::size_t>& order,
                              std::size_t count) {
    Probabilities kept(p.size(), 0.0);
    double sum = 0;
    for (std::size_t r = 0; r < count; ++r) sum += p[order[r]];
    for (std::size_t r = 0; r < count; ++r) kept[order[r]] = p[order[r]] / sum;
    return kept;
}

Probabilities top_k(const Probabilities& p, std::size_t k) {
    return first_of(p, likeliest_first(p), std::min(k, p.size()));
}

Probabilities top_p(const Probabilities& p, double share) {
    const std::vector<std::size_t> order = likeliest_first(p);
    std::size_t count = 0;
    double sum = 0;
    while (sum < share && count < p.size()) {
        sum += p[order[count]];
        ++count;
    }
    return first_of(p, order, count);
}
