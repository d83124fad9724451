// Matrices as SVG: a cell for each entry, its colour by one scale for all maps of the picture, and
// labels along both sides. Cells are vectors, so that they are sharp at any size. Needs no other
// program. Curves are in plot.hpp.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "examples/common/colour_scale.hpp"

namespace taper::examples {

// One matrix. Row 0 is at the top.
struct HeatMap {
    std::string title;
    std::size_t rows, columns;
    std::vector<float> entries;  // row by row
    // Of each row and column, such as a token; none: their numbers, from 0 on. Where there are more
    // than 64, some are left out: every other one up to 128.
    std::vector<std::string> row_labels = {}, column_labels = {};
    // A line before this column; 0: none.
    std::size_t border = 0;
    // Characters that labels of columns have room for in any case, so that the pictures of a series
    // agree.
    std::size_t column_label_room = 0;
};

// Maps with one scale. Each inner vector begins a new line, and is broken where it is longer.
struct HeatMapPicture {
    std::string title;   // a sentence; "" and the next two too: not written
    std::string down;    // what a row is
    std::string across;  // what a column is
    std::string entry;   // what an entry is, with its unit: "attention weight"
    std::vector<std::vector<HeatMap>> maps;
    // None: the one of their entries (scale_of).
    std::optional<ColourScale> scale = std::nullopt;
    // Cells beside each other at most.
    std::size_t longest_side = 256;
};

// Where a map is in its picture, with its title and labels, in units of the picture.
struct MapPlace {
    std::size_t x, y, width, height;
};

struct DrawnHeatMaps {
    std::string svg;
    std::size_t width, height;
    std::vector<MapPlace> places;  // of the maps, in their order
};

// Up to the largest magnitude of all finite entries; signed where one is below 0.
ColourScale scale_of(const HeatMapPicture& picture);

// How many cells beside each other the largest of these maps may have.
std::size_t longest_side(const HeatMapPicture& picture);

// Large matrices are reduced, each cell the mean of a block of entries, until their sides have at
// most 256 cells and the whole at most some 100 kB; the picture then says so. Entries that are not
// finite are grey. Error: a map with no entry, or whose entries or labels are not as many as its
// rows and columns say.
DrawnHeatMaps drawn_heat_maps(const HeatMapPicture& picture);

// The same as a file, written as write_file does (core/io/file.hpp). std::system_error: it cannot
// be written; then it is as it was.
void draw_heat_maps(const std::string& path, const HeatMapPicture& picture);

// A picture of the colours alone, with their numbers and what they are of.
std::string scale_svg(const ColourScale& scale, const std::string& entry);

// A picture of one matrix:
//     draw_heat_map("P.svg", {"P", 3, 3, entries, {"the", "cat", "sat"}, {"the", "cat", "sat"}},
//                   "attention weight");
void draw_heat_map(const std::string& path, const HeatMap& map, const std::string& entry);

}  // namespace taper::examples
