// What the system does to the programs: full disks, closed and waiting streams, ignored signals,
// two runs in one directory, no gnuplot.
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <map>

#include "core/io/safetensors.hpp"
#include "tests/support/gnuplot.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/sanitized.hpp"

using namespace taper::tests;

namespace {

// The command lines of a run, which starts where a test says so.
struct RunCommands {
    Scratch scratch;
    std::string text = scratch.file("text.txt", prose(5000));
    std::string out = scratch.path("out");

    Arguments start(const std::string& steps, const std::string& save_every = "0") const {
        return small_model() + Arguments{"--text",  text,  "--out",        out,
                                         "--steps", steps, "--save-every", save_every};
    }
    Arguments resume(const Arguments& more = {}) const {
        return Arguments{"--resume", "--out", out} + more;
    }
    std::size_t steps() const { return steps_logged(out); }
};

// A disk of its own, seen by this process and its children alone; only root may.
class SmallDisk {
  public:
    SmallDisk(const std::string& path, const std::string& size) : path_(path) {
        std::filesystem::create_directory(path);
        mounted_ = unshare(CLONE_NEWNS) == 0 &&
                   mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                   mount("tmpfs", path.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
    }
    ~SmallDisk() {
        if (mounted_) umount2(path_.c_str(), MNT_DETACH);
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    bool mounted() const { return mounted_; }

  private:
    std::string path_;
    bool mounted_;
};

// No file may grow beyond this.
std::function<void()> with_files_of(rlim_t bytes) {
    return [bytes] {
        without_gnuplot();
        const rlimit limit{bytes, bytes};
        setrlimit(RLIMIT_FSIZE, &limit);
    };
}

}  // namespace

TEST_CASE(
    "programs system: a file that cannot be written ends a run with status 1 and leaves the last "
    "checkpoint whole") {
    const RunCommands run;
    check_failed(taper::tests::run("train_mlm", run.start("5"), with_files_of(100000)),
                 {run.out + "/checkpoint.safetensors", "File too large"});
    CHECK(directory_contents(run.out).empty());
    REQUIRE(train(run.start("5")).status == 0);

    const std::string checkpoint = file_contents(run.out + "/checkpoint.safetensors");
    check_failed(
        taper::tests::run("train_mlm", run.resume({"--steps", "9"}), with_files_of(100000)),
        {run.out + "/checkpoint.safetensors", "File too large"});
    CHECK(file_contents(run.out + "/checkpoint.safetensors") == checkpoint);
    taper::TensorFile longer = taper::load_safetensors(run.out + "/checkpoint.safetensors");
    auto options = nlohmann::json::parse(longer.metadata.at("options"));
    options["--steps"] = 9;
    longer.metadata["options"] = options.dump();
    longer.metadata.erase("hash");
    taper::save_safetensors(run.out + "/checkpoint.safetensors", longer);
    check_failed(taper::tests::run("train_mlm", run.resume(), with_files_of(1000)),
                 {run.out + "/metrics.jsonl", "File too large"});
    CHECK(directory_contents(run.out).size() == 6);
    CHECK(train(run.resume({"--steps", "9"})).status == 0);
    CHECK(metrics_of(run.out).size() == 9);
}

TEST_CASE(
    "programs system: a full disk ends a run with status 1 and leaves the last checkpoint whole") {
    const Scratch scratch;
    const std::string disk = scratch.path("disk");
    const std::string text = scratch.file("text.txt", prose(5000));
    const std::string out = disk + "/out";
    const SmallDisk small_disk(disk, "1200k");
    if (!small_disk.mounted()) return;
    REQUIRE(train(small_run() + Arguments{"--text", text, "--out", out}).status == 0);
    const std::string checkpoint = file_contents(out + "/checkpoint.safetensors");
    std::ofstream(disk + "/filler") << std::string(1000000, 'x');
    const Result full = train({"--resume", "--out", out, "--steps", "5000"});
    check_failed(full, {out + "/", "No space left on device"});
    CHECK(file_contents(out + "/checkpoint.safetensors") == checkpoint);
    std::filesystem::remove(disk + "/filler");
    CHECK(train({"--resume", "--out", out, "--steps", "50"}).status == 0);
    CHECK(metrics_of(out).size() == 50);
}

TEST_CASE(
    "programs system: an answer that cannot be written is a failure, a reader who has left is "
    "none") {
    const RunCommands run;
    REQUIRE(train(run.start("1")).status == 0);
    const Arguments arguments{"--model", run.out, "--text", "a[MASK]"};
    const auto fill_into = [&](const char* path) {
        return taper::tests::run("fill_mask", arguments,
                                 [path] { dup2(open(path, O_WRONLY), STDOUT_FILENO); });
    };
    check_failed(fill_into("/dev/full"), {"stdout", "No space left on device"});
    CHECK(fill_into("/dev/null").status == 0);
    const Result closed = taper::tests::run("fill_mask", arguments, without_reader);
    CHECK(closed.status == 0);
    CHECK(closed.err.empty());
}

TEST_CASE("programs system: without standard streams, no file of a run gets what belongs there") {
    const RunCommands run, usual;
    const auto closed = [] {
        without_gnuplot();
        for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) close(stream);
    };
    CHECK(
        taper::tests::run("train_mlm", run.start("9", "2") + Arguments{"--eval-every", "2"}, closed)
            .status == 0);
    CHECK(train(usual.start("9", "2") + Arguments{"--eval-every", "2"}).status == 0);
    CHECK(metrics_of(run.out).size() == 9);
    for (const char* file : {"model.safetensors", "samples.txt", "tokenizer.json", "config.json"})
        CHECK(file_contents(run.out + "/" + file) == file_contents(usual.out + "/" + file));
}

TEST_CASE("programs system: only one program at a time writes a run") {
    const RunCommands run;
    Process first("train_mlm", run.start("1000000"), without_gnuplot);
    REQUIRE(first.wait_for([&] { return run.steps() >= 2; }));
    check_refused(train(run.resume({"--steps", "1000001"})),
                  {"--out", "another one is writing " + run.out});
    check_refused(train(run.start("3")), {run.out, "--resume"});
    first.kill(SIGTERM);
    CHECK(first.wait().status == 143);
    const std::size_t steps = run.steps();
    CHECK(metrics_of(run.out).size() == steps);
    CHECK(train(run.resume({"--steps", std::to_string(steps + 1)})).status == 0);
}

// As nohup does it, and a script with what it runs in the background.
TEST_CASE("programs system: a signal that was ignored when a run began stays ignored") {
    const RunCommands run;
    const auto ignored = {SIGHUP, SIGINT, SIGXCPU, SIGUSR1, SIGUSR2};
    Process process("train_mlm", run.start("1000000"), [&] {
        without_gnuplot();
        for (const int signal : ignored) ::signal(signal, SIG_IGN);
    });
    REQUIRE(process.wait_for([&] { return run.steps() >= 2; }));
    for (const int signal : ignored) process.kill(signal);
    const std::size_t steps = run.steps();
    CHECK(process.wait_for([&] { return run.steps() >= steps + 2; }));
    process.kill(SIGTERM);
    CHECK(process.wait().status == 143);
}

TEST_CASE("programs system: a signal ends a program that waits for its text") {
    const Scratch scratch;
    const std::string text = scratch.path("pipe"), started = scratch.path("started");
    REQUIRE(mkfifo(text.c_str(), 0600) == 0);
    for (const auto& [signal, status] : {std::pair{SIGINT, 130}, {SIGTERM, 143}, {SIGHUP, 129}}) {
        Process process("train_mlm",
                        small_run() + Arguments{"--text", text, "--out", scratch.path("out")});
        // Opening the pipe for reading makes opening it for writing possible.
        int writer = -1;
        CHECK(process.wait_for([&] {
            writer = open(text.c_str(), O_WRONLY | O_NONBLOCK);
            return writer >= 0;
        }));
        process.kill(signal);
        CHECK(process.wait().status == status);
        close(writer);
    }
    CHECK(!std::filesystem::exists(scratch.path("out")));
}

TEST_CASE("programs system: what a kill left of the first checkpoint is in nobody's way") {
    const RunCommands run;
    std::filesystem::create_directory(run.out);
    run.scratch.file("out/checkpoint.safetensors.0123456789abcdef.tmp", "half");
    CHECK(train(run.start("2")).status == 0);
    CHECK(directory_contents(run.out).size() == 6);
    for (const char* file : {"model.safetensors", "metrics.jsonl", "checkpoint.safetensors"})
        run.scratch.file(std::string("out/") + file + ".0123456789abcdef.tmp", "half");
    std::filesystem::remove(run.out + "/tokenizer.json");  // the kill came before it
    CHECK(train(run.resume({"--steps", "3"})).status == 0);
    CHECK(directory_contents(run.out).size() == 6);

    const std::string foreign = run.scratch.path("foreign");
    std::filesystem::create_directory(foreign);
    for (const char* name :
         {"checkpoint.safetensors.tmp", "model.safetensors.0123456789abcdef.tmp"}) {
        run.scratch.file(std::string("foreign/") + name, "mine");
        check_refused(train(small_run() + Arguments{"--text", run.text, "--out", foreign}),
                      {foreign});
        CHECK(file_contents(foreign + "/" + name) == "mine");
    }
}

TEST_CASE("programs system: a picture is drawn also where the parent ignores SIGCHLD") {
    const RunCommands run;
    const Result result =
        taper::tests::run("train_mlm", run.start("2"), [] { signal(SIGCHLD, SIG_IGN); });
    CHECK(result.status == 0);
    CHECK(std::filesystem::exists(run.out + "/loss.svg") == gnuplot_is_installed());
}

TEST_CASE("programs system: without gnuplot there is no picture, which is said once") {
    const RunCommands run;
    const Result result = train(run.start("6", "2"));
    CHECK(result.status == 0);
    const std::size_t said = result.out.find("no loss.svg: the program gnuplot");
    CHECK(said != std::string::npos);
    CHECK(result.out.find("no loss.svg", said + 1) == std::string::npos);
    CHECK(!std::filesystem::exists(run.out + "/loss.svg"));
    CHECK_FALSE(contains(result.out, "loss over the steps"));
    run.scratch.file("out/loss.svg", "of a sitting before");
    const Result more = train(run.resume({"--steps", "8"}));
    CHECK(more.status == 0);
    CHECK_FALSE(contains(more.out, "loss over the steps"));
}

TEST_CASE("programs system: a run with nothing to do draws the picture that is missing") {
    const RunCommands run;
    REQUIRE(train(run.start("6")).status == 0);
    const FakeGnuplot gnuplot;
    const Result none = taper::tests::run("train_mlm", run.resume());
    CHECK(none.status == 0);
    CHECK(contains(none.out, "nothing to do"));
    CHECK(contains(none.out, "loss over the steps: " + run.out + "/loss.svg\n"));
    CHECK(contains(none.out, "best validation loss: "));
    CHECK(points_of(file_contents(run.out + "/loss.svg"), 0).size() == 6);
    CHECK(metrics_of(run.out).size() == 6);
}

// A sanitizer takes terabytes of addresses for itself.
#ifndef TAPER_SANITIZED
static std::function<void()> with_memory_of(rlim_t bytes) {
    return [bytes] {
        without_gnuplot();
        const rlimit limit{bytes, bytes};
        setrlimit(RLIMIT_AS, &limit);
    };
}

TEST_CASE(
    "programs system: too little memory for a product ends a program with status 1, and soon") {
    const RunCommands run;
    const std::map<std::string, Arguments> commands{
        {"bench_step", small_model() + Arguments{"--vocab", "30", "--steps", "1"}},
        {"train_mlm", run.start("2")}};
    for (const auto& command : commands) {
        const std::string& program = command.first;
        CAPTURE(program);
        for (const char* threads : {"1", "2"}) {
            Process process(program, command.second + Arguments{"--threads", threads},
                            with_memory_of(256'000'000));
            process.wait_for([] { return false; });
            REQUIRE(!process.running());
            check_failed(process.wait(), {program + ": memory: ", "--batch"});
        }
    }
}

TEST_CASE(
    "programs system: a model that is larger than the memory is refused, by the options that make "
    "it so") {
    const RunCommands run;
    const auto refused = [](const std::string& program, const Arguments& arguments,
                            const Arguments& words) {
        const std::string rule = ": what the model needs must fit into memory: ";
        check_refused(taper::tests::run(program, arguments, with_memory_of(1'000'000'000)),
                      Arguments{rule, " bytes at least, 1,000,000,000 bytes there are\n"} + words);
    };
    const Arguments start{"--text", run.text, "--out", run.out};
    for (const char* program : {"train_mlm", "train_lm"}) {
        refused(program, start + Arguments{"--width", "65536", "--layers", "1000"},
                {": --width, --layers: "});
        refused(program, start + Arguments{"--length", "4096", "--k", "4096", "--layers", "2"},
                {": --k, --length, --layers: "});
    }
    refused("bench_step", {"--width", "16384", "--ffn-width", "1000000"},
            {": --ffn-width, --width: "});
    refused("bench_step", {"--vocab", "1000000", "--width", "1024"},
            {": --vocab, --width: ", " parameters, "});
    refused("bench_step", {"--batch", "1000000", "--length", "1000", "--mode", "forward"},
            {": --batch, --length: "});
    refused("cost", {"--width", "65536", "--tokens", "64", "--out", run.scratch.path("cost.svg")},
            {": --width: "});
    CHECK_FALSE(std::filesystem::exists(run.out));
}
#endif
