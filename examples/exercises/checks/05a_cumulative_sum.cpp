// The check of exercise 5a: the product with the Jacobian that is written out, for small n, and the
// time for a large one.
#include <cmath>
#include <ctime>
#include <vector>

#include "examples/exercises/exercise.hpp"

using taper::exercises::Check;

std::vector<double> running_sum_backward(const std::vector<double>& dy);
std::vector<double> forgetting_sum_backward(const std::vector<double>& dz, double r);

// sum_i dy_i r^(i - j), over i >= j; or, where it runs the wrong way, over i <= j
static std::vector<double> product(const std::vector<double>& dy, double r,
                                   bool wrong_way = false) {
    std::vector<double> dx(dy.size(), 0.0);
    for (std::size_t j = 0; j < dy.size(); ++j)
        for (std::size_t i = 0; i < dy.size(); ++i)
            if (wrong_way ? i <= j : i >= j)
                dx[j] +=
                    dy[i] * std::pow(r, std::abs(static_cast<double>(i) - static_cast<double>(j)));
    return dx;
}

static const char* const forwards =
    "That runs forwards: an x reaches the sums behind it, not those before it.";

static void small_ones(Check& check) {
    for (const std::vector<double>& dy :
         {std::vector<double>{1, 10, 100}, {7}, {2, -3, 0.5, 4, -1}}) {
        check.with(dy.size() == 3 ? "dy {1,10,100}" : std::to_string(dy.size()) + " numbers");
        check.compare("dx of the running sum", running_sum_backward(dy), product(dy, 1),
                      {{product(dy, 1, true), forwards},
                       {dy, "That is dy. An x is in every sum from its own on."}});
    }
    for (const double r : {0.5, -2.0, 0.0, 1.0}) {
        const std::vector<double> dz{1, 10, 100};
        check.with("dz {1,10,100}, r = " + Check::text(r));
        check.compare("dx of the forgetting sum", forgetting_sum_backward(dz, r), product(dz, r),
                      {{product(dz, r, true), forwards},
                       {product(dz, 1), "That is the running sum's: r is not in it."},
                       {dz, "That is dz. An x is in every sum from its own on."}});
    }
}

// A loop in a loop takes more than a second here, one loop a thousandth of one.
static void large_one(Check& check) {
    const std::vector<double> dy(50000, 1.0 / 1024);
    check.with("50000 numbers");
    for (const bool forgets : {false, true}) {
        const std::clock_t begin = std::clock();
        const std::vector<double> dx =
            forgets ? forgetting_sum_backward(dy, 1) : running_sum_backward(dy);
        const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
        const std::string name = forgets ? "of the forgetting sum" : "of the running sum";
        check.compare("the first dx " + name, dx.at(0), 50000 / 1024.0);
        check.require(
            seconds < 0.3, "the time " + name,
            "the time " + name + ": expected below 0.3 seconds, yours " + Check::text(seconds, 2),
            "Is a sum made anew for each entry? It needs but one term more each time.");
    }
}

int main() { return taper::exercises::run("05a_cumulative_sum", {small_ones, large_one}); }
