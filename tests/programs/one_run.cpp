// A run directory is one run's: what happens to it while the run lives, and one in which no step
// was done.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/programs.hpp"

using namespace taper::tests;

namespace fs = std::filesystem;

namespace {

// A run without an end that saves only when it is asked to stop. It sleeps until it is asked, so
// that it meets all at once what happened in between.
struct Endless {
    Scratch scratch;
    std::string text = scratch.file("text.txt", prose(5000));
    std::string out = scratch.path("out");
    Process process{"train_mlm", start("1000000"), without_gnuplot};

    Endless() {
        REQUIRE(process.wait_for([&] { return steps_logged(out) >= 2; }));
        process.kill(SIGSTOP);
        const auto asleep = [&] {  // the signal takes a moment to arrive
            const std::size_t before = steps_logged(out);
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
            return steps_logged(out) == before;
        };
        REQUIRE(process.wait_for(asleep));
    }

    Arguments start(const std::string& steps) const {
        return small_model() + Arguments{"--text",       text,  "--out",        out,
                                         "--steps",      steps, "--save-every", "0",
                                         "--eval-every", "0"};
    }
    Result stop() {
        process.kill(SIGTERM);
        process.kill(SIGCONT);
        return process.wait();
    }
    // Stopped, it ends with one line that holds these words.
    void check_fails(const Arguments& words) { check_failed(stop(), words); }
};

}  // namespace

TEST_CASE(
    "programs one run: a run whose directory was removed or moved writes nothing into the next one "
    "of that name") {
    for (const bool moved : {false, true}) {
        CAPTURE(moved);
        Endless run;
        if (moved) fs::rename(run.out, run.scratch.path("moved"));
        else fs::remove_all(run.out);
        REQUIRE(train(run.start("3")).status == 0);
        const auto next = directory_contents(run.out);
        run.check_fails({run.out + ": the run's directory must stay where it is", "another"});
        CHECK(directory_contents(run.out) == next);
    }
}

TEST_CASE("programs one run: a run whose directory is gone does not make it again") {
    Endless run;
    fs::remove_all(run.out);
    run.check_fails({run.out + ": the run's directory must stay where it is", "gone"});
    CHECK(!fs::exists(run.out));
}

TEST_CASE("programs one run: a run whose log was removed or replaced says so and saves nothing") {
    Endless emptied;
    for (const auto& [path, contents] : directory_contents(emptied.out)) fs::remove(path);
    emptied.check_fails({emptied.out + "/metrics.jsonl", "gone"});
    CHECK(directory_contents(emptied.out).empty());

    Endless replaced;
    const std::string samples = replaced.out + "/samples.txt";
    fs::remove(samples);
    replaced.scratch.file("out/samples.txt", "mine");
    replaced.check_fails({samples, "another"});
    CHECK(file_contents(samples) == "mine");
}

TEST_CASE(
    "programs one run: a run that another one began while this one read its text is left alone") {
    const Scratch scratch;
    const std::string out = scratch.path("out"), pipe = scratch.path("pipe");
    REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
    Process late("train_mlm", small_run() + Arguments{"--text", pipe, "--out", out},
                 without_gnuplot);
    int writer = -1;
    REQUIRE(late.wait_for([&] {  // until it reads
        writer = open(pipe.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        return writer >= 0;
    }));
    const std::string text = scratch.file("text.txt", prose(3000));
    REQUIRE(train(small_run() + Arguments{"--text", text, "--out", out}).status == 0);
    const auto whole = directory_contents(out);
    REQUIRE(write(writer, prose(3000).data(), 3000) == 3000);
    close(writer);
    check_refused(late.wait(), {"--out", "holds a run already", out});
    CHECK(directory_contents(out) == whole);
}

TEST_CASE("programs one run: a tokenizer.json that was removed during a run is there at its end") {
    Endless run;
    fs::remove(run.out + "/tokenizer.json");
    CHECK(run.stop().status == 143);
    CHECK(fs::exists(run.out + "/tokenizer.json"));
}

TEST_CASE("programs one run: a directory in which no step was done is free for a new run") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(5000)), out = scratch.path("out");
    const Arguments start = small_run() + Arguments{"--text", text, "--out", out};
    Arguments failing =
        start + Arguments{"--projection-init", "normal", "--lr", "1e38", "--clip", "0"};
    // The first step's weights are so large that nothing after them is finite: it is never saved.
    const Result failed = train(failing + Arguments{"--warmup", "0", "--eval-every", "1"});
    CAPTURE(failed.err);
    REQUIRE(failed.status == 3);
    REQUIRE(file_contents(out + "/metrics.jsonl").empty());
    const auto left = directory_contents(out);
    REQUIRE(left.contains(out + "/checkpoint.safetensors"));

    scratch.file("out/notes.txt", "mine");
    check_refused(train(start), {"--out", out});
    fs::remove(out + "/notes.txt");
    scratch.file("out/samples.txt", "== step 1\n  mine\n");
    check_refused(train(start), {"--out", out, "--resume"});
    scratch.file("out/samples.txt", "");
    CHECK(directory_contents(out) == left);

    const std::vector<std::string> old{out + "/loss.svg",
                                       out + "/metrics.jsonl.0123456789abcdef.tmp"};
    for (const std::string& path : old)
        scratch.file(fs::path(path).lexically_relative(scratch.path("")), "old");
    CHECK(train(start).status == 0);
    CHECK(metrics_of(out).size() == 20);
    for (const std::string& path : old) CHECK_FALSE(fs::exists(path));
    fs::remove(out + "/metrics.jsonl");
    fs::remove(out + "/samples.txt");
    check_refused(train(start), {"--out", out, "--resume"});  // its checkpoint is of 20 steps
}
