// A program named gnuplot, first in PATH, whose picture is what it was told to draw, and an end.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/scratch.hpp"

namespace taper::tests {

class FakeGnuplot {
  public:
    explicit FakeGnuplot(const std::string& commands = "cat && echo '</svg>'") {
        const std::string program = scratch_.file("gnuplot", "#!/bin/sh\n" + commands + "\n");
        std::filesystem::permissions(program, std::filesystem::perms(0755));
        setenv("PATH", (scratch_.path("") + ":" + path_).c_str(), 1);
    }
    ~FakeGnuplot() { setenv("PATH", path_.c_str(), 1); }
    FakeGnuplot(const FakeGnuplot&) = delete;
    FakeGnuplot& operator=(const FakeGnuplot&) = delete;

  private:
    Scratch scratch_;
    std::string path_ = getenv("PATH");
};

// The points of curve i in a script, each as it is written: "X Y".
inline std::vector<std::string> points_of(const std::string& script, std::size_t i) {
    std::vector<std::string> points;
    const std::string head = "$curve" + std::to_string(i) + " << EOD\n";
    std::size_t begin = script.find(head);
    if (begin == script.npos) return points;
    begin += head.size();
    while (!script.substr(begin).starts_with("EOD")) {
        const std::size_t end = script.find('\n', begin);
        points.push_back(script.substr(begin, end - begin));
        begin = end + 1;
    }
    return points;
}

}  // namespace taper::tests
