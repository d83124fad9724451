// A program named gnuplot, first in PATH, whose picture is what it was told to draw, and an end.
#pragma once

#include <stdlib.h>

#include <cstring>
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
    std::size_t at = script.find(head);
    if (at == script.npos) return points;
    at += head.size();
    while (!script.substr(at).starts_with("EOD")) {
        const std::size_t end = script.find('\n', at);
        points.push_back(script.substr(at, end - at));
        at = end + 1;
    }
    return points;
}

// A heat map of a script: row by row what gnuplot reads.
struct DrawnMap {
    std::string title;
    std::size_t rows, columns;
    std::vector<float> entries;
};

inline std::vector<DrawnMap> maps_of(const std::string& script) {
    std::vector<DrawnMap> maps;
    const std::string title = "set title '", array = "plot '-' binary array=(";
    std::size_t at = 0;
    while ((at = script.find(title, at)) != script.npos) {
        at += title.size();
        DrawnMap map{script.substr(at, script.find('\'', at) - at), 0, 0, {}};
        at = script.find(array, at) + array.size();
        map.columns = std::stoul(script.substr(at));
        map.rows = std::stoul(script.substr(script.find(',', at) + 1));
        at = script.find('\n', at) + 1;
        map.entries.resize(map.rows * map.columns);
        std::memcpy(map.entries.data(), script.data() + at, map.entries.size() * sizeof(float));
        at += map.entries.size() * sizeof(float);
        maps.push_back(std::move(map));
    }
    return maps;
}

}  // namespace taper::tests
