#include "examples/common/plot.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "core/error.hpp"
#include "core/io/file.hpp"
#include "examples/common/gnuplot.hpp"

namespace taper::examples {

namespace {

// What gnuplot reads. Its numbers do not depend on the locale, as those of a stream would.
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

// As a string of gnuplot's, in which a quote is written twice.
static std::string quoted(const std::string& text) {
    std::string quoted = "'";
    for (const char c : text) quoted += c == '\'' ? "''" : std::string(1, c);
    return quoted + "'";
}

// Only where all points have one y, or there is none: gnuplot refuses an empty range.
static void set_y_range(Script& out, const std::vector<Curve>& curves) {
    double low = 0;
    double high = 0;
    bool any = false;
    for (const Curve& curve : curves)
        for (const auto& [x, y] : curve.points) {
            low = any ? std::min(low, y) : y;
            high = any ? std::max(high, y) : y;
            any = true;
        }
    if (high - low < 1e-6) out << "set yrange [" << low - 1 << ":" << high + 1 << "]\n";
}

static void set_colours(Script& out) {
    int linetype = 0;
    for (const char* colour :
         {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000"})
        out << "set linetype " << ++linetype << " lc rgb '" << colour << "'\n";
    out << "set linetype cycle " << linetype << "\n";
}

static void write_band(Script& out, std::size_t number, const Curve& curve) {
    out << "$band" << number << " << EOD\n";
    for (std::size_t i = 0; i < curve.points.size(); ++i)
        out << curve.points[i].first << " " << curve.band[i].first << " " << curve.band[i].second
            << "\n";
    out << "EOD\n";
}

static std::string curves_script(const std::string& title, const std::string& x_label,
                                 const std::string& y_label, const std::vector<Curve>& curves,
                                 Scale scale) {
    Script out;
    out << "set title " << quoted(title) << " noenhanced\n";
    out << "set xlabel " << quoted(x_label) << "\n";
    out << "set ylabel " << quoted(y_label) << "\n";
    out << "set grid lc rgb '#dddddd'\nset border 3\nset tics nomirror\n";
    out << "set key outside right top Left reverse noenhanced\n";
    if (scale == Scale::logarithmic || scale == Scale::logarithmic_x) out << "set logscale x 2\n";
    if (scale == Scale::logarithmic || scale == Scale::logarithmic_y) out << "set logscale y\n";
    set_colours(out);
    set_y_range(out, curves);
    for (std::size_t i = 0; i < curves.size(); ++i) {
        out << "$curve" << i << " << EOD\n";
        for (const auto& [x, y] : curves[i].points) out << x << " " << y << "\n";
        out << "EOD\n";
        if (!curves[i].band.empty()) write_band(out, i, curves[i]);
    }
    bool banded = false;
    out << "plot ";
    for (std::size_t i = 0; i < curves.size(); ++i)
        if (!curves[i].band.empty()) {
            banded = true;
            out << "$band" << i << " with filledcurves linetype " << i + 1
                << " fillstyle transparent solid 0.2 noborder notitle, ";
        }
    for (std::size_t i = 0; i < curves.size(); ++i) {
        out << (i == 0 ? "" : ", ") << "$curve" << i << " with " << curves[i].style;
        if (banded) out << " linetype " << i + 1;  // its band's
        out << " title " << quoted(curves[i].title);
    }
    out << "\n";
    return out.text;
}

static std::size_t most_columns(const std::vector<std::vector<HeatMap>>& maps) {
    std::size_t columns = 1;
    for (const auto& row : maps) columns = std::max(columns, row.size());
    return columns;
}

static std::string_view bytes_of(const float& entry) {
    return {reinterpret_cast<const char*>(&entry), sizeof entry};
}

// Whole entries, eight labels at most.
static std::size_t tick_step(std::size_t entries) {
    return std::max<std::size_t>(1, (entries + 7) / 8);
}

// One row or column alone gnuplot does not draw: it stands there twice, half as wide.
static void draw_map(Script& out, const HeatMap& map) {
    const std::size_t rows_drawn = std::max<std::size_t>(map.rows, 2);
    const std::size_t columns_drawn = std::max<std::size_t>(map.columns, 2);
    const double x = map.columns > 1 ? 0 : -0.25;
    const double y = map.rows > 1 ? 0 : -0.25;
    const double dx = map.columns > 1 ? 1 : 0.5;
    const double dy = map.rows > 1 ? 1 : 0.5;
    float largest = 1e-30F;
    for (const float entry : map.entries) largest = std::max(largest, std::abs(entry));

    out << "set title " << quoted(map.title) << " noenhanced offset 0,-0.8\n";
    out << "set xrange [-0.5:" << map.columns << "-0.5]\n";
    out << "set yrange [" << map.rows << "-0.5:-0.5]\n";
    out << "set xtics 0," << tick_step(map.columns) << "\nset ytics 0," << tick_step(map.rows)
        << "\n";
    out << "set cbrange [" << -largest << ":" << largest << "]\n";
    out << "plot '-' binary array=(" << columns_drawn << "," << rows_drawn << ") ";
    out << "origin=(" << x << "," << y << ") dx=" << dx << " dy=" << dy;
    out << " format='%float' with image\n";
    for (std::size_t i = 0; i < rows_drawn; ++i)
        for (std::size_t j = 0; j < columns_drawn; ++j) {
            const std::size_t row = std::min(i, map.rows - 1);
            const std::size_t column = std::min(j, map.columns - 1);
            out << bytes_of(map.entries[row * map.columns + column]);
        }
}

static std::string maps_script(const std::string& title,
                               const std::vector<std::vector<HeatMap>>& maps) {
    const std::size_t columns = most_columns(maps);
    Script out;
    out << "set multiplot layout " << maps.size() << "," << columns;
    out << " title " << quoted(title) << " noenhanced\n";
    out << "set palette defined (-1 '#12263f', -0.4 '#6b9bd1', 0 'white', 0.4 '#e0896f', ";
    out << "1 '#6e1a0f')\n";
    out << "unset colorbox\nunset key\nset border lw 0.5\n";
    out << "set tics font ',7' nomirror out\nset xtics offset 0,0.5\n";
    for (const auto& row : maps) {
        for (const HeatMap& map : row) draw_map(out, map);
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
    std::size_t copied = 0;
    for (std::size_t found = svg.find(tag); found != svg.npos; found = svg.find(tag, copied)) {
        sharp += svg.substr(copied, found - copied) + tag + "image-rendering='pixelated' ";
        copied = found + tag.size();
    }
    return sharp + svg.substr(copied);
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
    return draw(path, 760, 400, curves_script(title, x_label, y_label, curves, scale));
}

bool plot(const std::string& path, const std::string& title,
          const std::vector<std::vector<HeatMap>>& maps) {
    constexpr std::size_t map_size = 220;
    constexpr std::size_t title_width = 460;
    constexpr std::size_t title_height = 40;
    const std::size_t width = std::max(map_size * most_columns(maps), title_width);
    const std::size_t height = title_height + map_size * maps.size();
    return draw(path, width, height, maps_script(title, maps));
}

}  // namespace taper::examples
