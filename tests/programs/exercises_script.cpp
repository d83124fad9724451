// examples/exercises/run.sh, with a small project around it that has three exercises, which cmake,
// ninja and the compiler really build: one that is done, one that does not compile, one as it came.
#include <doctest/doctest.h>

#include "tests/support/programs.hpp"

using namespace taper::tests;

namespace {

const std::string sources = TAPER_SOURCE_DIR;
const std::string folder = "examples/exercises/";

// The learner's files are not those of this tree, which may be answers already.
struct Exercises {
    Scratch scratch;
    std::string root = scratch.path("root");

    Exercises() {
        for (const char* name : {"checks", "solutions", "hints"})
            std::filesystem::create_directories(root + "/" + folder + name);
        for (const char* file : {"run.sh", "CMakeLists.txt", "exercise.hpp", "scalar_tape.hpp"})
            copy(folder + file, folder + file);
        copy("examples/setup.sh", "examples/setup.sh");
        copy("CMakePresets.json", "CMakePresets.json");
        for (const std::string name : {"01a_chain_rule", "01b_scalar_op", "02a_backward_loop"}) {
            for (const std::string& part :
                 {"checks/" + name + ".cpp", "solutions/" + name + ".cpp", "hints/" + name + ".md"})
                copy(folder + part, folder + part);
            copy(folder + "solutions/" + name + ".cpp", folder + name + ".cpp");
        }
        std::ofstream(root + "/CMakeLists.txt") << R"(cmake_minimum_required(VERSION 3.22)
            project(taper LANGUAGES CXX)
            set(CMAKE_CXX_STANDARD 20)
            set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
            add_library(taper_warnings INTERFACE)
            file(WRITE ${PROJECT_BINARY_DIR}/taper.cpp "")
            add_library(taper STATIC ${PROJECT_BINARY_DIR}/taper.cpp)
            add_subdirectory(examples/exercises))";
        // Nothing is to be installed here.
        scratch.file("dpkg-query", "#!/bin/sh\nprintf installed\n");
        std::filesystem::permissions(scratch.path("dpkg-query"), std::filesystem::perms(0755));
    }
    void copy(const std::string& from, const std::string& to) const {
        std::filesystem::copy_file(sources + "/" + from, root + "/" + to);
    }
    void write(const std::string& name, const std::string& text) const {
        std::ofstream(root + "/" + folder + name + ".cpp") << text;
    }

    Result run(const Arguments& arguments) const {
        return taper::tests::run("/bin/sh", Arguments{root + "/" + folder + "run.sh"} + arguments,
                                 [this] {
                                     const char* path = std::getenv("PATH");
                                     const std::string found = path ? path : "/usr/bin:/bin";
                                     setenv("PATH", (scratch.path("") + ":" + found).c_str(), 1);
                                 });
    }
};

const std::string open_loop = R"(// Exercise 2a. The loop
#include <cstddef>
#include <vector>
std::vector<double> backward(const std::vector<std::vector<std::size_t>>& inputs,
                             const std::vector<std::vector<double>>&, std::size_t) {
    return std::vector<double>(inputs.size(), 0.0);
}
)";

bool has_line(const std::string& text, const Arguments& words) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (std::all_of(words.begin(), words.end(),
                        [&](const std::string& word) { return contains(line, word); }))
            return true;
    return false;
}

}  // namespace

TEST_CASE("exercises/run.sh: what is done, what is not, and what does not compile") {
    const Exercises exercises;
    const Result alone = exercises.run({"01a"});
    CAPTURE(alone.out);
    CHECK(alone.status == 0);
    CHECK(contains(alone.out,
                   "Exercise 1a is done.\nThe next one: sh examples/exercises/run.sh 01b"));
    CHECK_FALSE(contains(alone.out, "Building taper"));  // it does without

    exercises.write("01b_scalar_op", "Number operator/(Number a Number b);\n");
    exercises.write("02a_backward_loop", open_loop);
    const Result all = exercises.run({});
    CAPTURE(all.out);
    CAPTURE(all.err);
    CHECK(all.status == 0);
    CHECK(has_line(all.out, {"  done ", "01a_chain_rule"}));
    CHECK(has_line(all.out, {"  does not compile ", "01b_scalar_op"}));
    CHECK(has_line(all.out, {"  not yet ", "02a_backward_loop", "The loop"}));
    CHECK(contains(all.out, "1 of 3 done.\n"));
    CHECK(has_line(all.out, {"The next one: sh examples/exercises/run.sh 01b"}));
    CHECK_FALSE(contains(all.out, "error:"));
    CHECK(contains(all.out, "Building taper itself, once."));

    const Result broken = exercises.run({"01b"});
    CAPTURE(broken.out);
    CHECK(broken.status == 1);
    CHECK(has_line(broken.out, {"examples/exercises/01b_scalar_op.cpp:1:", "error:"}));
    CHECK_FALSE(contains(broken.out, "FAILED"));
    CHECK_FALSE(contains(broken.out, " -c "));
    CHECK(contains(broken.out, "It does not compile yet: examples/exercises/01b_scalar_op.cpp\n"));

    const Result open = exercises.run({"loop"});
    CAPTURE(open.out);
    CHECK(open.status == 1);
    CHECK(has_line(open.out, {"  gradient (0): expected 1, yours 0"}));
    CHECK(contains(open.out, "a hint: sh examples/exercises/run.sh hint 02a\n"));

    // Done before, and broken now: the program of before is still there.
    exercises.write("01a_chain_rule", "// Exercise 1a. x\nstd::map values();\n");
    exercises.copy(folder + "solutions/02a_backward_loop.cpp", folder + "02a.txt");
    exercises.write("02a_backward_loop", file_contents(exercises.root + "/" + folder + "02a.txt"));
    const Result later = exercises.run({});
    CAPTURE(later.out);
    CHECK(has_line(later.out, {"  does not compile ", "01a_chain_rule"}));
    CHECK(has_line(later.out, {"  done ", "02a_backward_loop"}));
    CHECK(contains(later.out, "1 of 3 done.\n"));
    CHECK_FALSE(contains(later.out, "Building"));

    // Another name than the check calls.
    exercises.write("02a_backward_loop", "int backwards() { return 0; }\n");
    const Result renamed = exercises.run({"2a"});
    CAPTURE(renamed.out);
    CHECK(renamed.status == 1);
    CHECK(contains(renamed.out, "its name and its arguments must"));
}

TEST_CASE("exercises/run.sh: hints come one by one, and the model answer when asked for") {
    const Exercises exercises;
    const auto hints = [](const Result& result) {
        CHECK(result.status == 0);
        std::size_t count = 0;
        for (const char* number : {"1", "2", "3", "4"})
            count += contains(result.out, std::string("## Hint ") + number + "\n");
        return count;
    };
    for (const std::size_t count : {1u, 2u, 3u, 3u})
        CHECK(hints(exercises.run({"hint", "01a"})) == count);
    CHECK(contains(exercises.run({"hint", "1a"}).out, "run.sh solution 01a\n"));
    CHECK(hints(exercises.run({"hint", "02a_backward_loop.cpp"})) == 1);
    CHECK(exercises.run({"solution", "loop"}).out ==
          file_contents(sources + "/" + folder + "solutions/02a_backward_loop.cpp"));
}

TEST_CASE("exercises/run.sh: a name that there is not") {
    const Exercises exercises;
    check_refused(exercises.run({"01c"}),
                  {"no exercise is called '01c'", "01a_chain_rule", "01b_scalar_op"});
    check_refused(exercises.run({"chian_rule"}), {"'chian_rule'; near it: 01a_chain_rule\n"});
    check_refused(exercises.run({"hint", "zebra"}), {"'zebra'", "02a_backward_loop"});
    check_refused(exercises.run({"solution", "01"}), {"several", "01a_chain_rule"});
    for (const Arguments& wrong : {Arguments{"--help"}, {"hint"}, {"1a", "2a"}, {""}}) {
        const Result result = exercises.run(wrong);
        CHECK(result.status == 2);
        CHECK(contains(result.err, "run.sh hint 03a"));
        CHECK(result.out.empty());
    }
}
