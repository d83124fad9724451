// The check of exercise 23b: probabilities that are exact in binary, so that sums are, too.
#include <cstddef>
#include <string>
#include <vector>

#include "examples/exercises/exercise.hpp"

using taper::exercises::Check;
using Probabilities = std::vector<double>;

Probabilities top_k(const Probabilities& p, std::size_t k);
Probabilities top_p(const Probabilities& p, double share);

static const Probabilities p{0.125, 0.5, 0.0625, 0.25, 0.0625};

static void the_k_likeliest(Check& check) {
    check.with("p {1/8, 1/2, 1/16, 1/4, 1/16}, k = 2");
    check.compare(
        "top_k", top_k(p, 2), Probabilities{0, 2 / 3.0, 0, 1 / 3.0, 0},
        {{Probabilities{0, 0.5, 0, 0.25, 0}, "What is kept is to sum to 1 again."},
         {Probabilities{0.2, 0.8, 0, 0, 0}, "Those are the first two, not the likeliest."},
         {Probabilities{0, 1, 0, 0, 0}, "That is one too few."},
         {Probabilities{2 / 3.0, 1 / 3.0, 0, 0, 0}, "The results stay in the order of p."},
         {Probabilities{1 / 7.0, 4 / 7.0, 0, 2 / 7.0, 0}, "That is one too many."}});
    check.with("the same, k = 4: of the two with 1/16 the first is kept");
    const double all = 15;
    check.compare("top_k", top_k(p, 4), Probabilities{2 / all, 8 / all, 1 / all, 4 / all, 0},
                  {{p, "Of equal ones both are kept: that makes five."}});
    check.with("the same, k = 1");
    check.compare("top_k", top_k(p, 1), Probabilities{0, 1, 0, 0, 0});
    check.with("the same, k = 5 and k = 9");
    check.compare("top_k of 5", top_k(p, 5), p);
    check.compare("top_k of 9", top_k(p, 9), p);
}

static void the_likeliest_share(Check& check) {
    check.with("p {1/8, 1/2, 1/16, 1/4, 1/16}, share 0.6");
    check.compare("top_p", top_p(p, 0.6), Probabilities{0, 2 / 3.0, 0, 1 / 3.0, 0},
                  {{Probabilities{0, 1, 0, 0, 0},
                    "That is 0.5 of the probability. It is to be at least 0.6."},
                   {Probabilities{0, 0.5, 0, 0.25, 0}, "What is kept is to sum to 1 again."}});
    check.with("the same, share 0.75: exactly what two of them have");
    check.compare("top_p", top_p(p, 0.75), Probabilities{0, 2 / 3.0, 0, 1 / 3.0, 0},
                  {{Probabilities{1 / 7.0, 4 / 7.0, 0, 2 / 7.0, 0},
                    "Two have reached the share. A third is not needed."}});
    check.with("the same, share 0.1: one is left at least");
    check.compare("top_p", top_p(p, 0.1), Probabilities{0, 1, 0, 0, 0});
    check.with("the same, share 1");
    check.compare("top_p", top_p(p, 1), p);
    check.with("p {0, 1}, share 1");
    check.compare("top_p", top_p({0, 1}, 1), Probabilities{0, 1});
    check.with("p three times 1/3 and share 1, where the sum is rounded");
    const double third = 1 / 3.0;
    check.compare("top_p", top_p({third, third, third}, 1), Probabilities{third, third, third});
}

int main() { return taper::exercises::run("23b_top_k", {the_k_likeliest, the_likeliest_share}); }
