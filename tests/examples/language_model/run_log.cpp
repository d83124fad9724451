// What a run writes for people: the numbers in the picture of its loss, which stays small, and
// files that go on.
#include "examples/language_model/run_log.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <mutex>
#include <set>
#include <system_error>

#include "examples/common/plot.hpp"
#include "examples/language_model/causal_task.hpp"
#include "examples/language_model/train_program.hpp"
#include "tests/support/cpu_time.hpp"
#include "tests/support/gnuplot.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/sanitized.hpp"

using namespace taper;
using namespace taper::tests;
using namespace taper::examples;

namespace {

StepMetrics metrics_at(std::uint64_t step, double loss, std::optional<double> val_loss = {}) {
    return {.step = step,
            .loss = loss,
            .lr = 0.001,
            .grad_norm = 1,
            .tokens_per_second = 1000,
            .seconds = 0.5,
            .val_loss = val_loss,
            .val_bits_per_char = {},
            .val_bits_per_byte = {}};
}

std::string metrics_lines(std::uint64_t first, std::uint64_t last) {
    std::string text;
    for (std::uint64_t step = first; step <= last; ++step)
        text += metrics_at(step, 1.0 / static_cast<double>(step)).json() + "\n";
    return text;
}

}  // namespace

TEST_CASE("run log: the recorded steps are read back, and those of no run are none") {
    const Scratch scratch;
    CHECK(recorded_steps(scratch.path("")).empty());
    RunLog log(scratch.path(""));
    log.open(0);
    log.record(metrics_at(1, 3));
    log.record(metrics_at(2, 2.5, 2.75));
    const std::vector<StepMetrics> steps = recorded_steps(scratch.path(""));
    REQUIRE(steps.size() == 2);
    CHECK(steps[0].loss == 3);
    CHECK_FALSE(steps[0].val_loss);
    CHECK(steps[1].step == 2);
    CHECK(steps[1].val_loss == 2.75);
}

TEST_CASE(
    "run log: the picture has each step's loss, the mean of the last 20, and the validation") {
    const FakeGnuplot gnuplot;
    const Scratch scratch;
    RunLog log(scratch.path(""), "nats", {{"uniform, ln 7", 1.9459}, {"it's", 1.5}});
    log.open(0);
    for (std::uint64_t step = 1; step <= 100; ++step) {
        const auto loss = static_cast<double>(step * step);
        log.record(metrics_at(step, loss, step % 10 == 0 ? std::optional(loss / 2) : std::nullopt));
    }
    log.draw();
    CHECK(log.drawn());
    REQUIRE(log.best());
    CHECK(log.best()->step == 10);
    CHECK(log.best()->val_loss == 50);
    const std::string script = file_contents(scratch.path("loss.svg"));
    const auto steps = points_of(script, 0);
    const auto means = points_of(script, 1);
    const auto validation = points_of(script, 2);
    REQUIRE(steps.size() == 100);
    REQUIRE(means.size() == 100);
    REQUIRE(validation.size() == 10);
    const auto value = [](const std::string& point) {
        return std::stod(point.substr(point.find(' ')));
    };
    for (std::size_t i = 0; i < 100; ++i) {
        CHECK(steps[i] ==
              std::to_string(i + 1) + " " + shortest(static_cast<double>((i + 1) * (i + 1))));
        double sum = 0;
        const std::size_t first = i < 20 ? 0 : i - 19;
        for (std::size_t j = first; j <= i; ++j) sum += static_cast<double>((j + 1) * (j + 1));
        CHECK(value(means[i]) ==
              doctest::Approx(sum / static_cast<double>(i + 1 - first)).epsilon(1e-12));
    }
    CHECK(points_of(script, 3) == std::vector<std::string>{"1 1.9459", "100 1.9459"});
    CHECK(points_of(script, 4) == std::vector<std::string>{"1 1.5", "100 1.5"});
    CHECK(contains(script, "set label 'uniform, ln 7: 1.95' at graph"));
    CHECK(contains(script, "set label 'it''s: 1.50' at graph"));
    CHECK(contains(script, "set label 'validation' at graph"));
    for (std::size_t i = 0; i < 10; ++i)
        CHECK(validation[i] == std::to_string(10 * (i + 1)) + " " +
                                   shortest(50.0 * static_cast<double>((i + 1) * (i + 1))));
}

TEST_CASE(
    "run log: a curve of many steps is small, keeps its extremes, and its points keep their "
    "place") {
    BinnedCurve curve(64);
    std::set<std::pair<double, double>> before;
    const std::uint64_t spike = 12345, dip = 54321;
    const auto value = [&](std::uint64_t step) {
        if (step == spike) return 20.0;
        if (step == dip) return -20.0;
        return std::sin(static_cast<double>(step));
    };
    for (std::uint64_t step = 1; step <= 100'000; ++step) {
        curve.add(step, value(step));
        if (step % 9973 != 0) continue;
        const auto points = curve.extremes();
        CHECK(points.size() <= 128);
        CHECK(curve.last().size() <= 64);
        CHECK(curve.last().back() == std::pair(static_cast<double>(step), value(step)));
        CHECK(std::is_sorted(points.begin(), points.end()));
        for (const auto& [x, y] : points) CHECK(y == value(static_cast<std::uint64_t>(x)));
        const auto has = [&](std::uint64_t x) {
            const std::pair point(static_cast<double>(x), value(x));
            return std::find(points.begin(), points.end(), point) != points.end();
        };
        CHECK(has(spike) == (step >= spike));
        CHECK(has(dip) == (step >= dip));
    }
    CHECK(curve.last().size() > 32);
    BinnedCurve sparse(4);  // steps far apart are still apart
    for (const std::uint64_t step : {100u, 200u, 300u, 400u, 500u}) sparse.add(step, 1);
    CHECK(sparse.last().size() >= 3);
}

TEST_CASE("run log: the picture of a long run is under 200 kB") {
    if (!gnuplot_is_installed()) return;
    LossCurves curves;
    for (std::uint64_t step = 1; step <= 30'000; ++step) {
        const double noise = std::abs(std::sin(static_cast<double>(step) * 1.7));
        curves.add(metrics_at(step, step == 7777 ? 20 : 3 + noise, 2 + noise));
    }
    const Scratch scratch;
    REQUIRE(plot(scratch.path("loss.svg"), "loss", "step", "nats", curves.curves()));
    CHECK(std::filesystem::file_size(scratch.path("loss.svg")) < 200'000);
}

TEST_CASE("run log: the files go on where the run stands") {
    const FakeGnuplot gnuplot;
    const Scratch scratch;
    const std::string samples = "== step 10\n  a\n== step 20\n  b\n  c\n";
    const auto open = [&](const std::string& metrics_before, std::uint64_t step) {
        scratch.file("metrics.jsonl", metrics_before);
        scratch.file("samples.txt", samples + "== step 30\n  d\n");
        RunLog log(scratch.path(""));
        log.open(step);
        log.record(metrics_at(step + 1, 1));
        log.sample(step + 1, "  e\n");
        log.draw();
        CHECK(file_contents(scratch.path("samples.txt")) ==
              samples + "== step " + std::to_string(step + 1) + "\n  e\n");
        return file_contents(scratch.path("metrics.jsonl"));
    };
    const std::string next = metrics_at(26, 1).json() + "\n";
    CHECK(open(metrics_lines(1, 25), 25) == metrics_lines(1, 25) + next);
    CHECK(open(metrics_lines(1, 40), 25) == metrics_lines(1, 25) + next);
    CHECK(open(metrics_lines(1, 25) + "{\"step\":26, \"lo", 25) == metrics_lines(1, 25) + next);
    CHECK(open(metrics_lines(1, 10) + metrics_lines(13, 40), 25) ==
          metrics_lines(1, 10) + metrics_lines(13, 25) + next);
    const auto points = points_of(file_contents(scratch.path("loss.svg")), 0);
    REQUIRE(points.size() == 24);  // those of before, too
    CHECK(points[1] == "2 0.5");
}

TEST_CASE("run log: a long log is read in much less time than JSON is parsed") {
    const Scratch scratch;
    std::string text;
    for (std::uint64_t step = 1; step <= 30'000; ++step) {
        const double x = 1 / std::sqrt(static_cast<double>(step));
        text += StepMetrics{step,
                            x,
                            x / 1e3,
                            1 + x,
                            17776.4 + x,
                            1e5 * x,
                            step % 100 ? std::optional<double>() : x,
                            {},
                            {}}
                    .json() +
                "\n";
    }
    scratch.file("metrics.jsonl", text);
    const std::clock_t parsed = cpu_time([&] {
        std::istringstream in(text);
        for (std::string line; std::getline(in, line);)
            CHECK_FALSE(nlohmann::json::parse(line).empty());
    });
    const std::clock_t opened = cpu_time([&] { RunLog(scratch.path("")).open(30'000); });
    CHECK(opened < parsed / 2);
}

TEST_CASE("run log: a line is read as JSON, however it is spelled") {
    // JSON may end in a space, what we write does not: read in the one way and in the other.
    struct Outcome {
        std::string json, error;
        bool operator==(const Outcome&) const = default;
    };
    const auto outcome = [](const std::string& line) -> Outcome {
        try {
            return {StepMetrics::from_json(line, "line").json(), ""};
        } catch (const Error&) {
            return {"", "refused"};
        }
    };
    StepMetrics metrics = metrics_at(105, 2.5e-7, 3.25);
    metrics.grad_norm = -1e300;
    metrics.val_bits_per_byte = 0;
    for (const std::string& line : {metrics_at(1, 2).json(), metrics.json()}) {
        CHECK(outcome(line) == Outcome{line, ""});
        for (std::size_t place = 0; place <= line.size(); ++place)
            for (const char c : std::string_view("01-+.eE,:}{\" x\xFF")) {
                std::string inserted = line, replaced = line;
                inserted.insert(place, 1, c);
                CHECK(outcome(inserted) == outcome(inserted + " "));
                if (place == line.size()) continue;
                replaced[place] = c;
                CHECK(outcome(replaced) == outcome(replaced + " "));
                CHECK(outcome(line.substr(0, place)).error == "refused");
            }
    }
    const auto with_loss = [&](const std::string& number) {
        const std::string line = metrics_at(1, 2).json(), loss = "\"loss\":2.0";
        return std::string(line).replace(line.find(loss), loss.size(), "\"loss\":" + number);
    };
    for (const char* number : {"1",      "-0",    "-0.0",
                               "1e5",    "1E-5",  "123456789012345678901234567890",
                               "1e-400", "1e400", "0.1000000000000000055511151231257827",
                               "01",     "1.",    ".5",
                               "+1",     "inf",   "nan",
                               "-",      "null",  "true",
                               "\"1\"",  "0x1p3", "1e",
                               "-01",    "00"}) {
        CAPTURE(number);
        CHECK(outcome(with_loss(number)) == outcome(with_loss(number) + " "));
    }
}

// The files that this process has brought to the disk, in their order: fsync of the test program is
// this one.
static std::vector<std::string> synced;
static std::mutex synced_is_used;
extern "C" int fsync(int descriptor) {
    const auto path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(descriptor));
    {
        const std::lock_guard lock(synced_is_used);
        synced.push_back(path.filename().string());
    }
    return static_cast<int>(syscall(SYS_fsync, descriptor));
}

TEST_CASE("run log: what a checkpoint counts as done is on the disk before it") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(3000)), out = scratch.path("run");
    const pid_t child = fork();
    if (child == 0) {
        without_gnuplot();
        dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
        synced.clear();
        Arguments words =
            Arguments{"train_lm"} + small_run() + Arguments{"--text", text, "--out", out};
        std::vector<char*> argv;
        for (std::string& word : words) argv.push_back(word.data());
        const auto make_task = [](const Tokenizer& tokenizer, const Corpus&) {
            return std::make_unique<CausalTask>(tokenizer);
        };
        const int status = examples::train(static_cast<int>(argv.size()), argv.data(), "train_lm",
                                           "", ModelKind::causal, make_task);
        std::ofstream names(scratch.path("synced"));
        for (const std::string& name : synced) names << name << "\n";
        names.close();
        _exit(status);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
    const std::string names = file_contents(scratch.path("synced"));
    const std::size_t last_checkpoint = names.rfind("checkpoint.safetensors");
    REQUIRE(last_checkpoint != std::string::npos);
    CHECK(names.find("checkpoint.safetensors") < last_checkpoint);
    for (const char* log : {"metrics.jsonl", "samples.txt"})
        CHECK(names.find(log) < last_checkpoint);
    // A name is on the disk with its directory.
    CHECK(names.substr(names.find('\n', last_checkpoint) + 1).starts_with("run\n"));
}

TEST_CASE("run log: a line that is no step is named") {
    const Scratch scratch;
    const std::string path = scratch.path("") + "/metrics.jsonl";
    const std::string good = metrics_lines(3, 3);
    const auto with_step = [&](const std::string& step) {
        return std::string(good).replace(8, 1, step);
    };
    const std::string zero(1, '\0'), without_end = good.substr(0, good.size() - 1);
    const std::vector<std::string> bad_lines{"{}",
                                             "[]",
                                             "1e400",
                                             "{\"step\": 3}",
                                             with_step("-3"),
                                             with_step("3.5"),
                                             with_step("1e300"),
                                             with_step("0"),
                                             std::string(100'000, '['),
                                             "\"\xFF\"",
                                             without_end + zero,
                                             without_end + zero + "}"};
    for (const std::string& bad : bad_lines) {
        CAPTURE(bad.substr(0, 80));
        scratch.file("metrics.jsonl", metrics_lines(1, 2) + bad + "\n");
        RunLog log(scratch.path(""));
        CHECK(refusal([&] { log.open(5); }).starts_with(path + ":3: "));
        CHECK(file_contents(path) == metrics_lines(1, 2) + bad + "\n");
    }
}

TEST_CASE("run log: lines that are out of order are named and none of them is lost") {
    const Scratch scratch;
    const std::string path = scratch.path("") + "/metrics.jsonl";
    for (const auto& [text, words] :
         {std::pair{metrics_lines(2, 2) + metrics_lines(1, 1),
                    ":2: the steps must ascend: 1 after 2"},
          {metrics_lines(1, 3) + metrics_lines(3, 5), ":4: the steps must ascend: 3 after 3"},
          {metrics_lines(1, 2) + metrics_lines(400, 400) + metrics_lines(4, 5),
           ":4: the steps must ascend: 4 after 400"},
          {metrics_lines(1, 9) + metrics_lines(6, 6), ":10: the steps must ascend: 6 after 9"}}) {
        scratch.file("metrics.jsonl", text);
        RunLog log(scratch.path(""));
        CHECK(refusal([&] { log.open(5); }) == path + words);
        CHECK(file_contents(path) == text);
    }
}

// A sanitizer opens files itself.
#ifndef TAPER_SANITIZED
TEST_CASE("run log: a file that cannot be opened is named with the reason") {
    const Scratch scratch;
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    const int lowest = dup(0);
    close(lowest);
    const rlimit one_more{static_cast<rlim_t>(lowest) + 1, before.rlim_max};
    std::exception_ptr refused;
    setrlimit(RLIMIT_NOFILE, &one_more);  // metrics.jsonl opens, samples.txt does not
    try {
        RunLog(scratch.path("")).open(0);
    } catch (...) {
        refused = std::current_exception();
    }
    setrlimit(RLIMIT_NOFILE, &before);
    REQUIRE(refused);
    std::string message;
    try {
        std::rethrow_exception(refused);
    } catch (const std::system_error& error) {
        message = error.what();
    }
    CHECK(message.starts_with(scratch.path("") + "/samples.txt: "));
    CHECK(message.ends_with(": Too many open files"));
}
#endif
