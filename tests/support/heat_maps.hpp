// The heat maps of a picture (examples/common/heat_map.hpp), read back from its SVG.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace taper::tests {

struct DrawnMap {
    std::string title;
    std::size_t rows, columns;
    std::vector<std::string> colours;  // of the cells, row by row
    std::vector<std::string> row_labels, column_labels;
    bool has_border;
};

// What stands between the first `begin` from `place` on and the next `end`.
inline std::string between(const std::string& text, const std::string& begin,
                           const std::string& end, std::size_t place = 0) {
    const std::size_t first = text.find(begin, place);
    if (first == text.npos) return "";
    return text.substr(first + begin.size(),
                       text.find(end, first + begin.size()) - first - begin.size());
}

// The texts of all elements of a part of an SVG, as they are escaped there.
inline std::vector<std::string> texts_of(const std::string& part) {
    std::vector<std::string> texts;
    for (std::size_t place = part.find("<text"); place != part.npos;
         place = part.find("<text", place + 1))
        texts.push_back(between(part, ">", "</text>", place));
    return texts;
}

inline void colour_cells(DrawnMap& map, const std::string& colour, const std::string& path) {
    for (std::size_t place = path.find('M'); place != path.npos;
         place = path.find('M', place + 1)) {
        const std::size_t column = std::stoul(path.substr(place + 1));
        const std::size_t row = std::stoul(path.substr(path.find(' ', place) + 1));
        const std::size_t length = std::stoul(path.substr(path.find('h', place) + 1));
        for (std::size_t i = 0; i < length; ++i)
            map.colours.at(row * map.columns + column + i) = colour;
    }
}

inline std::vector<DrawnMap> maps_of(const std::string& svg) {
    std::vector<DrawnMap> maps;
    const std::string begin = "<g class='map'>";
    for (std::size_t place = svg.find(begin); place != svg.npos;
         place = svg.find(begin, place + 1)) {
        const std::string part = svg.substr(place, svg.find(begin, place + 1) - place);
        const std::string box = between(part, "viewBox='0 -.5 ", "'");
        DrawnMap map{.title = texts_of(part)[0],
                     .rows = std::stoul(box.substr(box.find(' ') + 1)),
                     .columns = std::stoul(box),
                     .colours = {},
                     .row_labels = texts_of(between(part, "class='rows'>", "</g>")),
                     .column_labels = texts_of(between(part, "class='columns'>", "</g>")),
                     .has_border = part.find("class='border'") != part.npos};
        map.colours.resize(map.rows * map.columns, "#ffffff");
        const std::string cells = between(part, "crispEdges'>", "</g>");
        const std::string path = "<path stroke='";
        for (std::size_t i = cells.find(path); i != cells.npos; i = cells.find(path, i + 1)) {
            const std::string element = between(cells, path, "/>", i);
            if (element.find("stroke-width") != element.npos) continue;  // strikes
            colour_cells(map, element.substr(0, 7), between(element, "d='", "'"));
        }
        maps.push_back(std::move(map));
    }
    return maps;
}

}  // namespace taper::tests
