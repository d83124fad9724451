#include "examples/common/heat_map.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/io/file.hpp"
#include "core/show/utf8.hpp"
#include "examples/common/heat_cells.hpp"
#include "examples/common/markup.hpp"

namespace taper::examples {

namespace {

constexpr std::size_t label_size = 9;     // of letters; a monospace one is 0.6 wide
constexpr std::size_t heading_width = 6;  // of a letter of 12, about
constexpr std::size_t narrowest = 300;    // a picture
constexpr std::size_t widest = 1320;      // lines of more than one map
constexpr std::size_t gap = 14;
constexpr std::size_t bar_height = 12;

std::size_t width_of_label(std::size_t characters) {
    return (characters * label_size * 6 + 9) / 10;
}

// The labels of one side of a map: one for each cell that is drawn.
struct Labels {
    std::vector<std::string> texts;
    std::size_t every;    // so many cells there is one
    std::size_t longest;  // in characters

    Labels(const std::vector<std::string>& given, std::size_t cells, std::size_t block,
           std::size_t cell_size)
        : every((label_size + cell_size) / cell_size), longest(0) {
        for (std::size_t i = 0; i < cells; ++i) {
            texts.push_back(given.empty() ? std::to_string(i * block) : visible(given[i * block]));
            if (i % every == 0) longest = std::max(longest, code_point_count(texts.back()));
        }
    }
};

// How large a cell is: labels of up to 64 all fit, of up to 128 every other one.
std::size_t cell_size(std::size_t cells) {
    constexpr std::size_t wanted = 240, long_side = 640;
    if (cells <= 64) return std::clamp<std::size_t>(wanted / cells, 10, 24);
    return std::max<std::size_t>(long_side / cells, 2);
}

// A map with its title and labels, before it has a place.
struct Box {
    const HeatMap& map;
    const Cells& cells;
    std::size_t cell_width, cell_height;
    Labels rows, columns;
    bool upright;  // labels of columns are written upwards
    std::size_t left, top, width, height;

    Box(const HeatMap& of, const Cells& reduced_to)
        : map(of),
          cells(reduced_to),
          cell_width(cell_size(reduced_to.columns)),
          cell_height(cell_size(reduced_to.rows)),
          rows(of.row_labels, reduced_to.rows, reduced_to.block_rows, cell_height),
          columns(of.column_labels, reduced_to.columns, reduced_to.block_columns, cell_width),
          upright(width_of_label(columns.longest) + 2 > cell_width * columns.every) {
        constexpr std::size_t title_height = 18;
        columns.longest = std::max(columns.longest, of.column_label_room);
        left = width_of_label(rows.longest) + 5;
        top = title_height + (upright ? width_of_label(columns.longest) : label_size) + 4;
        const std::size_t title_width = code_point_count(map.title) * heading_width + 2;
        width = left + std::max(cell_width * cells.columns, title_width) + 2;
        height = top + cell_height * cells.rows + 2;
    }
};

class Svg {
  public:
    void text(std::size_t x, std::size_t y, std::string_view content,
              const std::string& attributes = "") {
        body_ += "<text x='" + std::to_string(x) + "' y='" + std::to_string(y) + "'" + attributes +
                 ">" + markup(content) + "</text>\n";
    }
    Svg& operator<<(std::string_view part) {
        body_ += part;
        return *this;
    }
    Svg& operator<<(std::size_t number) { return *this << std::to_string(number); }

    // Behind it all is white, in the dark too.
    std::string picture(std::size_t width, std::size_t height, const std::string& title) const {
        const std::string w = std::to_string(width), h = std::to_string(height);
        return "<svg xmlns='http://www.w3.org/2000/svg' width='" + w + "' height='" + h +
               "' viewBox='0 0 " + w + " " + h +
               "' font-family='sans-serif' font-size='12' fill='#1a1a1a' role='img'>\n<title>" +
               markup(title) + "</title>\n<rect width='100%' height='100%' fill='#ffffff'/>\n" +
               body_ + "</svg>\n";
    }

  private:
    std::string body_;
};

}  // namespace

// A stroke as wide as a row along the middle of each run: M3 5h2. Relative moves are shorter.
static std::string path_of(const std::vector<Run>& runs) {
    std::string path;
    for (const Run& run : runs)
        path += "M" + std::to_string(run.column) + " " + std::to_string(run.row) + "h" +
                std::to_string(run.length);
    return path;
}

static void draw_cells(Svg& svg, const Box& box, std::size_t x, std::size_t y) {
    const std::size_t width = box.cell_width * box.cells.columns;
    const std::size_t height = box.cell_height * box.cells.rows;
    svg << "<svg x='" << x << "' y='" << y << "' width='" << width << "' height='" << height
        << "' viewBox='0 -.5 " << box.cells.columns << " " << box.cells.rows
        << "' preserveAspectRatio='none'><g fill='none' shape-rendering='crispEdges'>\n";
    std::string below;  // numbers below 0 are struck, for a print in grey
    for (const auto& [step, runs] : runs_of(box.cells)) {
        const std::string colour =
            step ? ColourScale::colour(*step) : ColourScale::colour_of_no_number();
        const std::string path = path_of(runs);
        svg << "<path stroke='" << colour << "' d='" << path << "'/>\n";
        if (step && *step < -4) below += path;
    }
    if (!below.empty()) svg << "<path stroke='#ffffff' stroke-width='.14' d='" << below << "'/>\n";
    svg << "</g></svg>\n";
    svg << "<rect x='" << x << "' y='" << y << "' width='" << width << "' height='" << height
        << "' fill='none' stroke='#767676'/>\n";
    if (box.map.border == 0) return;
    const std::size_t border = x + box.map.border / box.cells.block_columns * box.cell_width;
    svg << "<path d='M" << border << " " << y - 4 << "v" << height + 8
        << "' stroke='#000000' stroke-width='2' class='border'/>\n";
}

static void draw_labels(Svg& svg, const Box& box, std::size_t x, std::size_t y) {
    const std::string size = std::to_string(label_size);
    svg << "<g font-family='monospace' font-size='" << size << "' xml:space='preserve'>\n";
    svg << "<g text-anchor='end' class='rows'>\n";
    for (std::size_t i = 0; i < box.cells.rows; i += box.rows.every)
        svg.text(x - 3, y + i * box.cell_height + (box.cell_height + 6) / 2, box.rows.texts[i]);
    svg << "</g>\n<g" << (box.upright ? "" : " text-anchor='middle'") << " class='columns'>\n";
    for (std::size_t j = 0; j < box.cells.columns; j += box.columns.every) {
        const std::size_t middle = x + j * box.cell_width + box.cell_width / 2;
        const std::string turned = " transform='rotate(-90 " + std::to_string(middle + 3) + " " +
                                   std::to_string(y - 3) + ")'";
        if (box.upright) svg.text(middle + 3, y - 3, box.columns.texts[j], turned);
        else svg.text(middle, y - 3, box.columns.texts[j]);
    }
    svg << "</g>\n</g>\n";
}

static std::string two_digits(double number) {
    std::array<char, 32> text;
    const auto result = std::to_chars(text.data(), text.data() + text.size(), number,
                                      std::chars_format::general, 2);
    return {text.data(), result.ptr};
}

// The colours from low to high, with numbers below.
static void draw_bar(Svg& svg, const ColourScale& scale, std::size_t x, std::size_t y) {
    const int first = scale.is_signed() ? -ColourScale::darkest : 0;
    const std::size_t width = scale.is_signed() ? 4 : 6;
    svg << "<g class='scale'>\n<g shape-rendering='crispEdges'>\n";
    const auto place = [&](int step) { return x + static_cast<std::size_t>(step - first) * width; };
    for (int step = first; step <= ColourScale::darkest; ++step)
        svg << "<rect x='" << place(step) << "' y='" << y << "' width='" << width << "' height='"
            << bar_height << "' fill='" << ColourScale::colour(step) << "'/>\n";
    if (scale.is_signed())
        svg << "<path stroke='#ffffff' d='M" << x << " " << y + bar_height / 2 << "h" << 28 * width
            << "'/>\n";
    const std::size_t whole = place(ColourScale::darkest + 1) - x;
    svg << "</g>\n<rect x='" << x << "' y='" << y << "' width='" << whole << "' height='"
        << bar_height << "' fill='none' stroke='#767676'/>\n<g font-size='10'>\n";
    const int middle = scale.is_signed() ? 0 : ColourScale::darkest / 2;
    const std::size_t below = y + bar_height + 11;
    svg.text(x, below, two_digits(scale.low()));
    svg.text(place(middle) + width / 2, below, two_digits(scale.number(middle)),
             " text-anchor='middle'");
    svg.text(x + whole, below, two_digits(scale.high()), " text-anchor='end'");
    svg << "</g>\n</g>\n";
}

// Broken at spaces into lines of at most so many characters.
static std::vector<std::string> broken(const std::string& text, std::size_t most) {
    std::vector<std::string> lines{""};
    std::size_t begin = 0;
    while (begin < text.size()) {
        const std::size_t end = std::min(text.find(' ', begin), text.size());
        const std::string word = text.substr(begin, end - begin);
        const bool fits = code_point_count(lines.back()) + 1 + code_point_count(word) <= most;
        if (lines.back().empty()) lines.back() = word;
        else if (fits) lines.back() += " " + word;
        else lines.push_back(word);
        begin = end + 1;
    }
    return lines;
}

static bool has_not_finite(const HeatMapPicture& picture) {
    for (const auto& line : picture.maps)
        for (const HeatMap& map : line)
            for (const float entry : map.entries)
                if (!std::isfinite(entry)) return true;
    return false;
}

// What is to be known of the colours.
static std::string scale_note(const HeatMapPicture& picture, const ColourScale& scale,
                              const std::vector<std::vector<Cells>>& all) {
    std::size_t maps = 0;
    std::size_t rows = 1, columns = 1;  // of the largest block
    for (const auto& line : all)
        for (const Cells& cells : line) {
            ++maps;
            rows = std::max(rows, cells.block_rows);
            columns = std::max(columns, cells.block_columns);
        }
    std::string note = picture.entry;
    if (maps > 1) note += ", one scale for all maps";
    if (scale.shade() == Shade::square_root) note += ", darkness by the square root";
    if (scale.is_signed()) note += "; below 0 orange, darker ones struck";
    if (has_not_finite(picture)) note += "; grey: not finite";
    if (rows * columns > 1)
        note += "; reduced: a cell is the mean of up to " + std::to_string(rows) + " x " +
                std::to_string(columns) + " entries";
    return note;
}

// Places boxes from left to right in lines that begin where the picture's do.
static std::size_t place(const std::vector<std::vector<Box>>& boxes, std::size_t y,
                         std::vector<MapPlace>& places) {
    for (const auto& line : boxes) {
        std::size_t x = gap;
        std::size_t height = 0;
        for (const Box& box : line) {
            if (x > gap && x + box.width + gap > widest) {
                x = gap;
                y += height + gap;
                height = 0;
            }
            places.push_back({x, y, box.width, box.height});
            x += box.width + gap;
            height = std::max(height, box.height);
        }
        y += height + gap;
    }
    return y;
}

// Returns where the heading ends.
static std::size_t draw_heading(Svg& svg, const HeatMapPicture& picture, const ColourScale& scale,
                                const std::string& note, std::size_t width) {
    std::size_t y = 0;
    const auto write = [&](const std::string& text, std::size_t letter, const char* attributes) {
        for (const std::string& line : broken(text, (width - 2 * gap) / letter)) {
            y += 16;
            svg.text(gap, y + 4, line, attributes);
        }
    };
    if (!picture.title.empty()) write(picture.title, 8, " font-weight='bold' font-size='13'");
    std::string sides;
    if (!picture.down.empty()) sides += "Down: " + picture.down + ". ";
    if (!picture.across.empty()) sides += "Across: " + picture.across + ".";
    if (!sides.empty()) write(sides, 7, "");
    write("Colour: " + note + ".", 7, "");
    draw_bar(svg, scale, gap, y + 12);
    return y + 12 + bar_height + 24;
}

DrawnHeatMaps drawn_heat_maps(const HeatMapPicture& picture) {
    const ColourScale scale = picture.scale ? *picture.scale : scale_of(picture);
    const auto all = cells_of(picture, scale);
    std::vector<std::vector<Box>> boxes;
    for (std::size_t line = 0; line < picture.maps.size(); ++line) {
        boxes.emplace_back();
        for (std::size_t i = 0; i < picture.maps[line].size(); ++i)
            boxes.back().emplace_back(picture.maps[line][i], all[line][i]);
    }
    DrawnHeatMaps drawn{};
    place(boxes, 0, drawn.places);
    drawn.width = narrowest;
    for (const MapPlace& map : drawn.places)
        drawn.width = std::max(drawn.width, map.x + map.width + gap);
    Svg svg;
    const std::size_t begin =
        draw_heading(svg, picture, scale, scale_note(picture, scale, all), drawn.width);
    drawn.places.clear();
    drawn.height = place(boxes, begin, drawn.places);
    std::size_t number = 0;
    for (const auto& line : boxes)
        for (const Box& box : line) {
            const MapPlace& map = drawn.places[number++];
            svg << "<g class='map'>\n";
            svg.text(map.x + box.left, map.y + 12, box.map.title);
            draw_cells(svg, box, map.x + box.left, map.y + box.top);
            draw_labels(svg, box, map.x + box.left, map.y + box.top);
            svg << "</g>\n";
        }
    drawn.svg = svg.picture(drawn.width, drawn.height, picture.title);
    return drawn;
}

std::string scale_svg(const ColourScale& scale, const std::string& entry) {
    constexpr std::size_t width = 330, height = 48;
    Svg svg;
    svg.text(2, 12, entry);
    draw_bar(svg, scale, 2, 18);
    return svg.picture(width, height, entry);
}

void draw_heat_maps(const std::string& path, const HeatMapPicture& picture) {
    write_file(path, drawn_heat_maps(picture).svg);
}

void draw_heat_map(const std::string& path, const HeatMap& map, const std::string& entry) {
    HeatMapPicture picture{
        .title = map.title, .down = "", .across = "", .entry = entry, .maps = {{map}}};
    picture.maps[0][0].title.clear();
    draw_heat_maps(path, picture);
}

}  // namespace taper::examples
