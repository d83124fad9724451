// The check of exercise 22a: a position is changed, and which outputs move is seen.
#include <functional>

#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

std::vector<int> moved_in_full_attention();
std::vector<int> moved_in_slots();
std::vector<int> moved_in_feed_forward();
bool sees(std::size_t t, std::size_t j, std::size_t window);

using Layer = std::function<Array<double>(const Array<double>& x)>;  // x, y (n, d)
using Sees = std::function<bool(std::size_t t, std::size_t j)>;
static constexpr std::size_t d = 3;

// 1 where the output is another when position s of x is.
static std::vector<int> moved(const Layer& layer, std::size_t n, std::size_t s) {
    const Array<double> x = normal<double>(Random(1, "x"), {n, d});
    Array<double> other = x;
    for (std::size_t c = 0; c < d; ++c) other(s, c) += 1;
    const Array<double> y = layer(x);
    const Array<double> z = layer(other);
    std::vector<int> moved(n, 0);
    for (std::size_t t = 0; t < n; ++t)
        for (std::size_t c = 0; c < d; ++c) moved[t] |= y(t, c) != z(t, c);
    return moved;
}

static Array<double> full_attention(const Array<double>& x) {
    const Var<double> text = reshaped(x, {1, x.shape(0), d});
    return reshaped(attention(text, text, text, {.causal = true}).value(), x.shape());
}

static Array<double> feed_forward_network(const Array<double>& x) {
    const Array<double> W = normal<double>(Random(1, "W"), {d, d});
    return matmul<double>(gelu(matmul<double>(x, W)), W).value();
}

// Attention over the means of windows, of which query t sees those that `may_see` says.
static Array<double> slots(const Array<double>& x, std::size_t window, const Sees& may_see) {
    const std::size_t n = x.shape(0), k = n / window;
    Array<double> mean = zeros<double>({k, d});
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t c = 0; c < d; ++c)
            mean(i / window, c) += x(i, c) / static_cast<double>(window);
    Array<double> y = zeros<double>(x.shape());
    for (std::size_t t = 0; t < n; ++t) {
        double all = 0;
        for (std::size_t j = 0; j < k; ++j) {
            if (!may_see(t, j)) continue;
            double score = 0;
            for (std::size_t c = 0; c < d; ++c) score += x(t, c) * mean(j, c);
            all += std::exp(score);
            for (std::size_t c = 0; c < d; ++c) y(t, c) += std::exp(score) * mean(j, c);
        }
        for (std::size_t c = 0; c < d && all > 0; ++c) y(t, c) /= all;
    }
    return y;
}

static void predictions(Check& check) {
    using Moved = std::vector<int>;
    const Layer leaking = [](const Array<double>& x) {
        return slots(x, 2, [](std::size_t t, std::size_t j) { return j <= t; });
    };
    check.with("position 3 of 6 is changed: which outputs move");
    check.compare("full attention", moved_in_full_attention(), moved(full_attention, 6, 3),
                  {{Moved{1, 1, 1, 1, 1, 1}, "That is without the triangle."},
                   {Moved{0, 0, 0, 1, 0, 0}, "Key 3 is seen by later queries, too."},
                   {Moved{0, 0, 0, 0, 1, 1}, "Query 3 sees its own key."},
                   {Moved{1, 1, 1, 1, 0, 0}, "A query sees the keys before it, not behind it."}});
    check.compare(
        "slots", moved_in_slots(), moved(leaking, 6, 3),
        {{Moved{0, 0, 0, 1, 1, 1}, "In which slot is position 3, and which queries see it?"},
         {Moved{1, 1, 1, 1, 1, 1}, "Query 0 sees slot 0 alone. Is position 3 in it?"},
         {Moved{0, 0, 1, 1, 1, 1}, "Query 1 sees the slots 0 and 1."},
         {Moved{0, 0, 0, 0, 1, 1}, "Query 1 sees the slots 0 and 1."}});
    check.compare("the feed-forward network", moved_in_feed_forward(),
                  moved(feed_forward_network, 6, 3),
                  {{Moved{0, 0, 0, 1, 1, 1}, "It works on each position by itself."},
                   {Moved{1, 1, 1, 1, 1, 1}, "It works on each position by itself."}});
}

static void mended(Check& check) {
    for (const auto& [n, window] :
         std::vector<std::array<std::size_t, 2>>{{6, 2}, {6, 3}, {4, 1}, {8, 4}, {5, 5}, {1, 1}}) {
        const std::string sizes =
            "n = " + std::to_string(n) + ", windows of " + std::to_string(window);
        const std::size_t w = window;  // clang 14
        const Layer layer = [w](const Array<double>& x) {
            return slots(x, w, [w](std::size_t t, std::size_t j) { return sees(t, j, w); });
        };
        for (std::size_t s = 1; s < n; ++s) {
            std::vector<int> past = moved(layer, n, s);
            past.resize(s);
            check.with(sizes + ", position " + std::to_string(s) + " is changed");
            check.compare("which outputs before it move", past, std::vector<int>(s, 0));
        }
        Array<double> yours = zeros<double>({n, n / window});
        Array<double> right = yours;
        for (std::size_t t = 0; t < n; ++t)
            for (std::size_t j = 0; j < n / window; ++j) {
                yours(t, j) = sees(t, j, window);
                right(t, j) = 1;
                for (std::size_t i = 0; i < n; ++i)
                    if (i / window == j && i > t) right(t, j) = 0;
            }
        check.with(sizes + ": which slots (query, slot) are seen");
        check.compare("sees", yours, right,
                      {{zeros<double>({n, n / window}),
                        "Where no slot is seen nothing leaks, and nothing is learned."}});
    }
}

int main() { return exercises::run("22a_leak", {predictions, mended}); }
