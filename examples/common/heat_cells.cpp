#include "examples/common/heat_cells.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"

namespace taper::examples {

static void check(const HeatMap& map) {
    const auto refuse = [&](const std::string& what, std::size_t number) {
        throw Error("heat map '" + map.title + "': " + what + ": rows " + std::to_string(map.rows) +
                    ", columns " + std::to_string(map.columns) + ", there are " +
                    std::to_string(number));
    };
    if (map.entries.empty() || map.entries.size() != map.rows * map.columns)
        refuse("it must have an entry for each row and column", map.entries.size());
    if (!map.row_labels.empty() && map.row_labels.size() != map.rows)
        refuse("it must have a label for each row or none", map.row_labels.size());
    if (!map.column_labels.empty() && map.column_labels.size() != map.columns)
        refuse("it must have a label for each column or none", map.column_labels.size());
}

ColourScale scale_of(const HeatMapPicture& picture) {
    double largest = 0;
    bool is_signed = false;
    for (const auto& line : picture.maps)
        for (const HeatMap& map : line)
            for (const float entry : map.entries) {
                if (!std::isfinite(entry)) continue;
                largest = std::max(largest, std::abs(static_cast<double>(entry)));
                is_signed = is_signed || entry < 0;
            }
    return {largest > 0 ? largest : 1, is_signed};
}

static double mean_of_block(const HeatMap& map, const Cells& cells, std::size_t row,
                            std::size_t column) {
    const std::size_t last_row = std::min((row + 1) * cells.block_rows, map.rows);
    const std::size_t last_column = std::min((column + 1) * cells.block_columns, map.columns);
    double sum = 0;
    std::size_t count = 0;
    for (std::size_t i = row * cells.block_rows; i < last_row; ++i)
        for (std::size_t j = column * cells.block_columns; j < last_column; ++j) {
            sum += static_cast<double>(map.entries[i * map.columns + j]);
            ++count;
        }
    return sum / static_cast<double>(count);
}

static Cells cells_of(const HeatMap& map, const ColourScale& scale, std::size_t longest_side) {
    const auto quotient = [](std::size_t a, std::size_t b) { return (a + b - 1) / b; };
    Cells cells{};
    cells.block_rows = quotient(map.rows, longest_side);
    cells.block_columns = quotient(map.columns, longest_side);
    cells.rows = quotient(map.rows, cells.block_rows);
    cells.columns = quotient(map.columns, cells.block_columns);
    for (std::size_t i = 0; i < cells.rows; ++i)
        for (std::size_t j = 0; j < cells.columns; ++j)
            cells.steps.push_back(scale.step(mean_of_block(map, cells, i, j)));
    return cells;
}

Runs runs_of(const Cells& cells) {
    Runs runs;
    for (std::size_t i = 0; i < cells.rows; ++i)
        for (std::size_t j = 0; j < cells.columns;) {
            const std::optional<int> step = cells.steps[i * cells.columns + j];
            std::size_t end = j + 1;
            while (end < cells.columns && cells.steps[i * cells.columns + end] == step) ++end;
            if (step != 0) runs[step].push_back({i, j, end - j});
            j = end;
        }
    return runs;
}

static std::size_t count_runs(const std::vector<std::vector<Cells>>& all) {
    std::size_t count = 0;
    for (const auto& line : all)
        for (const Cells& cells : line)
            for (const auto& [step, runs] : runs_of(cells)) count += runs.size();
    return count;
}

static std::vector<std::vector<Cells>> cells_of(const HeatMapPicture& picture,
                                                const ColourScale& scale, std::size_t side) {
    std::vector<std::vector<Cells>> all;
    for (const auto& line : picture.maps) {
        all.emplace_back();
        for (const HeatMap& map : line) all.back().push_back(cells_of(map, scale, side));
    }
    return all;
}

std::size_t longest_side(const HeatMapPicture& picture) {
    constexpr std::size_t most_runs = 20'000;  // of about 7 bytes
    constexpr std::size_t least = 8;
    const ColourScale scale = picture.scale ? *picture.scale : scale_of(picture);
    for (const std::size_t side : {256U, 128U, 64U, 48U, 32U, 24U, 16U})
        if (side <= picture.longest_side && count_runs(cells_of(picture, scale, side)) <= most_runs)
            return side;
    return least;
}

std::vector<std::vector<Cells>> cells_of(const HeatMapPicture& picture, const ColourScale& scale) {
    for (const auto& line : picture.maps)
        for (const HeatMap& map : line) check(map);
    return cells_of(picture, scale, longest_side(picture));
}

}  // namespace taper::examples
