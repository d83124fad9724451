#include "examples/common/plot.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "core/error.hpp"
#include "core/io/file.hpp"
#include "examples/common/gnuplot.hpp"

namespace taper::examples {

namespace {

// What gnuplot reads. Its numbers do not depend on the locale of this program, as those of a stream
// would.
struct Script {
    std::string text;

    Script& operator<<(std::string_view part) {
        text += part;
        return *this;
    }
    template <class Number>
    requires std::is_arithmetic_v<Number> Script& operator<<(Number number) {
        return *this << shortest(number);
    }
};

}  // namespace

static std::string curves_script(const std::string& title, const std::string& x_label,
                                 const std::string& y_label, const std::vector<Curve>& curves,
                                 Scale scale) {
    Script out;
    out << "set title '" << title << "' noenhanced\nset xlabel '" << x_label << "'\nset ylabel '"
        << y_label << "'\n"
        << "set grid lc rgb '#dddddd'\nset border 3\nset tics nomirror\n"
        << (scale == Scale::linear ? "set key top right\n"
                                   : "set logscale x 2\nset logscale y\nset key top left\n");
    double low = 0, high = 0;
    bool any = false;
    for (const Curve& curve : curves)
        for (const auto& [x, y] : curve.points) {
            low = any ? std::min(low, y) : y;
            high = any ? std::max(high, y) : y;
            any = true;
        }
    if (high - low < 1e-6)
        // gnuplot refuses an empty range
        out << "set yrange [" << low - 1 << ":" << high + 1 << "]\n";
    for (std::size_t i = 0; i < curves.size(); ++i) {
        out << "$curve" << i << " << EOD\n";
        for (const auto& [x, y] : curves[i].points) out << x << " " << y << "\n";
        out << "EOD\n";
    }
    for (std::size_t i = 0; i < curves.size(); ++i)
        out << (i ? ", " : "plot ") << "$curve" << i << " with " << curves[i].style << " title '"
            << curves[i].title << "'";
    out << "\n";
    return out.text;
}

static std::string maps_script(const std::string& title,
                               const std::vector<std::vector<HeatMap>>& maps) {
    std::size_t columns = 1;
    for (const auto& row : maps) columns = std::max(columns, row.size());
    Script out;
    out << "set multiplot layout " << maps.size() << "," << columns << " title '" << title
        << "' noenhanced\n"
        << "set palette defined (-1 '#12263f', -0.4 '#6b9bd1', 0 'white', 0.4 '#e0896f', 1 "
           "'#6e1a0f')\nunset "
           "colorbox\nunset key\nset border lw 0.5\n"
        << "set tics font ',7' nomirror out\nset xtics offset 0,0.5\n";
    for (const auto& row : maps) {
        for (const HeatMap& map : row) {
            // One row or column alone gnuplot does not draw: it stands there twice, half as wide.
            const std::size_t rows_drawn = std::max<std::size_t>(map.rows, 2),
                              columns_drawn = std::max<std::size_t>(map.columns, 2);
            float largest = 1e-30F;
            for (const float entry : map.entries) largest = std::max(largest, std::abs(entry));
            out << "set title '" << map.title << "' noenhanced offset 0,-0.8\n"
                << "set xrange [-0.5:" << map.columns << "-0.5]\nset yrange [" << map.rows
                << "-0.5:-0.5]\n"
                << "set cbrange [" << -largest << ":" << largest << "]\n"
                << "plot '-' binary array=(" << columns_drawn << "," << rows_drawn << ") origin=("
                << (map.columns > 1 ? 0 : -0.25) << "," << (map.rows > 1 ? 0 : -0.25)
                << ") dx=" << (map.columns > 1 ? 1 : 0.5) << " dy=" << (map.rows > 1 ? 1 : 0.5)
                << " format='%float' with image\n";
            for (std::size_t i = 0; i < rows_drawn; ++i)
                for (std::size_t j = 0; j < columns_drawn; ++j) {
                    const std::size_t row = std::min(i, map.rows - 1),
                                      column = std::min(j, map.columns - 1);
                    out << std::string_view(
                        reinterpret_cast<const char*>(&map.entries[row * map.columns + column]),
                        sizeof(float));
                }
        }
        for (std::size_t missing = row.size(); missing < columns; ++missing)
            out << "set multiplot next\n";
    }
    out << "unset multiplot\n";
    return out.text;
}

// Of a heat map gnuplot makes an image, a pixel an entry, and a viewer that enlarges it blurs them
// unless it is told not to. Rectangles would be sharp too, but 256 x 64 of them take 1.8 MB.
static std::string with_sharp_images(const std::string& svg) {
    const std::string tag = "<image ";
    std::string sharp;
    std::size_t at = 0;
    for (std::size_t found = svg.find(tag); found != svg.npos; found = svg.find(tag, at)) {
        sharp += svg.substr(at, found - at) + tag + "image-rendering='pixelated' ";
        at = found + tag.size();
    }
    return sharp + svg.substr(at);
}

// The script draws width x height.
static bool draw(const std::string& path, std::size_t width, std::size_t height,
                 const std::string& script) {
    Script head;
    head << "set terminal svg size " << width << "," << height
         << " font 'sans-serif,12' background 'white'\n";
    const auto svg = drawn_by_gnuplot(head.text + script);
    if (svg) write_file(path, with_sharp_images(*svg));
    return svg.has_value();
}

bool plot(const std::string& path, const std::string& title, const std::string& x_label,
          const std::string& y_label, const std::vector<Curve>& curves, Scale scale) {
    return draw(path, 640, 400, curves_script(title, x_label, y_label, curves, scale));
}

bool plot(const std::string& path, const std::string& title,
          const std::vector<std::vector<HeatMap>>& maps) {
    std::size_t columns = 1;
    for (const auto& row : maps) columns = std::max(columns, row.size());
    const std::size_t for_the_title = 460;
    return draw(path, std::max(220 * columns, for_the_title), 40 + 220 * maps.size(),
                maps_script(title, maps));
}

}  // namespace taper::examples
