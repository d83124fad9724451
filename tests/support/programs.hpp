// What the tests of the programs share: a small model and text, what a run directory holds, and the
// form of a refusal.
#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "core/array/random.hpp"
#include "tests/support/process.hpp"
#include "tests/support/scratch.hpp"

namespace taper::tests {

inline Arguments small_model() {
    return {"--length", "32", "--k",      "8", "--width", "32",
            "--heads",  "2",  "--layers", "2", "--batch", "4"};
}
inline Arguments small_run() {
    return small_model() + Arguments{"--steps", "20", "--threads", "1"};
}

// Lines of words, the same ones every time.
inline std::string prose(std::size_t bytes) {
    const std::vector<std::string> words{"the",   "lamp",  "and",   "a",    "small",  "river",
                                         "goes",  "under", "over",  "its",  "bridge", "when",
                                         "night", "falls", "Quick", "foxes"};
    const Random random(0, "prose");
    std::string text;
    for (std::uint64_t i = 0; text.size() < bytes; ++i) {
        text += words[random.below(2 * i, words.size())];
        text += random.below(2 * i + 1, 8) == 0 ? ".\n" : " ";
    }
    return text.substr(0, bytes);
}

inline std::string file_contents(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

// The files of a directory and what they hold; nothing where there is none.
inline std::map<std::string, std::string> directory_contents(const std::string& directory) {
    std::map<std::string, std::string> files;
    if (std::filesystem::is_directory(directory))
        for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
            files[entry.path().string()] =
                entry.is_regular_file() ? file_contents(entry.path().string()) : "";
    return files;
}

// The lines of metrics.jsonl, each of them strict JSON, in order and none left out.
inline std::vector<nlohmann::json> metrics_of(const std::string& directory) {
    std::vector<nlohmann::json> steps;
    std::ifstream lines(directory + "/metrics.jsonl");
    for (std::string line; std::getline(lines, line);) {
        steps.push_back(nlohmann::json::parse(line));
        CHECK(steps.back().at("step") == steps.size());
    }
    return steps;
}

// How many steps the log of a run has.
inline std::size_t steps_logged(const std::string& directory) {
    const std::string log = file_contents(directory + "/metrics.jsonl");
    return static_cast<std::size_t>(std::count(log.begin(), log.end(), '\n'));
}

// The last line of a text that ends in a newline, with it.
inline std::string last_line(const std::string& text) {
    return text.substr(text.rfind('\n', text.size() - 2) + 1);
}

// These options, and of the usual ones those that are not among them. Each has a value.
inline Arguments with_defaults(const Arguments& options, const Arguments& usual) {
    Arguments all = options;
    for (std::size_t i = 0; i < usual.size(); i += 2)
        if (std::find(options.begin(), options.end(), usual[i]) == options.end())
            all.insert(all.end(), {usual[i], usual[i + 1]});
    return all;
}

inline bool gnuplot_is_installed() { return std::system("command -v gnuplot > /dev/null") == 0; }

// What a program's process does before the program: gnuplot takes longer than a small run.
inline void without_gnuplot() { setenv("PATH", "/nonexistent", 1); }

// The same: stdout is a pipe whose reader has left.
inline void without_reader() {
    int ends[2];
    if (pipe(ends) != 0) return;
    close(ends[0]);
    dup2(ends[1], STDOUT_FILENO);
}

inline Result train(const Arguments& arguments) {
    return run("train_mlm", arguments, without_gnuplot);
}
inline Result train_lm(const Arguments& arguments) {
    return run("train_lm", arguments, without_gnuplot);
}

// This exit status, and one line on stderr that holds all of these words.
inline void check_one_line(const Result& result, int status, const Arguments& words) {
    CAPTURE(result.err);
    CHECK(result.status == status);
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
    CHECK(result.err.ends_with('\n'));
    for (const std::string& word : words) {
        CAPTURE(word);
        CHECK(result.err.find(word) != std::string::npos);
    }
}
inline void check_refused(const Result& result, const Arguments& words) {
    check_one_line(result, 2, words);
}
inline void check_failed(const Result& result, const Arguments& words) {
    check_one_line(result, 1, words);
}

}  // namespace taper::tests
