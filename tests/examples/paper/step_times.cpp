// Comparisons after the same time: whose steps are fewer, and times that are measured once.
#include "examples/paper/step_times.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "tests/support/scratch.hpp"

using namespace taper::examples;
using namespace taper::tests;

namespace {

struct Model {
    std::string word;
    std::optional<std::uint64_t> steps = {};

    std::string name() const { return word; }
};

}  // namespace

TEST_CASE("step times: the slower one of two models has fewer steps") {
    const StepTimes times{{"a", 0.3}, {"b", 0.2}};
    const SameTime<Model> slow_full = same_time(times, Model{"a"}, Model{"b"}, 1000);
    CHECK(slow_full.ratio == doctest::Approx(1.5));
    CHECK(slow_full.full.steps == 667);
    CHECK(!slow_full.linformer.steps);
    CHECK(slow_full.slower().word == "a");
    const SameTime<Model> slow_linformer = same_time(times, Model{"b"}, Model{"a"}, 1000);
    CHECK(slow_linformer.ratio == doctest::Approx(0.2 / 0.3));
    CHECK(!slow_linformer.full.steps);
    CHECK(slow_linformer.linformer.steps == 667);
    CHECK(slow_linformer.slower().word == "a");
    CHECK(steps_in_the_same_time(1000, 1, 10) == 1);
}

TEST_CASE("step times: they are measured once for each settings, and faulty ones are named") {
    const Scratch scratch;
    PaperOptions options("program");
    options.out = scratch.path("");
    int measured = 0;
    const auto times = [&](int width) {
        return kept_step_times(options, "program", {{"width", width}}, [&] {
            return StepTimes{{"model", ++measured}};
        });
    };
    CHECK(times(1).at("model") == 1);
    CHECK(times(1).at("model") == 1);
    CHECK(times(2).at("model") == 2);
    CHECK(times(1).at("model") == 1);
    for (const char* faulty : {"{\"x\"", "{\"{\\\"width\\\":1}\":{\"model\":\"fast\"}}"}) {
        CAPTURE(faulty);
        scratch.file("program_step_times.json", faulty);
        CHECK(contains(refusal([&] { times(1); }),
                       "program_step_times.json: it must be what program"));
    }
    CHECK(measured == 2);
}
