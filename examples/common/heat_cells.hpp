// The cells of heat maps (heat_map.hpp): from entries to colours, of which there are few enough.
#pragma once

#include <map>

#include "examples/common/heat_map.hpp"

namespace taper::examples {

// Of a map as it is drawn: a colour for each block of entries.
struct Cells {
    std::size_t rows, columns;
    std::size_t block_rows, block_columns;  // entries in a block
    std::vector<std::optional<int>> steps;  // row by row
};

// Cells of one colour beside each other in a row.
struct Run {
    std::size_t row, column, length;
};
using Runs = std::map<std::optional<int>, std::vector<Run>>;  // by colour; white has none

// Of all maps, line by line, as fine as a file of some 100 kB can be. Error: as drawn_heat_maps.
std::vector<std::vector<Cells>> cells_of(const HeatMapPicture& picture, const ColourScale& scale);
Runs runs_of(const Cells& cells);

}  // namespace taper::examples
