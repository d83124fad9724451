// Curves and heat maps, drawn by the gnuplot program into SVG files, which are written as
// write_file does (core/io/file.hpp). All functions: false where gnuplot is missing or failed,
// std::system_error where the file cannot be written: then it is as it was.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace taper::examples {

// One curve: (x, y) points and how it is drawn, in gnuplot's words. band: of each point the least
// and the most y, drawn behind the curve in its colour; or none.
struct Curve {
    std::string title, style;
    std::vector<std::pair<double, double>> points;
    std::vector<std::pair<double, double>> band = {};
};

// Of both axes, or of the one that is named.
enum class Scale { linear, logarithmic, logarithmic_x, logarithmic_y };

// 760 x 400, the legend beside the curves. Their colours are told apart in print and by the colour
// blind (Okabe and Ito 2008).
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
