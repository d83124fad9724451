// What is said of perplexities that are compared, and what a claim of parity is controlled by.
#include "examples/paper/comparison.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::examples;
using namespace taper::tests;

namespace {

const MaskedModel reference_model{.n = 16};
const MaskedModel compared_model{.n = 16, .k = {4}};
const MaskedModel worse_model{.n = 16, .k = {1}};
const MaskedModel order_lost{.n = 8, .k = {4}, .shuffled = true};
const MaskedModel full_order_lost{.n = 8, .shuffled = true};

// One seed each, of these perplexities; guessing costs e^3 = 20.1, and 0.8 of it in nats 11.02.
MaskedLosses losses_of(double reference, double model, double worse) {
    return {.of = {{reference_model.name(), {std::log(reference)}},
                   {compared_model.name(), {std::log(model)}},
                   {worse_model.name(), {std::log(worse)}},
                   {order_lost.name(), {std::log(20.0)}},
                   {full_order_lost.name(), {std::log(20.4)}}},
            .entropy = 3};
}

Finding finding_for(const MaskedLosses& losses) {
    return finding_of(
        losses, {compared_model, reference_model, "k 1", worse_model, order_lost, full_order_lost},
        "claim", "paper", "ours");
}

}  // namespace

TEST_CASE(
    "comparison: a model's perplexity is exp of the mean loss, its spread that of the seeds") {
    const MaskedLosses losses{
        .of = {{reference_model.name(), {1, 2}}, {compared_model.name(), {2.5, 2.5}}},
        .entropy = 3};
    CHECK(losses.perplexity(reference_model) == doctest::Approx(std::exp(1.5)));
    CHECK(losses.perplexities(reference_model).least == doctest::Approx(std::exp(1)));
    CHECK(losses.perplexities(reference_model).most == doctest::Approx(std::exp(2)));
    CHECK(perplexities_of(losses, {compared_model, reference_model})[1] ==
          losses.perplexity(reference_model));
    CHECK(losses.learned(reference_model));
    CHECK_FALSE(losses.learned(compared_model));
    CHECK(all_learned(losses, {reference_model, reference_model}));
    CHECK_FALSE(all_learned(losses, {reference_model, compared_model}));
    CHECK(list_of(losses, {reference_model, compared_model}) ==
          "full 4.48 (2.72 to 7.39, 2 seeds), k 4 12.2 (12.2 to 12.2, 2 seeds)");
    CHECK(list_over_n(losses, {compared_model}) == "n 16 12.2 (12.2 to 12.2, 2 seeds)");
    CHECK(label_of({.n = 8, .k = {6, 2}}) == "k 6 and 2");
}

TEST_CASE("comparison: how much more than the reference, or less") {
    CHECK(more_text(10.53, 10) == "5.3 % more");
    CHECK(more_text(8, 10) == "20 % less");
    CHECK(more_text(10, 8) == "25 % more");
}

TEST_CASE("comparison: a model on par is controlled by one that must not be") {
    const Finding holds = finding_for(losses_of(5, 5.1, 8));
    CHECK(holds.ours == "ours, so 2 % more");
    CHECK(holds.verdict == Verdict::holds);
    CHECK(holds.control == "k 1: 60 % more");
    CHECK(holds.control_verdict == Verdict::does_not_hold);
    const Finding weaker = finding_for(losses_of(5, 5.4, 5.8));
    CHECK(weaker.verdict == Verdict::holds_weaker);
    CHECK(weaker.control == "k 1: 16 % more");
    CHECK(weaker.control_verdict == Verdict::does_not_hold);
}

TEST_CASE("comparison: a model that is not on par is controlled by text in random order") {
    const Finding finding = finding_for(losses_of(5, 12, 14));  // the reference has learned
    CHECK(finding.verdict == Verdict::does_not_hold);
    CHECK(finding.control ==
          "the text in random order, n 8: 20 (1 seed) and 20.4 (1 seed), so 2 % more");
    CHECK(finding.control_verdict == Verdict::holds);
}

TEST_CASE("comparison: a reference that has not learned shows nothing") {
    const Finding finding = finding_for(losses_of(12, 12, 20));
    CHECK(finding.verdict == Verdict::not_visible);
    CHECK(finding.control_verdict == Verdict::not_visible);  // the report says that it fails
}

TEST_CASE("comparison: a curve of validation has the perplexities of the seeds over the steps") {
    const Scratch scratch;
    MaskedOptions o("comparison");
    o.out = scratch.path("");
    o.seeds = 2;
    const Runs runs(o, ModelKind::masked);
    const auto write_log = [&](std::uint64_t seed, double first, double second) {
        const std::string directory = runs.directory("point", seed);
        std::filesystem::create_directories(directory);
        std::string lines;
        for (std::uint64_t step = 1; step <= 4; ++step) {
            StepMetrics metrics{.step = step};
            if (step % 2 == 0) metrics.val_loss = step == 2 ? first : second;
            lines += metrics.json() + "\n";
        }
        std::ofstream(directory + "/metrics.jsonl") << lines;
    };
    write_log(1, std::log(4), std::log(2));
    write_log(2, std::log(6), std::log(3));
    const Curve curve = validation_curve(o, runs, "title", "point", 10);
    REQUIRE(curve.points.size() == 2);
    CHECK(curve.points[0].first == 20);
    CHECK(curve.points[0].second == doctest::Approx(std::sqrt(4.0 * 6)));
    CHECK(curve.points[1].first == 40);
    CHECK(curve.points[1].second == doctest::Approx(std::sqrt(2.0 * 3)));
    CHECK(curve.band[1].first == doctest::Approx(2));
    CHECK(curve.band[1].second == doctest::Approx(3));
}
