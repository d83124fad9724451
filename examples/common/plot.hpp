// Curves, drawn by the gnuplot program into SVG files, which are written as write_file does
// (core/io/file.hpp). Matrices are in heat_map.hpp.
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

// Where the titles of the curves are: in a legend beside the picture, or each beside the end of its
// curve.
enum class Titles { in_legend, beside_curves };

// 760 x 400. Their colours are told apart by the colour-blind (after Okabe and Ito 2008, without
// their yellow and light ones, which are pale on white). False where gnuplot is missing or failed,
// std::system_error where the file cannot be written: then it is as it was.
bool plot(const std::string& path, const std::string& title, const std::string& x_label,
          const std::string& y_label, const std::vector<Curve>& curves, Scale scale = Scale::linear,
          Titles titles = Titles::in_legend);

}  // namespace taper::examples
