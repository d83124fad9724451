// train_classifier as the tests call it, and documents for it.
#pragma once

#include "tests/support/programs.hpp"

namespace taper::tests {

using ClassNames = std::vector<std::string>;

inline Result train_classifier(const Arguments& arguments) {
    return run("train_classifier", arguments, without_gnuplot);
}

inline Arguments small_classifier() {
    return {"--length", "32", "--k",      "8", "--width", "16",
            "--heads",  "2",  "--layers", "1", "--batch", "8"};
}
inline Arguments short_classifier_run() {
    return small_classifier() + Arguments{"--steps", "20", "--threads", "1"};
}

// Each line is of the next of these classes, of 2 to 8 words. Half of them are of that class alone.
inline std::string lines_of(const ClassNames& classes, std::size_t count,
                            const char* stream = "lines") {
    const Random random(0, stream);
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string& label = classes[i % classes.size()];
        text += label + "\t";
        const std::uint64_t pairs = 1 + random.below(100 * i, 4);
        for (std::uint64_t pair = 1; pair <= pairs; ++pair) {
            const std::uint64_t n = random.below(100 * i + pair, 10);
            text += "w" + std::to_string(n) + " " + label + std::to_string(n % 3) + " ";
        }
        text += "\n";
    }
    return text;
}

inline nlohmann::json results_of(const std::string& directory) {
    return nlohmann::json::parse(file_contents(directory + "/results.json"));
}

struct ClassifierData {
    Scratch scratch;
    std::string train, test;
    std::string out = scratch.path("run");

    explicit ClassifierData(const ClassNames& classes = {"a", "b", "c"}, std::size_t count = 300)
        : train(scratch.file("train.tsv", lines_of(classes, count))),
          test(scratch.file("test.tsv", lines_of(classes, 60, "test"))) {}

    Arguments paths() const { return {"--train", train, "--test", test, "--out", out}; }
    void refused(const std::string& bytes, const Arguments& words) const {
        const std::string path = scratch.file("faulty.tsv", bytes);
        check_refused(
            train_classifier(short_classifier_run() + Arguments{"--train", path, "--out", out}),
            words);
        CHECK_FALSE(std::filesystem::exists(out));
    }
};

}  // namespace taper::tests
