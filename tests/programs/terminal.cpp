// The programs in a terminal, and where their reader has left.
#include "tests/support/terminal.hpp"

#include <chrono>

#include "tests/support/pattern.hpp"
#include "tests/support/programs.hpp"

using namespace taper;
using namespace taper::tests;
using namespace taper::examples;

namespace {

// A causal model that a test trains.
struct LanguageModel {
    Scratch scratch;
    std::string text = scratch.file("text.txt", prose(20000));
    std::string out = scratch.path("run");

    Arguments start(const std::string& steps, const Arguments& more = {}) const {
        return small_model() +
               Arguments{"--text", text, "--out", out, "--steps", steps, "--threads", "1"} + more;
    }
    void train_as(const std::string& tokenizer) const {
        const Arguments options{"--tokenizer", tokenizer, "--warmup", "1"};
        REQUIRE(train_lm(start("2", options)).status == 0);
    }
};

// The number of the lines that match.
std::size_t count_of(const std::vector<std::string>& lines, const std::string& expression) {
    const Pattern pattern(expression);
    return static_cast<std::size_t>(std::count_if(
        lines.begin(), lines.end(), [&](const auto& line) { return pattern.matches(line); }));
}

std::size_t longest(const std::vector<std::string>& lines) {
    std::size_t columns = 0;
    for (const std::string& line : lines) columns = std::max(columns, columns_of(line));
    return columns;
}

const std::string number_pattern = "[0-9]+\\.[0-9]+";
const std::string time_pattern = "[0-9]+:[0-9]{2}";

}  // namespace

TEST_CASE(
    "programs terminal: in a terminal a run is one line that is rewritten, and a line and a sample "
    "a validation") {
    for (const std::size_t columns : {80u, 40u}) {
        CAPTURE(columns);
        const LanguageModel model;
        Terminal terminal(columns, 24);
        const Arguments text_of_words{"--tokenizer", "bpe",          "--vocab",
                                      "260",         "--eval-every", "200"};
        CHECK(terminal.run("train_lm", model.start("600", text_of_words)) == 0);
        CAPTURE(terminal.bytes);
        const auto seen = lines_seen(terminal.bytes), in_place = lines_in_place(terminal.bytes);
        CHECK(longest(in_place) < columns);
        REQUIRE(in_place.size() >= 4);
        CHECK(in_place[0] == progress_line({.step = 0,
                                            .steps = 600,
                                            .loss = {},
                                            .validation = {},
                                            .tokens_per_second = {},
                                            .elapsed = 0,
                                            .left = {},
                                            .validating = false},
                                           columns - 1));
        if (columns == 80) {
            CHECK(count_of(in_place, "[0-9]+% \\[#*\\.*\\] [0-9]+/600 loss " + number_pattern +
                                         " val " + number_pattern + " [0-9]+ tok/s " +
                                         time_pattern + ", " + time_pattern + " left") > 0);
            CHECK(count_of(seen, "step [246]00/600  loss " + number_pattern + "  validation " +
                                     number_pattern + "  .* left") == 3);
        } else {
            const std::string bar = "(\\[#*\\.*\\] )?", share = "[0-9]+% ";
            const std::string learning =
                share + bar + "[0-9]+/600 loss " + number_pattern + " " + time_pattern + " left";
            const std::string known_form =
                share + bar + "0/600 0:00|" + learning + "|.* validating .*left";
            CHECK(count_of(in_place, known_form) == in_place.size());
            CHECK(count_of(seen, "step [246]00  loss " + number_pattern + "  val " +
                                     number_pattern) == 3);
        }
        CHECK(count_of(seen, ".*\\[#*\\.*\\] [0-9]+/.*") == 0);  // the line has made room
        CHECK(count_of(seen, "[0-9,]+ parameters") == 1);
        CHECK(count_of(seen, "[0-9,]+ tokens train, .*") == 1);
        CHECK(count_of(seen, "600 steps of .*") == 1);
        CHECK(count_of(seen, "best validation loss: .*") == 1);
        CHECK(count_of(seen, "  .*generate --model " + model.out + " --prompt .*") == 1);
        std::vector<std::string> broken_at_spaces;
        for (const std::string& line : seen)
            if (line.find('/') == std::string::npos) broken_at_spaces.push_back(line);
        CHECK(longest(broken_at_spaces) <= columns);
        CHECK_FALSE(contains(terminal.bytes, "\\n"));
    }
}

TEST_CASE("programs terminal: the command in the last line of a run works as it is typed") {
    const LanguageModel model;
    const std::string out = model.scratch.path("it's a run");
    for (const char* program : {"train_lm", "train_mlm"}) {
        const Result result =
            run(program, model.start("1") + Arguments{"--tokenizer", "byte"}, without_gnuplot);
        std::filesystem::remove_all(model.out);
        REQUIRE(result.status == 0);
        const std::string command = last_line(result.out);
        REQUIRE(run(program,
                    small_model() + Arguments{"--text", model.text, "--out", out, "--steps", "1"},
                    without_gnuplot)
                    .status == 0);
        const Result last = run(program, {"--resume", "--out", out}, without_gnuplot);
        const std::string last_command = last_line(last.out);
        const std::string quiet = last_command.substr(0, last_command.size() - 1) + " > /dev/null";
        CHECK(std::system(quiet.c_str()) == 0);
        CHECK(contains(command, model.out));
        std::filesystem::remove_all(out);
    }
}

TEST_CASE(
    "programs terminal: the command in the last line of a run works, whatever the text begins "
    "with") {
    const Scratch scratch;
    const Arguments small{"--length", "16", "--k",     "2", "--width", "32", "--heads",  "2",
                          "--layers", "1",  "--batch", "4", "--steps", "2",  "--warmup", "1"};
    const auto repeated = [](const std::string& part) {
        std::string text;
        while (text.size() < 600) text += part;
        return text;
    };
    // A tab is spelled $'\011', which not every sh reads.
    const std::vector<std::pair<std::string, std::string>> texts{
        {"xx  yyyyyy", "/bin/sh"}, {" ", "/bin/sh"}, {"\t", "/bin/bash"}, {"\n\t", "/bin/bash"}};
    for (const char* program : {"train_lm", "train_mlm"})
        for (const auto& [part, shell] : texts) {
            const std::string text = scratch.file("text.txt", repeated(part));
            const std::string out = scratch.path("run");
            std::filesystem::remove_all(out);
            const Result result =
                run(program, small + Arguments{"--text", text, "--out", out}, without_gnuplot);
            REQUIRE(result.status == 0);
            const std::string last = last_line(result.out);
            CAPTURE(last);
            CHECK(run(shell, {"-c", last}).err.empty());
            CHECK(run(shell, {"-c", last}).status == 0);
            if (part == texts[0].first) CHECK(contains(last, "yy"));
        }
}

TEST_CASE(
    "programs terminal: a path that a terminal would obey is spelled, and the command with it "
    "works as it is typed") {
    const LanguageModel model;
    const std::string text = model.scratch.file("t\x1b[31m.txt", prose(20000));
    const std::string out = model.scratch.path("new\nline\u202Ered\xFF");
    const Arguments options{"--text", text, "--out", out, "--steps", "1", "--warmup", "1"};
    const auto readable_lines = [](const std::string& said) {
        CHECK(readable(said) == said);
        CHECK_FALSE(contains(said, "\nline"));
        return said;
    };
    const Result first = train_lm(small_model() + options);
    REQUIRE(first.status == 0);
    const std::string said = readable_lines(first.out);
    CHECK(said.starts_with("reading " + escaped(text) + "\n"));
    CHECK(contains(said, "done: the model is in " + escaped(out) + "\n"));
    CHECK(run("/bin/bash", {"-c", last_line(said)}).status == 0);
    std::filesystem::resize_file(out + "/metrics.jsonl", 0);
    const Result more = train_lm({"--resume", "--out", out, "--steps", "2"});
    CHECK(contains(readable_lines(more.out), escaped(out) + "/metrics.jsonl: of the 1 steps"));
    CHECK(contains(readable_lines(train_lm({"--resume", "--out", out}).out), "nothing to do"));
}

TEST_CASE("programs terminal: a terminal is asked for its width again and again") {
    const LanguageModel model;
    Terminal terminal(100, 24);
    std::size_t bytes_when_wide = 0;
    const auto narrow_then_stop = [&](const std::string& bytes) {
        if (bytes_when_wide == 0 && lines_in_place(bytes).size() >= 3) {
            terminal.resize(40, 10);
            bytes_when_wide = bytes.size();
        }
        if (bytes_when_wide > 0 && lines_in_place(bytes.substr(bytes_when_wide)).size() == 4)
            terminal.type("\x03");
    };
    const Arguments start = model.start("100000", {"--eval-every", "0"});
    CHECK(terminal.run("train_lm", start, narrow_then_stop) == 130);
    auto narrow = lines_in_place(terminal.bytes.substr(bytes_when_wide));
    REQUIRE(narrow.size() >= 4);
    narrow.erase(narrow.begin());  // was on its way
    CHECK(longest(lines_in_place(terminal.bytes.substr(0, bytes_when_wide))) > 40);
    CHECK(longest(narrow) < 40);
}

TEST_CASE(
    "programs terminal: stopped from the keyboard, a run leaves its last line, and says how it "
    "goes on") {
    const LanguageModel model;
    Terminal terminal(80, 24);
    bool typed = false;
    // Without a save before: it says once that there is no gnuplot, in the place of the line.
    const Arguments options{"--eval-every", "0", "--save-every", "0"};
    const auto stop_once = [&](const std::string& bytes) {
        if (typed || !contains(bytes, "/100000 loss ")) return;
        typed = true;
        terminal.type("\x03");
    };
    CHECK(terminal.run("train_lm", model.start("100000", options), stop_once) == 130);
    const auto seen = lines_seen(terminal.bytes);
    CHECK(count_of(seen, "[0-9]+% .*/100000 loss .*") == 1);
    CHECK(count_of(seen, "stopped after step [0-9,]+") == 1);
    CHECK(count_of(seen, "  .*train_lm --resume --out " + model.out) == 1);
    CHECK(terminal.bytes.ends_with("\n"));
}

TEST_CASE("programs terminal: an error comes on a line of its own") {
    const LanguageModel model;
    Terminal terminal(80, 24);
    CHECK(terminal.run("train_lm", model.start("1000", {"--lr", "1e30", "--warmup", "0"})) == 3);
    CHECK(count_of(lines_seen(terminal.bytes), "train_lm: step .*") == 1);
    CHECK(terminal.bytes.ends_with("\n"));
}

TEST_CASE(
    "programs terminal: without a terminal, and on one that is dumb, a run writes plain lines") {
    const LanguageModel model;
    const Arguments start = model.start("9", {"--eval-every", "3"});
    const Result piped = train_lm(start);
    CHECK(piped.status == 0);
    CHECK(piped.out.find_first_of("\r\x1b") == std::string::npos);
    std::filesystem::remove_all(model.out);
    Terminal dumb(80, 24);
    const auto nothing = [](const std::string&) {};
    CHECK(dumb.run("train_lm", start, nothing, "dumb") == 0);
    CHECK(dumb.bytes.find('\x1b') == std::string::npos);
    for (const std::string& bytes : {piped.out, dumb.bytes})
        CHECK(count_of(lines_seen(bytes), "step [369]/9  loss " + number_pattern + "  validation " +
                                              number_pattern + "  [0-9]+ tokens/s  " +
                                              time_pattern + " elapsed  " + time_pattern +
                                              " left") == 3);
}

TEST_CASE("programs terminal: a run says at once what it reads, and from where it goes on") {
    const LanguageModel model;
    model.train_as("char");
    const Result more = train_lm({"--resume", "--out", model.out, "--steps", "4"});
    CHECK(more.out.starts_with("reading " + model.text + "\n"));
    CHECK(contains(more.out, "\ngoes on after step 2\n"));
}

TEST_CASE(
    "programs terminal: generate shows people what a terminal can take, and gives programs the "
    "exact bytes") {
    const LanguageModel model;
    model.train_as("byte");
    const Arguments options{"--model",  model.out, "--prompt",      "\u20AC",
                            "--tokens", "300",     "--temperature", "5"};
    const Result exact = run("generate", options);
    REQUIRE(exact.status == 0);
    CHECK(exact.out.size() == 3 + 300 + 1);
    Terminal terminal(80, 24);
    CHECK(terminal.run("generate", options) == 0);
    std::string expected;
    for (const char c : readable(exact.out)) expected += c == '\n' ? "\r\n" : std::string(1, c);
    CHECK(terminal.bytes == expected);
    CHECK(terminal.bytes.find('\x1b') == std::string::npos);
}

TEST_CASE(
    "programs terminal: stopped from the keyboard, generate leaves the prompt a line of its own") {
    const LanguageModel model;
    model.train_as("char");
    Terminal terminal(80, 24);
    bool typed = false;
    const auto stop_once = [&](const std::string& bytes) {
        if (typed || bytes.size() < 20) return;
        typed = true;
        terminal.type("\x03");
    };
    const Arguments endless{"--model", model.out, "--tokens", "1000000000", "--prompt", "the"};
    CHECK(terminal.run("generate", endless, stop_once) == 130);
    CHECK(terminal.bytes.ends_with("\n"));
}

TEST_CASE("programs terminal: where the reader has left, a program ends at once, with status 0") {
    const LanguageModel model;
    model.train_as("char");
    const auto ends = [](const std::string& program, const Arguments& arguments) {
        CAPTURE(program);
        Process process(program, arguments, without_reader);
        const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        REQUIRE_FALSE(process.wait_for([&] { return std::chrono::steady_clock::now() > give_up; }));
        const Result result = process.wait();
        CHECK(result.status == 0);
        CHECK(result.err.empty());
    };
    ends("generate", {"--model", model.out, "--tokens", "1000000000"});
    ends("cost", {"--out", model.scratch.path("cost.svg")});
    ends("bench_step",
         {"--length", "16", "--k", "4", "--width", "16", "--layers", "1", "--steps", "1"});
    for (const char* program : {"train_lm", "train_mlm", "generate", "fill_mask",
                                "train_classifier", "classify", "evaluate", "bench_step", "cost"}) {
        ends(program, {"--help"});
        ends(program, {"--version"});
    }
    CHECK_FALSE(std::filesystem::exists(model.scratch.path("cost.svg")));
}
