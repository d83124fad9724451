#include "examples/common/plot.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "core/error.hpp"
#include "core/io/file.hpp"
#include "core/show/utf8.hpp"
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

namespace {

struct AxisRange {
    double low, high;

    // Where a number is between low (0) and high (1).
    double share(double number, bool logarithmic) const {
        if (logarithmic) return std::log(number / low) / std::log(high / low);
        return (number - low) / (high - low);
    }
};

}  // namespace

// Of all points and bands. No points: 0.
static AxisRange y_of(const std::vector<Curve>& curves) {
    AxisRange range{INFINITY, -INFINITY};
    const auto add = [&](double y) {
        range.low = std::min(range.low, y);
        range.high = std::max(range.high, y);
    };
    for (const Curve& curve : curves) {
        for (const auto& [x, y] : curve.points) add(y);
        for (const auto& [least, most] : curve.band) {
            add(least);
            add(most);
        }
    }
    return range.low <= range.high ? range : AxisRange{0, 0};
}

// With room above and below. gnuplot refuses an empty range.
static AxisRange range_of(const AxisRange& y, bool logarithmic) {
    if (logarithmic && y.low > 0) {
        const double room = std::max(std::pow(y.high / y.low, 0.04), 1.1);
        return {y.low / room, y.high * room};
    }
    const double room = y.high - y.low < 1e-6 ? 1 : 0.04 * (y.high - y.low);
    return {y.low - room, y.high + room};
}

// Beside the end of each curve its title, no two on one another: each is as low as it belongs, or
// as the one above lets it be. A thin line leads to it.
static void write_titles(Script& out, const std::vector<Curve>& curves, const AxisRange& range,
                         bool logarithmic) {
    constexpr double line = 0.055;  // of the height, as are all of these
    struct Title {
        double curve, place;
        std::size_t number;
    };
    std::vector<Title> titles;
    std::size_t longest = 0;
    for (std::size_t i = 0; i < curves.size(); ++i) {
        if (curves[i].points.empty()) continue;
        const double end = range.share(curves[i].points.back().second, logarithmic);
        titles.push_back({end, end, i});
        longest = std::max(longest, code_point_count(curves[i].title));
    }
    std::sort(titles.begin(), titles.end(),
              [](const Title& a, const Title& b) { return a.curve > b.curve; });
    double lowest = 1 + line;
    for (Title& title : titles) lowest = title.place = std::min(title.place, lowest - line);
    double highest = -line;
    for (auto title = titles.rbegin(); title != titles.rend(); ++title)
        highest = title->place = std::max(title->place, highest + line);
    out << "unset key\nset rmargin " << 5 + longest * 17 / 20 << "\n";
    for (const Title& title : titles) {
        out << "set arrow from graph 1.005," << title.curve << " to graph 1.03," << title.place
            << " nohead lw 0.7 lc rgb '#767676'\n";
        out << "set label " << quoted(curves[title.number].title) << " at graph 1.035,"
            << title.place << " noenhanced\n";
    }
}

static void set_colours(Script& out) {
    int linetype = 0;
    for (const char* colour :
         {"#0072b2", "#d55e00", "#008760", "#a84683", "#555555", "#7a4a00", "#000000"})
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

static void write_curves(Script& out, const std::vector<Curve>& curves) {
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
}

bool plot(const std::string& path, const std::string& title, const std::string& x_label,
          const std::string& y_label, const std::vector<Curve>& curves, Scale scale,
          Titles titles) {
    const bool log_x = scale == Scale::logarithmic || scale == Scale::logarithmic_x;
    const bool log_y = scale == Scale::logarithmic || scale == Scale::logarithmic_y;
    const AxisRange y = y_of(curves);
    const AxisRange range = range_of(y, log_y);
    const bool is_flat = y.high - y.low < 1e-6;
    Script out;
    out << "set terminal svg size 760,400 font 'sans-serif,12' background 'white'\n";
    out << "set title " << quoted(title) << " noenhanced\n";
    out << "set xlabel " << quoted(x_label) << "\n";
    out << "set ylabel " << quoted(y_label) << "\n";
    out << "set grid lc rgb '#dddddd'\nset border 3\nset tics nomirror\n";
    out << "set key outside right top Left reverse noenhanced\n";
    if (log_x) out << "set logscale x 2\n";
    if (log_y) out << "set logscale y\n";
    set_colours(out);
    if (titles == Titles::beside_curves || is_flat)
        out << "set yrange [" << range.low << ":" << range.high << "]\n";
    if (titles == Titles::beside_curves) write_titles(out, curves, range, log_y);
    write_curves(out, curves);
    const auto svg = drawn_by_gnuplot(out.text);
    if (svg) write_file(path, *svg);
    return svg.has_value();
}

}  // namespace taper::examples
