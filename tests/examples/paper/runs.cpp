// The models that a program about the paper trains: the same command goes on, and only where what
// is there is of the same options and texts.
#include "examples/paper/runs.hpp"

#include <chrono>

#include "examples/common/program.hpp"
#include "tests/support/gnuplot.hpp"
#include "tests/support/interrupted.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/thread_count.hpp"

using namespace taper;
using namespace taper::examples;
using namespace taper::tests;

namespace fs = std::filesystem;

namespace {

// Two points and two seeds, trained, of six steps that validate at the fifth and the last.
struct SmallRuns {
    Scratch scratch;
    FakeGnuplot gnuplot;
    Threads unchanged{1};
    Quiet quiet;
    std::string text = scratch.file("text", prose(2000));
    PaperOptions options{"runs"};
    std::vector<TrainingPoint> points{point("a", "8"), point("b", "4")};

    SmallRuns() {
        options.out = scratch.path("out");
        options.seed = 5;
        options.seeds = 2;
        options.threads = 1;
        fs::create_directories(options.out);
        REQUIRE(train() == 0);
    }
    TrainingPoint point(const std::string& name, const std::string& k) const {
        return {.name = name,
                .words = {"--length", "8", "--k", k, "--width", "8", "--heads", "2", "--layers",
                          "1", "--batch", "4", "--steps", "6", "--eval-every", "5"},
                .text = {text}};
    }
    int train() const { return Runs(options, ModelKind::masked).train(points); }
    std::string directory(const std::string& name, std::uint64_t seed) const {
        return Runs(options, ModelKind::masked).directory(name, seed);
    }
    std::string model(const std::string& name, std::uint64_t seed) const {
        return directory(name, seed) + "/model.safetensors";
    }
    std::map<std::string, fs::file_time_type> model_times() const {
        std::map<std::string, fs::file_time_type> times;
        for (const char* name : {"a", "b"})
            for (const std::uint64_t seed : {5U, 6U})
                times[model(name, seed)] = fs::last_write_time(model(name, seed));
        return times;
    }
};

}  // namespace

TEST_CASE("runs: each point is trained with each seed, once") {
    const SmallRuns runs;
    CHECK(file_contents(runs.model("a", 5)) != file_contents(runs.model("a", 6)));
    CHECK(file_contents(runs.model("a", 5)) != file_contents(runs.model("b", 5)));
    const TrainedRun run = Runs(runs.options, ModelKind::masked).result("b", 6);
    CHECK(run.directory == runs.options.out + "/runs/b_6");
    CHECK(run.seconds == metrics_of(run.directory).back().at("seconds"));
    REQUIRE(run.validations.size() == 2);
    CHECK(run.validations[0].step == 5);
    CHECK(run.validations[1].step == 6);
    const auto before = runs.model_times();
    CHECK(runs.train() == 0);
    CHECK(runs.model_times() == before);
}

TEST_CASE("runs: the same command goes on where a kill or a signal stopped it") {
    const SmallRuns runs;
    const std::string model = file_contents(runs.model("a", 6));
    const auto goes_on = [&] {
        CHECK(runs.train() == 0);
        CHECK(file_contents(runs.model("a", 6)) == model);
        CHECK(Runs(runs.options, ModelKind::masked).result("a", 6).validations.size() == 2);
    };
    fs::remove(runs.model("a", 6));
    goes_on();
    fs::remove(runs.directory("a", 6) + "/config.json");
    goes_on();
    CHECK(fs::exists(runs.directory("a", 6) + "/config.json"));
    // of the checkpoint before
    fs::copy_file(runs.model("a", 5), runs.model("a", 6), fs::copy_options::overwrite_existing);
    const std::string checkpoint = runs.directory("a", 6) + "/checkpoint.safetensors";
    fs::last_write_time(runs.model("a", 6),
                        fs::last_write_time(checkpoint) - std::chrono::seconds(1));
    goes_on();
    interrupt_last_validation(runs.directory("a", 6));
    CHECK(Runs(runs.options, ModelKind::masked).result("a", 6).validations.size() == 1);
    goes_on();
    fs::remove_all(runs.directory("a", 6));
    goes_on();
}

TEST_CASE("runs: other options or another text are refused before any training") {
    SmallRuns runs;
    fs::remove_all(runs.directory("a", 5));  // the first to be trained
    const std::map<std::string, std::string> before = directory_contents(runs.options.out);
    const auto refused = [&](const std::vector<TrainingPoint>& points) {
        const std::string message =
            refusal([&] { Runs(runs.options, ModelKind::masked).train(points); });
        CHECK(directory_contents(runs.options.out) == before);
        return message;
    };
    const std::string options = refused({runs.points[0], runs.point("b", "2")});
    CHECK(contains(options, "b_5 must be of the same options: --k was "));
    TrainingPoint other = runs.points[1];
    other.text = {runs.scratch.file("other", prose(1990))};
    CHECK(contains(refused({runs.points[0], other}), "b_5 must be of the same text"));
    other.text = {runs.text, runs.text};
    CHECK(contains(refused({runs.points[0], other}), "b_5 must be of the same text"));
}

TEST_CASE("runs: another path of the text, other threads, and when to save may be others") {
    SmallRuns runs;
    const auto before = runs.model_times();
    runs.options.threads = 2;
    for (TrainingPoint& point : runs.points) {
        point.text = {runs.scratch.file("copy", prose(2000))};
        point.words.insert(point.words.end(), {"--save-every", "0"});
    }
    CHECK(runs.train() == 0);
    CHECK(runs.model_times() == before);
}
