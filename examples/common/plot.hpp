// Pictures of a run, drawn by the gnuplot program.
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

// Draws curves into an SVG file of 640 x 400. False where gnuplot is missing or failed: the file is as it was.
bool plot(const std::string& path, const std::string& title, const std::string& x_label, const std::string& y_label,
          const std::vector<Curve>& curves, Scale scale = Scale::linear);

}  // namespace taper::examples
