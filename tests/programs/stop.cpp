// Runs that are stopped, in every way, and go on as if they had not been.
#include <fcntl.h>

#include <chrono>

#include "core/io/safetensors.hpp"
#include "tests/support/gnuplot.hpp"
#include "tests/support/programs.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

// A run of 40 steps that validates, saves and drops out at odd moments.
struct Interrupted {
    Scratch scratch;
    std::string text = scratch.file("text.txt", prose(20000));
    std::string whole = scratch.path("whole");  // of a run that was not interrupted
    std::string out = scratch.path("run");
    Arguments options =
        small_model() + Arguments{"--text",   text, "--steps",      "40", "--dropout",    "0.1",
                                  "--warmup", "20", "--eval-every", "7",  "--save-every", "9"};
    Interrupted() {
        CHECK(train(options + Arguments{"--out", whole, "--threads", "1"}).status == 0);
    }

    Arguments start() const { return options + Arguments{"--out", out}; }
    Arguments resume(const char* threads) const {
        return {"--resume", "--out", out, "--threads", threads};
    }
    std::size_t steps() const { return steps_logged(out); }
    static std::vector<nlohmann::json> metrics_without_times(const std::string& directory) {
        auto lines = metrics_of(directory);
        for (nlohmann::json& line : lines) {
            line.erase("seconds");
            line.erase("tokens_per_second");
        }
        return lines;
    }
    // Byte for byte, but for how long it took.
    void check_equals_whole() const {
        for (const char* file :
             {"model.safetensors", "config.json", "tokenizer.json", "samples.txt"}) {
            CAPTURE(file);
            CHECK(file_contents(out + "/" + file) == file_contents(whole + "/" + file));
        }
        CHECK(metrics_without_times(out) == metrics_without_times(whole));
    }
};

}  // namespace

TEST_CASE("programs stop: interrupted at many moments and resumed, a run ends in the same bytes") {
    Interrupted run;
    const Random random(0, "moments");
    Process first("train_mlm", run.start() + Arguments{"--threads", "2"}, without_gnuplot);
    REQUIRE(first.wait_for([&] { return run.steps() >= 1; }));
    first.kill(SIGINT);
    Result result = first.wait();
    for (std::uint64_t i = 0; i < 60 && result.status == 130; ++i) {
        Process process("train_mlm", run.resume(i % 2 ? "1" : "3"), without_gnuplot);
        if (i < 30) {  // after another step or two, or after some milliseconds wherever it is
            const std::size_t before = run.steps();
            process.wait_for([&] { return i % 3 == 0 || run.steps() > before; });
            std::this_thread::sleep_for(std::chrono::milliseconds(random.below(i, 12)));
            process.kill(SIGINT);
        }
        result = process.wait();
        if (result.status == -SIGINT) result.status = 130;  // before it had anything to save
    }
    CHECK(result.status == 0);
    run.check_equals_whole();
}

TEST_CASE("programs stop: killed at many moments and resumed, a run ends in the same bytes") {
    Interrupted run;
    const Random random(0, "kills");
    for (std::uint64_t i = 0; i < 15; ++i) {
        const bool begun = std::filesystem::exists(run.out + "/checkpoint.safetensors");
        Process process("train_mlm", begun ? run.resume("2") : run.start(), without_gnuplot);
        std::this_thread::sleep_for(std::chrono::milliseconds(2 + random.below(i, 60)));
        process.kill(SIGKILL);
    }
    const bool begun = std::filesystem::exists(run.out + "/checkpoint.safetensors");
    const Result result = train(begun ? run.resume("2") : run.start());
    CAPTURE(result.err);
    CHECK(result.status == 0);
    run.check_equals_whole();
}

TEST_CASE("programs stop: signals, once or often, end a run after saving, with their status") {
    Interrupted run;
    for (const auto& [signal, times, status] : {std::tuple{SIGINT, 1, 130},
                                                {SIGINT, 2, 130},
                                                {SIGINT, 5, 130},
                                                {SIGTERM, 3, 143},
                                                {SIGHUP, 2, 129},
                                                {SIGUSR1, 1, 138},
                                                {SIGUSR2, 1, 140},
                                                {SIGXCPU, 1, 152}}) {
        std::filesystem::remove_all(run.out);
        Process process(
            "train_mlm",
            small_model() + Arguments{"--text", run.text, "--out", run.out, "--steps", "100000",
                                      "--eval-every", "1", "--save-every", "0"},
            without_gnuplot);
        REQUIRE(process.wait_for([&] { return run.steps() >= 3; }));
        for (int i = 0; i < times; ++i) {
            process.kill(signal);
            std::this_thread::sleep_for(std::chrono::milliseconds(100 / times));
        }
        CHECK(process.wait().status == status);
        CHECK(std::filesystem::exists(run.out + "/model.safetensors"));
        const std::size_t steps = run.steps();
        CHECK(train({"--resume", "--out", run.out, "--steps", std::to_string(steps + 2),
                     "--eval-every", "0"})
                  .status == 0);
        CHECK(metrics_of(run.out).size() == steps + 2);
    }
}

TEST_CASE("programs stop: stopped before its first step, a run leaves nothing") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(4000000)), out = scratch.path("run");
    Process process("train_mlm",
                    small_run() + Arguments{"--text", text, "--out", out, "--tokenizer", "bpe",
                                            "--vocab", "500"},
                    without_gnuplot);
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    process.kill(SIGINT);
    const Result result = process.wait();
    CHECK((result.status == 130 || result.status == -SIGINT));
    CHECK_FALSE(std::filesystem::exists(out));
}

TEST_CASE(
    "programs stop: stopped while it validates, a run may be resumed for fewer steps than it has "
    "done") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(200000)), out = scratch.path("run");
    const auto pending = [&] {
        const TensorFile checkpoint = load_safetensors(out + "/checkpoint.safetensors");
        const std::string& state = checkpoint.metadata.at("state");
        return contains(state, "grad_norm") && !contains(state, "val_loss");
    };
    const Arguments start = with_defaults({"--batch", "1"}, small_model()) +
                            Arguments{"--text", text, "--out", out, "--steps", "100000"} +
                            Arguments{"--eval-every", "1"};
    for (int i = 0; i < 20; ++i) {
        std::filesystem::remove_all(out);
        Process process("train_mlm", start, without_gnuplot);
        REQUIRE(process.wait_for(
            [&] { return contains(file_contents(out + "/metrics.jsonl"), "\"step\":3"); }));
        // A step is written before its sample is drawn.
        std::this_thread::sleep_for(std::chrono::milliseconds(5 * i));
        process.kill(SIGINT);
        REQUIRE(process.wait().status == 130);
        if (pending()) break;
    }
    REQUIRE(pending());
    CHECK(train({"--resume", "--out", out, "--steps", "1"}).status == 0);
    CHECK_FALSE(pending());
    for (const auto& step : metrics_of(out)) CHECK(step.contains("val_loss"));
}

// A pipe that nobody reads fills up. Progress is then waited for, but not for ever.
TEST_CASE("programs stop: a full stdout does not keep a run from stopping") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(20000)), out = scratch.path("run");
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const std::string full(1 << 20, 'x');
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    while (write(ends[1], full.data(), full.size()) > 0) {
    }
    while (write(ends[1], full.data(), 1) > 0) {
    }
    std::string room(8 * 4096, ' ');  // for eight lines: until the first step has its own
    REQUIRE(read(ends[0], room.data(), room.size()) == static_cast<ssize_t>(room.size()));
    fcntl(ends[1], F_SETFL, 0);
    Process process("train_mlm",
                    small_model() + Arguments{"--text", text, "--out", out, "--steps", "100000",
                                              "--eval-every", "1"},
                    [&] {
                        without_gnuplot();
                        dup2(ends[1], STDOUT_FILENO);
                    });
    REQUIRE(
        process.wait_for([&] { return file_contents(out + "/metrics.jsonl").ends_with("}\n"); }));
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    process.kill(SIGTERM);
    CHECK(process.wait().status == 143);
    CHECK(std::filesystem::exists(out + "/model.safetensors"));
    close(ends[0]);
    close(ends[1]);
}

TEST_CASE("programs stop: a closed stdout ends no run") {
    Interrupted run;
    const Result result = taper::tests::run("train_mlm", run.start(), [] {
        without_gnuplot();
        without_reader();
    });
    CHECK(result.status == 0);
    run.check_equals_whole();
}

TEST_CASE(
    "programs stop: a resumed run may be given more steps, and says when there is nothing to do") {
    Interrupted run;
    CHECK(train(run.start()).status == 0);
    const Result none = train(run.resume("1"));
    CHECK(none.status == 0);
    CHECK(contains(none.out, "nothing to do"));
    run.check_equals_whole();
    const Result more = train(run.resume("1") + Arguments{"--steps", "44"});
    CHECK(more.status == 0);
    CHECK(contains(more.out, "now follows 44 steps, before 40"));
    CHECK(metrics_of(run.out).size() == 44);
}

TEST_CASE("programs stop: a signal while evaluate writes leaves nothing beside its file") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(3000)), model = scratch.path("model");
    REQUIRE(
        train(small_model() + Arguments{"--text", text, "--out", model, "--steps", "1"}).status ==
        0);
    const std::string in = scratch.path("in"), results = scratch.path("results");
    save_safetensors(in, {.tensors = {{"tokens", full<std::int64_t>({4096, 32}, 1)}}});
    std::filesystem::create_directory(results);
    for (const int signal : {SIGTERM, SIGINT, SIGTERM}) {
        Process process("evaluate",
                        {"--model", model, "--tokens", in, "--out", results + "/out", "--double"});
        process.wait_for([&] { return !std::filesystem::is_empty(results); });  // 27 MB, then fsync
        process.kill(signal);
        const int status = process.wait().status;
        const bool done = status == 0;  // the machine was faster
        CHECK((done || status == 128 + signal));
        CHECK(std::filesystem::exists(results + "/out") == done);
        CHECK(directory_contents(results).size() == (done ? 1 : 0));
        std::filesystem::remove(results + "/out");
    }
}

TEST_CASE(
    "programs stop: a run that goes on to a new end, and is killed before it saves, goes on to "
    "that end") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(3000)), out = scratch.path("run");
    REQUIRE(train(small_model() + Arguments{"--text", text, "--out", out, "--steps", "3"}).status ==
            0);
    Process process(
        "train_mlm",
        {"--resume", "--out", out, "--steps", "100000", "--save-every", "0", "--eval-every", "0"},
        without_gnuplot);
    REQUIRE(process.wait_for(
        [&] { return contains(file_contents(out + "/metrics.jsonl"), "\"step\":9"); }));
    process.kill(SIGKILL);
    process.wait();
    const TensorFile checkpoint = load_safetensors(out + "/checkpoint.safetensors");
    const auto options = nlohmann::json::parse(checkpoint.metadata.at("options"));
    CHECK(options.at("--steps") == 100000);
    CHECK(options.at("--save-every") == 0);
    CHECK(contains(checkpoint.metadata.at("state"), "\"step\":3"));
}

TEST_CASE("programs stop: threads are the machine's unless somebody chose them, then or now") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(3000)), out = scratch.path("run");
    const Arguments model{"--length", "8", "--k",      "4", "--width", "8",
                          "--heads",  "1", "--layers", "1", "--batch", "2"};
    const auto stored = [&] {
        const auto options = nlohmann::json::parse(
            load_safetensors(out + "/checkpoint.safetensors").metadata.at("options"));
        return options.value("--threads", 0);
    };
    REQUIRE(train(model + Arguments{"--text", text, "--out", out, "--steps", "1"}).status == 0);
    CHECK(stored() == 0);
    CHECK(train({"--resume", "--out", out, "--steps", "2"}).status == 0);
    CHECK(stored() == 0);
    CHECK(train({"--resume", "--out", out, "--steps", "3", "--threads", "2"}).status == 0);
    CHECK(stored() == 2);
    CHECK(train({"--resume", "--out", out, "--steps", "4"}).status == 0);
    CHECK(stored() == 2);
}

TEST_CASE("programs stop: a gnuplot that does not end holds up no run that is to stop") {
    const FakeGnuplot gnuplot("exec sleep 100000");
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(3000)), out = scratch.path("run");
    Process process("train_mlm", small_model() +
                                     Arguments{"--text", text, "--out", out, "--steps", "100000"} +
                                     Arguments{"--save-every", "1", "--eval-every", "0"});
    REQUIRE(process.wait_for([&] { return std::filesystem::exists(out + "/model.safetensors"); }));
    process.kill(SIGINT);
    const auto stopped = std::chrono::steady_clock::now();
    CHECK(process.wait().status == 130);
    // Where nothing is to stop, a picture may take a minute.
    CHECK(std::chrono::steady_clock::now() - stopped < std::chrono::seconds(45));
}
