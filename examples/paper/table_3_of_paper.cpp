#include "examples/paper/table_3_of_paper.hpp"

namespace taper::examples {

const std::map<std::size_t, std::map<std::size_t, PaperCell>>& paper_table() {
    static const std::map<std::size_t, std::map<std::size_t, PaperCell>> table{
        {512, {{128, {1.5, 1.7}}, {256, {1.3, 1.5}}}},
        {1024, {{128, {1.7, 3.0}}, {256, {1.6, 2.9}}, {512, {1.3, 1.8}}}},
        {2048, {{128, {2.6, 6.1}}, {256, {2.4, 5.6}}, {512, {2.1, 3.6}}, {1024, {1.3, 2.0}}}},
        {4096,
         {{128, {3.4, 14}},
          {256, {3.2, 13}},
          {512, {2.8, 8.3}},
          {1024, {2.2, 4.3}},
          {2048, {1.3, 2.3}}}},
        {8192,
         {{128, {5.5, 28}},
          {256, {5.0, 26}},
          {512, {4.4, 17}},
          {1024, {3.5, 8.5}},
          {2048, {2.1, 4.5}}}},
        {16384,
         {{128, {8.6, 56}},
          {256, {7.8, 48}},
          {512, {7.0, 32}},
          {1024, {5.6, 16}},
          {2048, {3.3, 8}}}},
        {32768,
         {{128, {13, 56}}, {256, {12, 48}}, {512, {11, 36}}, {1024, {8.8, 18}}, {2048, {5.0, 16}}}},
        {65536,
         {{128, {20, 60}}, {256, {18, 52}}, {512, {16, 40}}, {1024, {14, 20}}, {2048, {7.9, 18}}}}};
    return table;
}

bool in_table(std::size_t n, std::size_t k) { return 2 * k <= n; }

NearestCell nearest_cell(std::size_t n, std::size_t k) {
    const auto row = paper_table().lower_bound(n);
    const auto& [row_n, cells] = row == paper_table().end() ? *paper_table().rbegin() : *row;
    const auto cell = cells.lower_bound(k);
    const auto& [cell_k, saved] = cell == cells.end() ? *cells.rbegin() : *cell;
    return {.n = row_n, .k = cell_k, .saved = saved};
}

}  // namespace taper::examples
