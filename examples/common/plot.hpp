// Curves and heat maps, drawn by the gnuplot program into SVG files, which are written as
// write_file does (core/io/file.hpp). All functions: false where gnuplot is missing or failed,
// std::system_error where the file cannot be written: then it is as it was.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace taper::examples {

// One curve: (x, y) points and how it is drawn, in gnuplot's words.
struct Curve {
    std::string title, style;
    std::vector<std::pair<double, double>> points;
};

enum class Scale { linear, logarithmic };  // of both axes

// 640 x 400.
bool plot(const std::string& path, const std::string& title, const std::string& x_label,
          const std::string& y_label, const std::vector<Curve>& curves,
          Scale scale = Scale::linear);

// A matrix, row by row. 0 is white, what is above red, what is below blue, as on the page of a
// tape; each map's largest entry is as dark.
struct HeatMap {
    std::string title;
    std::size_t rows, columns;
    std::vector<float> entries;
};

// Side by side in rows. Row 0 of a matrix is at the top.
bool plot(const std::string& path, const std::string& title,
          const std::vector<std::vector<HeatMap>>& maps);

}  // namespace taper::examples
