// What is shown of a long run: lines that fit, text that is broken at spaces, numbers that do not
// jump.
#include "examples/common/progress.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <string>

#include "examples/common/nearest.hpp"
#include "examples/common/text.hpp"
#include "tests/support/process.hpp"

using namespace taper::examples;
using taper::tests::run;

namespace {

Standing half_way() {
    return {.step = 1350,
            .steps = 3000,
            .loss = 2.3131,
            .validation = 2.4012,
            .tokens_per_second = 17776.4,
            .elapsed = 754,
            .left = 900,
            .validating = false};
}

}  // namespace

TEST_CASE("progress: the line in place leaves out what is less important, and cuts no part") {
    const Standing run = half_way();
    CHECK(progress_line(run, 77) ==
          "45% [####......] 1350/3000 loss 2.313 val 2.401 17776 tok/s 12:34, 15:00 left");
    CHECK(progress_line(run, 67) ==
          "45% 1350/3000 loss 2.313 val 2.401 17776 tok/s 12:34, 15:00 left");
    CHECK(progress_line(run, 57) == "45% 1350/3000 loss 2.313 val 2.401 17776 tok/s 15:00 left");
    CHECK(progress_line(run, 39) == "45% 1350/3000 loss 2.313 15:00 left");
    CHECK(progress_line(run, 31) == "1350/3000 loss 2.313 15:00 left");
    CHECK(progress_line(run, 20) == "1350/3000 loss 2.313");
    CHECK(progress_line(run, 9) == "1350/3000");
    CHECK(progress_line(run, 8).empty());
    for (std::size_t width = 0; width < 200; ++width)
        CHECK(progress_line(run, width).size() <= width);
    CHECK(progress_line(run, 200).find(" [#########...........] ") != std::string::npos);
}

TEST_CASE("progress: what is not known is not shown, and the bar is full at the end alone") {
    Standing run{.step = 0,
                 .steps = 10,
                 .loss = {},
                 .validation = {},
                 .tokens_per_second = {},
                 .elapsed = 0,
                 .left = {},
                 .validating = false};
    CHECK(progress_line(run, 40) == "0% [....................] 0/10 0:00");
    run.validating = true;
    CHECK(progress_line(run, 20) == "0% 0/10 validating");
    run.validating = false;
    run.step = 9;
    CHECK(progress_line(run, 30).find(".] 9/10") != std::string::npos);
    run.step = 10;
    CHECK(progress_line(run, 40) == "100% [####################] 10/10 0:00");
    run.loss = 1e30;
    CHECK(progress_line(run, 60).find("loss 1e+30 ") != std::string::npos);
}

TEST_CASE("progress: the line that is kept holds both losses also where it is narrow") {
    const Standing run = half_way();
    CHECK(report_line(run, any_width) ==
          "step 1350/3000  loss 2.3131  validation 2.4012  17776 tokens/s  12:34 elapsed  15:00 "
          "left");
    CHECK(report_line(run, 79) ==
          "step 1350/3000  loss 2.3131  validation 2.4012  12:34 elapsed  15:00 left");
    CHECK(report_line(run, 60) == "step 1350/3000  loss 2.3131  validation 2.4012  15:00 left");
    CHECK(report_line(run, 59) == "step 1350  loss 2.3131  val 2.4012  15:00 left");
    CHECK(report_line(run, 39) == "step 1350  loss 2.3131  val 2.4012");
    for (std::size_t width = 0; width < 200; ++width)
        CHECK(report_line(run, width).size() <= width);
}

TEST_CASE("progress: text is broken at spaces alone, and keeps its indentation") {
    CHECK(wrapped("one two three four", 9) == "one two\nthree\nfour");
    CHECK(wrapped("  one two three\n  four\n", 9) == "  one two\n  three\n  four\n");
    CHECK(wrapped("one/long/path and more", 8) == "one/long/path\nand more");
    CHECK(wrapped("   ", 2) == "   ");
    CHECK(wrapped("\n\n", 2) == "\n\n");
    CHECK(wrapped("exactly nine", 12) == "exactly nine");
    // two columns a character
    CHECK(wrapped("\u4E2D\u6587 \u4E2D\u6587", 8) == "\u4E2D\u6587\n\u4E2D\u6587");
    CHECK(wrapped("e\u0301e\u0301 e\u0301e\u0301", 5) == "e\u0301e\u0301 e\u0301e\u0301");
}

TEST_CASE(
    "progress: deep indentation leaves half of the width to the text, and a tab is as wide as a "
    "terminal shows it") {
    CHECK(wrapped("          one two three", 12) == "      one\n      two\n      three");
    CHECK(wrapped("          one", 13) == "          one");
    CHECK(wrapped("\tone two", 40) == "        one two");
    CHECK(wrapped("a\tb\tc", 9) == "a       b\nc");
    CHECK(wrapped("\u4E2D\tb", 9) == "\u4E2D      b");
    CHECK(wrapped("\tone\ttwo\n\tthree", 12) == "      one\n      two\n      three");
    for (std::size_t indentation = 0; indentation < 100; ++indentation)
        for (std::size_t width = 8; width < 60; ++width) {
            const std::string text =
                wrapped(std::string(indentation, ' ') + "one\ttwo four six", width);
            CHECK(text.find('\t') == std::string::npos);
            std::istringstream lines(text);
            for (std::string line; std::getline(lines, line);) CHECK(columns_of(line) <= width);
        }
}

TEST_CASE("progress: times, numbers and words of a shell") {
    CHECK(clock_text(0) == "0:00");
    CHECK(clock_text(59.9) == "0:59");
    CHECK(clock_text(754) == "12:34");
    CHECK(clock_text(3600) == "1:00:00");
    CHECK(clock_text(359999) == "99:59:59");
    CHECK(clock_text(-1) == "0:00");
    CHECK(grouped(0) == "0");
    CHECK(grouped(999) == "999");
    CHECK(grouped(1000) == "1,000");
    CHECK(grouped(1234567) == "1,234,567");
    CHECK(fixed(2.31311, 3) == "2.313");
    CHECK(fixed(-0.5, 1) == "-0.5");
    CHECK(fixed(1234567, 3) == "1.235e+06");
    CHECK(shell_quoted("runs/a-1.x") == "runs/a-1.x");
    CHECK(shell_quoted("a b") == "'a b'");
    CHECK(shell_quoted("it's") == "'it'\\''s'");
    CHECK(shell_quoted("~") == "'~'");
    CHECK(shell_quoted("").size() == 2);
}

TEST_CASE(
    "progress: a word of a shell that a terminal would obey is spelled, and is the same word to "
    "the shell") {
    CHECK(shell_quoted("new\nline") == "$'new\\nline'");
    CHECK(shell_quoted("it's \x1b[31mred\\") == "$'it\\'s \\033[31mred\\\\'");
    CHECK(shell_quoted("\u202Egpj") == "$'\\342\\200\\256gpj'");
    CHECK(shell_quoted("\xFF" + std::string("1")) == "$'\\3771'");
    CHECK(shell_quoted("a\\b \u05D0") == "'a\\b \u05D0'");
    std::string every_byte;
    for (int byte = 1; byte < 256; ++byte) every_byte += static_cast<char>(byte);
    const std::string digit_behind_a_byte = "\x01" + std::string("7");
    for (const std::string& word :
         {every_byte, digit_behind_a_byte, std::string("\u2066\u2069'\\n")}) {
        const std::string command = "printf %s " + shell_quoted(word);
        CHECK(readable(command) == command);
        CHECK(run("/bin/bash", {"-c", command}).out == word);
    }
}

TEST_CASE("progress: what is still to come is counted as the loop will do it") {
    for (const std::uint64_t every : {0u, 1u, 3u, 7u, 10u, 11u, 100u})
        for (std::uint64_t step = 0; step <= 10; ++step) {
            std::uint64_t times = 0;
            for (std::uint64_t later = step + 1; later <= 10; ++later)
                times += later == 10 || (every > 0 && later % every == 0);
            CHECK(times_due(step, 10, every) == times);
        }
    CHECK(times_due(11, 10, 1) == 0);
}

TEST_CASE("progress: loss and speed are those of the last steps, not of one") {
    Recent recent;
    recent.add(3, 100, 0.1);
    CHECK(recent.loss() == doctest::Approx(3));
    CHECK(recent.tokens_per_second() == doctest::Approx(1000));
    for (int i = 0; i < 20; ++i) recent.add(i % 2 ? 1 : 2, 100, 0.1);
    CHECK(recent.loss() == doctest::Approx(1.5));
    recent.add(1.5, 100, 1e-3);  // a single fast step: 10^5 tokens/s
    CHECK(recent.tokens_per_second() < 1100);
    for (int i = 0; i < 100; ++i) recent.add(1, 50, 1);  // slower for a long time
    CHECK(recent.tokens_per_second() == doctest::Approx(50).epsilon(1e-3));
    Average average;
    CHECK(average.mean_or(7) == 7);
    average.add(1);
    average.add(2);
    CHECK(average.mean_or(7) == 1.5);
}

TEST_CASE("progress: what a step takes is not what it took while the program was stopped") {
    Average steps, validations;
    for (int i = 0; i < 100; ++i) steps.add(i % 2 ? 0.1 : 0.2);
    steps.add(3600);
    CHECK(steps.mean_or(0) <= 0.2);
    CHECK(steps.mean_or(0) >= 0.1);
    for (const double seconds : {3600.0, 1.0}) validations.add(seconds);
    CHECK(validations.mean_or(0) <= 10);
    for (int i = 0; i < 1000; ++i) steps.add(5);  // slower for a long time
    CHECK(steps.mean_or(0) == 5);
    Recent recent;
    for (int i = 0; i < 100; ++i) recent.add(1, 100, 0.1);
    recent.add(1, 100, 3600);
    CHECK(recent.tokens_per_second() > 500);
}

TEST_CASE(
    "progress: on a terminal control characters are spelled, newlines are kept, characters are "
    "whole") {
    CHECK(readable("a\tb\nc\x1b[2J\r\x07\xFF\u00E9", "  ") ==
          "a\tb\n  c\\x1B[2J\\r\\x07\\xFF\u00E9");
    CHECK(readable("").empty());
    CHECK(unfinished_bytes("") == 0);
    CHECK(unfinished_bytes("a\u20AC") == 0);
    CHECK(unfinished_bytes("a\xE2\x82") == 2);
    CHECK(unfinished_bytes("a\xE2") == 1);
    CHECK(unfinished_bytes("\xF0\x9F\x92") == 3);
    CHECK(unfinished_bytes("\x82\x82\x82\x82") == 0);
    CHECK(unfinished_bytes("\xFF") == 0);
}

TEST_CASE("progress: what was meant by a word that is none") {
    const std::vector<std::string> words{"--steps", "--step-size", "--eval-every", "--lr", "--k"};
    CHECK(did_you_mean("--step", words) == ": did you mean --steps?");
    CHECK(did_you_mean("--stpes", words) == ": did you mean --steps?");
    CHECK(did_you_mean("--eval", words) == ": did you mean --eval-every?");
    CHECK(did_you_mean("--ir", words) == ": did you mean --lr?");
    CHECK(did_you_mean("--completely-different", words).empty());
    CHECK(did_you_mean("", words).empty());
    CHECK(did_you_mean("chr", {"char", "byte", "bpe"}) == ": did you mean char?");
    CHECK(did_you_mean("word", {"char", "byte", "bpe"}).empty());
}
