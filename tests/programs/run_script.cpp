// examples/run.sh, with stubs in the place of what it installs, builds and runs: where a run is
// written, and what the programs are called with.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include "tests/support/programs.hpp"

using namespace taper::tests;

namespace {

// A copy of the script in a root of its own. The stub of a training program says its arguments, one
// a line; it is refused where one of them is --refused, and waits for a file where one is --wait.
struct Script {
    Scratch scratch;
    std::string root = scratch.path("root");
    std::string runs = root + "/build/runs";
    std::string go_on = scratch.path("go on");

    Script() {
        const std::string bin = root + "/build/release/bin", sources = TAPER_SOURCE_DIR;
        for (const std::string& folder : {root + "/examples", bin, scratch.path("stubs")})
            std::filesystem::create_directories(folder);
        for (const char* file : {"/examples/run.sh", "/examples/setup.sh"})
            std::filesystem::copy_file(sources + file, root + file);
        for (const char* tool : {"cmake", "ninja"})
            program(scratch.path("stubs/") + tool, "exit 0");
        program(scratch.path("stubs/dpkg-query"), "printf installed");
        program(scratch.path("stubs/bible"), "echo 'Gen1:1 In the beginning'");
        for (const char* name : {"generate", "fill_mask"}) program(bin + "/" + name, "exit 0");
        for (const char* name : {"train_lm", "train_mlm"})
            program(bin + "/" + name, "echo " + std::string(name) + R"(
                wait=
                for argument; do
                    echo "$argument"
                    [ "${option:-}" != --out ] || out=$argument
                    [ "$argument" != --refused ] || exit 2
                    [ "$argument" != --wait ] || wait=yes
                    option=$argument
                done
                while [ -n "$wait" ] && [ ! -e ")" +
                                          go_on +
                                          R"(" ]; do sleep 0.01; done
                mkdir -p "$out" && echo checkpoint >"$out/checkpoint.safetensors")");
    }
    static void program(const std::string& path, const std::string& commands) {
        std::ofstream(path) << "#!/bin/sh\n" + commands + "\n";
        std::filesystem::permissions(path, std::filesystem::perms(0755));
    }

    Process start(const Arguments& arguments) const {
        return Process("/bin/sh", Arguments{root + "/examples/run.sh"} + arguments, [this] {
            setenv("PATH", (scratch.path("stubs") + ":/usr/bin:/bin").c_str(), 1);
        });
    }
    // What the training program was called with, its name first.
    Arguments call(const Arguments& arguments, int status = 0) const {
        const Result result = start(arguments).wait();
        CAPTURE(result.err);
        CHECK(result.status == status);
        Arguments words;
        std::istringstream lines(result.out);
        for (std::string line; std::getline(lines, line);) words.push_back(line);
        return words;
    }
    // Holds a run, as far as the script can tell.
    void make_run(const std::string& number) const {
        std::filesystem::create_directories(runs + "/" + number);
        std::ofstream(runs + "/" + number + "/checkpoint.safetensors") << "checkpoint\n";
    }
};

// The values that are given for an option.
Arguments values_of(const Arguments& words, const std::string& option) {
    Arguments values;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i].starts_with(option + "="))
            values.push_back(words[i].substr(option.size() + 1));
        if (words[i] == option && i + 1 < words.size()) values.push_back(words[i + 1]);
    }
    return values;
}
std::string value_of(const Arguments& words, const std::string& option) {
    const Arguments values = values_of(words, option);
    REQUIRE(values.size() == 1);
    return values[0];
}

}  // namespace

TEST_CASE("run.sh: each run has a new directory, and 10 follows 9") {
    const Script script;
    const Arguments first = script.call({});
    CHECK(first.at(0) == "train_lm");
    CHECK(value_of(first, "--out") == script.runs + "/1");
    CHECK(value_of(first, "--text") == script.root + "/build/bible.txt");
    CHECK(file_contents(script.root + "/build/bible.txt") == "Gen1:1 In the beginning\n");
    CHECK(value_of(script.call({}), "--out") == script.runs + "/2");
    for (const char* number : {"9", "notes", "08"}) script.make_run(number);
    CHECK(value_of(script.call({}), "--out") == script.runs + "/10");
    CHECK(value_of(script.call({"fill"}), "--out") == script.runs + "/11");
    CHECK(value_of(script.call({"--out", "mine"}), "--out") == "mine");
    std::filesystem::remove_all("mine");
}

TEST_CASE("run.sh: two that begin at once have two directories") {
    const Script script;
    script.make_run("1");
    Process one = script.start({"--wait"}), other = script.start({"--wait"});
    std::this_thread::sleep_for(std::chrono::milliseconds(500));  // both have chosen
    std::ofstream(script.go_on) << "now";
    for (Process* process : {&one, &other}) {
        const Result result = process->wait();
        CAPTURE(result.err);
        CHECK(result.status == 0);
    }
    CHECK(directory_contents(script.runs).size() == 2 * 3);
}

TEST_CASE(
    "run.sh: a run that was refused leaves no directory, and where none can be made the script "
    "ends") {
    const Script script;
    script.call({"--refused"}, 2);
    CHECK(directory_contents(script.runs).empty());
    const std::string mkdir = script.scratch.path("stubs/mkdir");
    Script::program(
        mkdir,
        "[ \"$1\" = -p ] && exec /bin/mkdir \"$@\"; echo \"mkdir: no room: $1\" >&2; exit 1");
    Process process = script.start({});
    process.wait_for([] { return false; });
    REQUIRE_FALSE(process.running());
    check_failed(process.wait(), {"mkdir: no room: " + script.runs + "/1\n"});
}

TEST_CASE("run.sh: --resume goes on with the last run that began") {
    const Script script;
    for (const char* number : {"2", "9", "10"}) script.make_run(number);
    CHECK(script.call({"--resume"}) ==
          Arguments{"train_lm", "--out", script.runs + "/10", "--resume"});
    // a signal ended it while it read its text
    std::filesystem::create_directory(script.runs + "/11");
    const Arguments more = script.call({"--resume", "--steps", "9"});
    CHECK(more == Arguments{"train_lm", "--out", script.runs + "/10", "--resume", "--steps", "9"});
    CHECK(script.call({"--resume", "--out", script.runs + "/2"}).at(3) == script.runs + "/2");
    std::ofstream(script.runs + "/10/tokenizer.json") << R"({"type":"char","mask":true})";
    CHECK(script.call({"--resume"}).at(0) == "train_mlm");
    CHECK(value_of(script.call({}), "--out") == script.runs + "/12");
    const Script none;
    CHECK(value_of(none.call({"--resume"}), "--out") == none.runs + "/1");
}

TEST_CASE("run.sh: the recipe's options are replaced by the user's") {
    const Script script;
    const Arguments recipe = script.call({});
    const std::map<std::string, std::string> recipe_values = {
        {"--steps", "3000"}, {"--tokenizer", "bpe"},  {"--window", "16"},
        {"--lr", "2e-3"},    {"--eval-every", "250"},
    };
    for (const auto& [option, value] : recipe_values) CHECK(value_of(recipe, option) == value);
    CHECK(value_of(script.call({"fill"}), "--steps") == "5000");

    const Arguments words = script.call({"--steps", "7", "--lr=1e-4", "--text", "a b.txt"});
    CHECK(value_of(words, "--steps") == "7");
    CHECK(value_of(words, "--lr") == "1e-4");
    CHECK(value_of(words, "--text") == "a b.txt");
    CHECK(value_of(words, "--width") == value_of(recipe, "--width"));
    const Arguments full = script.call({"--attention", "full"});
    for (const char* option : {"--k", "--window"}) {
        CHECK(values_of(full, option).empty());
        CHECK(values_of(script.call({"--length", "15"}), option).empty());
        CHECK(value_of(script.call({"--length", "16"}), option) == "16");
    }
}
