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

// A heat map of a script: row by row what gnuplot reads.
struct DrawnMap {
    std::string title;
    std::size_t rows, columns;
    std::vector<float> entries;
};

inline std::vector<DrawnMap> maps_of(const std::string& script) {
    std::vector<DrawnMap> maps;
    const std::string title = "set title '", array = "plot '-' binary array=(";
    for (std::size_t place = script.find(title); place != script.npos;
         place = script.find(title, place)) {
        place += title.size();
        DrawnMap map{script.substr(place, script.find('\'', place) - place), 0, 0, {}};
        place = script.find(array, place) + array.size();
        map.columns = std::stoul(script.substr(place));
        map.rows = std::stoul(script.substr(script.find(',', place) + 1));
        place = script.find('\n', place) + 1;
        map.entries.resize(map.rows * map.columns);
        std::memcpy(map.entries.data(), script.data() + place, map.entries.size() * sizeof(float));
        place += map.entries.size() * sizeof(float);
        maps.push_back(std::move(map));
    }
    return maps;
}

}  // namespace taper::tests
