// A causal model of characters that train_lm has trained, and what asks it: generate, evaluate.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/io/safetensors.hpp"
#include "tests/support/programs.hpp"

namespace taper::tests {

// small_run(), with these options in the place of its own.
inline Arguments small_run_with(const Arguments& options) {
    return with_defaults(options, small_run());
}

// A causal model of characters, and what is needed to ask it.
struct Trained {
    Scratch scratch;
    std::string text = scratch.file("text.txt", prose(20000));
    std::string model = scratch.path("run");
    std::string in = scratch.path("in");
    std::string out = scratch.path("out");

    explicit Trained(const Arguments& options = {}) {
        const Arguments paths{"--text", text, "--out", model};
        REQUIRE(train_lm(small_run_with(options) + paths).status == 0);
    }
    Result generate(const Arguments& options) {
        return run("generate", Arguments{"--model", model} + options);
    }
    // evaluate on what is to be stored under these names; the status of the program.
    Result evaluate(std::vector<std::pair<std::string, Tensor>> tensors,
                    const Arguments& options = {}) {
        save_safetensors(in, {.tensors = std::move(tensors)});
        std::filesystem::remove(out);
        return run("evaluate", Arguments{"--model", model, "--tokens", in, "--out", out} + options);
    }
    void refused(std::vector<std::pair<std::string, Tensor>> tensors, const Arguments& words) {
        check_refused(evaluate(std::move(tensors)), words);
        CHECK_FALSE(std::filesystem::exists(out));
    }
};

inline Ids ids(const Shape& shape, std::int64_t value) { return Ids(shape, value); }

}  // namespace taper::tests
