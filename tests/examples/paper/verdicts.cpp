// The rules by which the programs about the paper judge their numbers: each verdict, on both sides
// of what parts it from the next.
#include <doctest/doctest.h>

#include <cmath>

#include "examples/paper/cost_verdicts.hpp"
#include "examples/paper/figure_1_verdicts.hpp"
#include "examples/paper/held_out.hpp"
#include "examples/paper/perplexity_verdicts.hpp"
#include "examples/paper/table_2_verdicts.hpp"
#include "examples/paper/theorem_1_verdicts.hpp"
#include "examples/paper/theorem_2_verdicts.hpp"

using namespace taper::examples;

TEST_CASE("verdicts: a cost is linear up to n^1.2, and no longer from n^1.5 on") {
    CHECK(is_linear(spread_of({1.1, 1.29})) == Verdict::holds);
    CHECK(is_linear(spread_of({1.21})) == Verdict::holds_weaker);
    CHECK(is_linear(spread_of({1.5})) == Verdict::holds_weaker);
    CHECK(is_linear(spread_of({1.51})) == Verdict::does_not_hold);
}

TEST_CASE("verdicts: something is saved where it grows with n, as much as in the paper") {
    const auto verdict = [](double shorter, double longer) {
        return saves(
            {{.n = 512, .ours = shorter, .paper = 2}, {.n = 1024, .ours = longer, .paper = 4}});
    };
    CHECK(verdict(2, 4) == Verdict::holds);
    CHECK(verdict(1.61, 3.2) == Verdict::holds);  // 0.802 of the paper's
    CHECK(verdict(1.59, 3.2) == Verdict::holds_weaker);
    CHECK(verdict(4, 3.61) == Verdict::holds);
    CHECK(verdict(4, 3.59) == Verdict::does_not_hold);  // shrinks
    CHECK(verdict(1, 1.1) == Verdict::holds_weaker);
    CHECK(verdict(1, 1.09) == Verdict::does_not_hold);
}

TEST_CASE("verdicts: low rank is less than the paper's rest, and half of the shuffled rows'") {
    CHECK(low_rank_verdict({.own = 0.12, .shuffled = 0.24}, true) == Verdict::holds);
    CHECK(low_rank_verdict({.own = 0.121, .shuffled = 0.3}, true) == Verdict::holds_weaker);
    CHECK(low_rank_verdict({.own = 0.1, .shuffled = 0.19}, true) == Verdict::holds_weaker);
    CHECK(low_rank_verdict({.own = 0.08, .shuffled = 0.1}, true) == Verdict::not_visible);
    CHECK(low_rank_verdict({.own = 0.12, .shuffled = 0.24}, false) == Verdict::not_visible);
    CHECK(low_rank_verdict({.own = 0.096, .shuffled = 0.1}, true) == Verdict::does_not_hold);
    CHECK(low_rank_verdict({.own = 0, .shuffled = 0}, true) == Verdict::does_not_hold);
}

TEST_CASE("verdicts: a model has learned where its loss is below 0.8 of the entropy") {
    CHECK(has_learned(1.59, 2));
    CHECK_FALSE(has_learned(1.6, 2));
}

TEST_CASE("verdicts: higher layers are more skewed where the upper half has 0.04 more") {
    using Layers = std::vector<double>;
    CHECK(rise_of(Layers{0.1, 0.2, 0.5, 0.8}) == doctest::Approx(0.5));
    CHECK(rise_of(Layers{0.1, 9, 0.5}) == doctest::Approx(0.4));  // the middle is in neither half
    CHECK(rise_above_lowest(Layers{0.1, 0.2, 9, 0.5}) == doctest::Approx(0.3));
    CHECK(skew_verdict(Layers{0.86, 0.88, 0.9, 0.93}) == Verdict::holds);
    CHECK(skew_verdict(Layers{0.86, 0.88, 0.89, 0.91}) == Verdict::holds_weaker);
    CHECK(skew_verdict(Layers{0.8, 0.9, 0.9, 0.9}) == Verdict::holds_weaker);
    CHECK(skew_verdict(Layers{0.9, 0.9, 0.909, 0.909}) == Verdict::not_visible);
    CHECK(skew_verdict(Layers{0.909, 0.909, 0.9, 0.9}) == Verdict::not_visible);
    CHECK(skew_verdict(Layers{0.92, 0.92, 0.9, 0.9}) == Verdict::does_not_hold);
}

TEST_CASE("verdicts: the perplexity falls with k where the largest k is 5 % better") {
    using Perplexities = std::vector<double>;
    CHECK(falls_verdict(Perplexities{10.6, 10.2, 10}) == Verdict::holds);
    CHECK(falls_verdict(Perplexities{10.6, 11, 10}) == Verdict::holds_weaker);
    CHECK(falls_verdict(Perplexities{10.4, 10.2, 10}) == Verdict::not_visible);
    CHECK(falls_verdict(Perplexities{10, 10.2, 10.4}) == Verdict::not_visible);
    CHECK(falls_verdict(Perplexities{10, 10.2, 10.6}) == Verdict::does_not_hold);
}

TEST_CASE("verdicts: a perplexity is judged with two standard errors to spare") {
    const auto verdict = [](double ratio, double error) {
        return on_par_verdict({.ratio = ratio, .standard_error = error}, true);
    };
    CHECK(verdict(1.03, 0.005) == Verdict::holds);
    CHECK(verdict(1.03, 0.015) == Verdict::holds_weaker);
    CHECK(verdict(1.09, 0.01) == Verdict::holds_weaker);
    CHECK(verdict(1.12, 0.015) == Verdict::holds_weaker);
    CHECK(verdict(1.14, 0.015) == Verdict::does_not_hold);
    CHECK(verdict(1.03, 0.04) == Verdict::not_visible);
    CHECK(verdict(1.12, 0.04) == Verdict::not_visible);
    // The squared standard errors of the two means are 0.01 and 0.04.
    const PerplexityRatio ratio = perplexity_ratio(std::vector{1.9, 2.1}, std::vector{1.8, 2.2});
    CHECK(ratio.ratio == doctest::Approx(1));
    CHECK(ratio.standard_error == doctest::Approx(std::sqrt(0.01 + 0.04)));
    const PerplexityRatio of_one = perplexity_ratio(std::vector{2.0}, std::vector{1.0});
    CHECK(of_one.ratio == doctest::Approx(std::exp(1.0)));
    CHECK(of_one.standard_error == 0);
}

TEST_CASE("verdicts: a perplexity is nearly on par up to 5 % more") {
    const auto of_one_seed = [](double ratio) { return on_par_verdict({.ratio = ratio}, true); };
    CHECK(of_one_seed(1.04) == Verdict::holds);
    CHECK(of_one_seed(0.8) == Verdict::holds);
    CHECK(of_one_seed(1.06) == Verdict::holds_weaker);
    CHECK(of_one_seed(1.09) == Verdict::holds_weaker);
    CHECK(of_one_seed(1.11) == Verdict::does_not_hold);
    CHECK(on_par_verdict({.ratio = 1}, false) == Verdict::not_visible);
    CHECK(same_verdict(std::vector{10.0, 9.9, 10.3}, true) == Verdict::holds);
    CHECK(same_verdict(std::vector{10.0, 9.5, 10.3}, true) == Verdict::holds_weaker);
    CHECK(same_verdict(std::vector{10.0, 9.0, 8.0}, true) == Verdict::does_not_hold);
    CHECK(same_verdict(std::vector{10.0, 10.0}, false) == Verdict::not_visible);
}

// By hand, eps 2/3: eps^2 - eps^3 = 4/27.
TEST_CASE("verdicts: what the proof of Theorem 1 says") {
    constexpr double eps = 2.0 / 3.0;
    CHECK(rows_per_log(eps) == doctest::Approx(33.75));
    CHECK(rows_of_proof(2048, eps) == 258);  // 33.75 * 7.6246 = 257.3
    CHECK(failure_of_proof(16) == doctest::Approx(1));
    CHECK(length_of_failure(1) == doctest::Approx(16));
    CHECK(share_beyond(27, eps) == doctest::Approx(2 * std::exp(-1.0)));
    const std::size_t first = first_length_above_rows(eps);
    CHECK(first == 176);
    CHECK(rows_of_proof(first, eps) < first);
    CHECK(rows_of_proof(first - 1, eps) >= first - 1);
}

TEST_CASE("verdicts: the error of the lemma falls as k^-0.5") {
    CHECK(verdict_of_fall({.least = -0.59, .most = -0.41, .excess = 0}) == Verdict::holds);
    CHECK(verdict_of_fall({.least = -0.59, .most = -0.41, .excess = 0.01}) ==
          Verdict::holds_weaker);
    CHECK(verdict_of_fall({.least = -0.61, .most = -0.5, .excess = 0}) == Verdict::holds_weaker);
    CHECK(verdict_of_fall({.least = -0.5, .most = -0.39, .excess = 0}) == Verdict::holds_weaker);
    CHECK(verdict_of_fall({.least = -0.5, .most = -0.24, .excess = 0}) == Verdict::does_not_hold);
}

namespace {

// Two lengths, with the k of the proof at eps 2/3.
std::vector<RankAtLength> ranks(double success, double needed, double needed_later) {
    return {{.n = 256, .rows = 188, .success = success, .needed = needed},
            {.n = 2048, .rows = 258, .success = success, .needed = needed_later}};
}

}  // namespace

TEST_CASE("verdicts: the proof's k succeeds, or the k that is needed grows like ln n") {
    CHECK(growth_of_needed(ranks(1, 10, 80)) == doctest::Approx(1));
    CHECK(growth_of_log(ranks(1, 1, 1)) == doctest::Approx(std::log(11.0 / 8) / std::log(8)));
    // The proof claims 1 - 2 * 256^-0.25 = 0.5 and 0.703.
    CHECK(verdict_of_rank(ranks(0.71, 1, 100)) == Verdict::holds);
    CHECK(verdict_of_rank(ranks(0.7, 200, 275)) == Verdict::holds_weaker);
    CHECK(verdict_of_rank(ranks(0.7, 200, 1600)) == Verdict::does_not_hold);
    std::vector<RankAtLength> short_ones = ranks(0, 1, 1);
    for (RankAtLength& at : short_ones) at.rows = at.n;
    CHECK(verdict_of_rank(short_ones) == Verdict::not_visible);

    CHECK(verdict_of_growth(ranks(1, 10, 14)) == Verdict::holds);
    CHECK(verdict_of_growth(ranks(1, 10, 50)) == Verdict::holds_weaker);  // n^0.77
    CHECK(verdict_of_growth(ranks(1, 10, 80)) == Verdict::does_not_hold);
}

TEST_CASE("verdicts: the proof's k is a low rank from some n on, with high probability later") {
    CHECK(verdict_of_proof(2560000, 1000) == Verdict::holds);  // fails with 0.05
    CHECK(verdict_of_proof(2500000, 1000) == Verdict::holds_weaker);
    CHECK(verdict_of_proof(2560000, 1280001) == Verdict::holds_weaker);
    CHECK(verdict_of_proof(128, 128) == Verdict::not_visible);
    CHECK(verdict_of_proof(16, 2) == Verdict::not_visible);  // fails with 1
}

TEST_CASE("verdicts: a predicted error is met within a factor 1.25, or 2") {
    CHECK(verdict_of_prediction(spread_of({0.81, 1.24})) == Verdict::holds);
    CHECK(verdict_of_prediction(spread_of({0.79, 1})) == Verdict::holds_weaker);
    CHECK(verdict_of_prediction(spread_of({1, 1.99})) == Verdict::holds_weaker);
    CHECK(verdict_of_prediction(spread_of({1, 2.01})) == Verdict::does_not_hold);
    CHECK(verdict_of_prediction(spread_of({0.49, 1})) == Verdict::does_not_hold);
}

namespace {

// One seed whose error is 0.5 at the k of each length, on the way from 2 k, 0.25, to k / 2, 1.
ErrorsByLength errors_with_needed_k(std::size_t k_least_n, std::size_t k_largest_n) {
    const auto errors = [](std::size_t k) { return ErrorByK{{k / 2, 1}, {k, 0.5}, {2 * k, 0.25}}; };
    return {{128, {errors(k_least_n)}}, {2048, {errors(k_largest_n)}}};
}

}  // namespace

TEST_CASE("verdicts: the k that an error needs grows no faster than log n") {
    Theorem2Options o;
    o.lengths = {128, 2048};
    o.eps = 0.5;
    CHECK(exponent_of_log(o) == doctest::Approx(std::log(11.0 / 7) / std::log(16)));
    const auto verdict = [&](const ErrorsByLength& errors) {
        return growth_verdict(growth_of(errors, o), o);
    };
    CHECK(growth_of(errors_with_needed_k(16, 64), o).exponents[0] == doctest::Approx(0.5));
    CHECK(verdict(errors_with_needed_k(16, 24)) == Verdict::holds);
    CHECK(verdict(errors_with_needed_k(16, 32)) == Verdict::holds_weaker);
    CHECK(verdict(errors_with_needed_k(16, 66)) == Verdict::does_not_hold);

    // Between two k the logarithms are joined: from 0.8 at 8 to 0.2 at 32 it is 0.4 at 16.
    o.eps = 0.4;
    const ErrorsByLength joined{{128, {{{8, 0.8}, {32, 0.2}}}}, {2048, {{{8, 0.8}, {32, 0.2}}}}};
    CHECK(growth_of(joined, o).k_least_n[0] == doctest::Approx(16));
    // Found by the least k already, or by none at the largest n: only a contradiction can be seen.
    const ErrorsByLength before{{128, {{{8, 0.3}}}}, {2048, {{{8, 0.8}, {32, 0.2}}}}};
    CHECK(verdict(before) == Verdict::not_visible);
    const ErrorsByLength beyond{{128, {{{8, 0.8}, {32, 0.2}}}}, {2048, {{{8, 0.9}, {32, 0.8}}}}};
    CHECK(verdict(beyond) == Verdict::not_visible);
    const ErrorsByLength far{{128, {{{8, 0.8}, {32, 0.2}}}}, {2048, {{{8, 0.9}, {128, 0.8}}}}};
    CHECK(verdict(far) == Verdict::does_not_hold);
}

TEST_CASE("verdicts: a fitted error falls with each k, as k^-0.5 or more slowly") {
    Theorem2Options o;
    o.k = {4, 16, 64};
    const auto verdict = [&](double first, double middle, double last) {
        return fall_verdict({{{4, first}, {16, middle}, {64, last}}}, o);
    };
    CHECK(verdict(0.8, 0.4, 0.2) == Verdict::holds);
    CHECK(verdict(0.8, 0.4, 0.21) == Verdict::holds_weaker);
    CHECK(verdict(0.8, 0.7, 0.56) == Verdict::holds_weaker);   // k^-0.129
    CHECK(verdict(0.8, 0.7, 0.58) == Verdict::does_not_hold);  // k^-0.116
    CHECK(verdict(0.8, 0.81, 0.2) == Verdict::does_not_hold);
    CHECK(service_verdict({0.5}, 0.5) == Verdict::holds);
    CHECK(service_verdict({0.51}, 0.5) == Verdict::holds_weaker);
    CHECK(service_verdict({1}, 0.5) == Verdict::does_not_hold);
}

// Standard errors of 0.3 and 0.4: 0.5 of the difference.
TEST_CASE("verdicts: a fine-tuned model is on par down to 0.5 points below, weaker down to 1.8") {
    const auto verdict = [](double points, double naive_bayes) {
        return on_par_verdict({points, 0.3}, {.points = 80, .standard_error = 0.4}, naive_bayes);
    };
    CHECK(verdict(81, 60) == Verdict::holds);
    CHECK(verdict(79.01, 60) == Verdict::holds);
    CHECK(verdict(78.99, 60) == Verdict::holds_weaker);
    CHECK(verdict(77.71, 60) == Verdict::holds_weaker);
    CHECK(verdict(77.69, 60) == Verdict::does_not_hold);
    CHECK(verdict(81, 77.49) == Verdict::holds);
    CHECK(verdict(81, 77.51) == Verdict::not_visible);
    CHECK(verdict(60, 77.51) == Verdict::not_visible);
}
