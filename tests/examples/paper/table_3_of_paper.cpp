// The cells of the paper's Table 3 that stand beside ours.
#include "examples/paper/table_3_of_paper.hpp"

#include <doctest/doctest.h>

using namespace taper::examples;

namespace {

void check_cell(std::size_t n, std::size_t k, const NearestCell& expected) {
    const NearestCell cell = nearest_cell(n, k);
    CHECK(cell.n == expected.n);
    CHECK(cell.k == expected.k);
    CHECK(cell.saved.time == expected.saved.time);
    CHECK(cell.saved.memory == expected.saved.memory);
}

}  // namespace

TEST_CASE("table 3 of the paper: the cell of n and k, the next larger one, or the largest") {
    check_cell(512, 128, {512, 128, {1.5, 1.7}});
    check_cell(4096, 2048, {4096, 2048, {1.3, 2.3}});
    check_cell(1000, 100, {1024, 128, {1.7, 3.0}});
    check_cell(512, 4096, {512, 256, {1.3, 1.5}});
    check_cell(100'000, 200, {65536, 256, {18, 52}});
    CHECK(in_table(512, 256));
    CHECK(!in_table(512, 257));
}
