// The report of a program about the paper: verdicts, controls and the file of numbers.
#include "examples/paper/report.hpp"

#include <doctest/doctest.h>

#include "core/io/file.hpp"
#include "examples/common/options.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::examples;

namespace {

Finding finding(Verdict verdict, Verdict control_verdict) {
    return {.claim = "Water boils",
            .paper = "at 100",
            .ours = "at 99",
            .verdict = verdict,
            .control = "on a mountain, 70",
            .control_verdict = control_verdict};
}

}  // namespace

TEST_CASE("report: a spread is the mean, the least and the most of the seeds") {
    const Spread spread = spread_of({3, 1, 2.3});
    CHECK(spread.mean == doctest::Approx(2.1));
    CHECK(text_of(spread, 2) == "2.1 (1 to 3, 3 seeds)");
    CHECK(text_of(spread_of({0.12345})) == "0.123 (1 seed)");
}

TEST_CASE("report: an exponent is that of a power, and the best one of what is none") {
    CHECK(exponent_of({{2, 12}, {4, 48}, {8, 192}}) == doctest::Approx(2));
    CHECK(exponent_of({{1, 5}, {10, 5}}) == doctest::Approx(0));
    CHECK(exponent_of({{1, 1}, {2, 4}, {4, 4}}) == doctest::Approx(1));
}

TEST_CASE("report: a verdict that its control does not flip is a failure") {
    const tests::Scratch scratch;
    PaperOptions options("boiling");
    options.out = scratch.path("out");
    Options declared("boiling", "");
    options.declare(declared, "a minute");
    std::uint64_t degrees = 100;
    declared.count("--degrees", degrees, 0, 200, "of the water");
    options.apply(declared);
    PaperReport flipped(options, "boiling", "Table 9", "how water boils");
    flipped.numbers()["degrees"] = {99, 70};
    flipped.add(finding(Verdict::holds, Verdict::does_not_hold));
    flipped.add(finding(Verdict::does_not_hold, Verdict::holds_weaker));
    nlohmann::json json;
    // A picture that fails must not cost the numbers.
    const auto draw = [&] {
        json = nlohmann::json::parse(read_file(options.out + "/boiling.json"));
    };
    CHECK(flipped.finish(draw) == 0);
    CHECK(json.at("settings") == nlohmann::json{{"--degrees", 100}});
    CHECK(json.at("place") == "Table 9");
    CHECK(json.at("numbers").at("degrees").at(1) == 70);
    CHECK(json.at("findings").at(0).at("verdict") == "holds");
    CHECK(json.at("findings").at(1).at("control").at("verdict") == "holds weaker");

    PaperReport same(options, "boiling", "Table 9", "how water boils");
    same.add(finding(Verdict::holds, Verdict::does_not_hold));
    same.add(finding(Verdict::not_visible, Verdict::not_visible));
    CHECK(same.finish([] {}) == 1);
}
