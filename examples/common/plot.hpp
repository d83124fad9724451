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

// A matrix, row by row. As on the page of a tape, 0 is white, numbers above are red, numbers below
// blue. The largest entry of each map has the darkest colour.
struct HeatMap {
    std::string title;
    std::size_t rows, columns;
    std::vector<float> entries;
};

// Side by side in rows. Row 0 of a matrix is at the top.
bool plot(const std::string& path, const std::string& title,
          const std::vector<std::vector<HeatMap>>& maps);

}  // namespace taper::examples
