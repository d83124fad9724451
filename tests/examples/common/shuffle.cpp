// Each order of a list comes as often as any other.
#include "examples/common/shuffle.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/chance.hpp"

using namespace taper;
using namespace taper::tests;

TEST_CASE("shuffle: each order is as likely as any other") {
    std::vector<int> sorted{0, 1, 2, 3};
    std::vector<std::vector<int>> orders;
    do orders.push_back(sorted);
    while (std::next_permutation(sorted.begin(), sorted.end()));
    std::vector<std::size_t> counts(orders.size(), 0);
    for (std::uint32_t i = 0; i < 24'000; ++i) {
        std::vector<int> items = orders[0];
        examples::shuffle(items, Random(1, "shuffle").substream(i));
        const auto order = std::lower_bound(orders.begin(), orders.end(), items);
        REQUIRE(order != orders.end());
        ++counts[static_cast<std::size_t>(order - orders.begin())];
    }
    CHECK(are_even(counts));
}

TEST_CASE("shuffle: a list of none or of one stays as it is") {
    std::vector<int> none;
    examples::shuffle(none, Random(1, "shuffle"));
    CHECK(none.empty());
    std::vector<int> one{7};
    examples::shuffle(one, Random(1, "shuffle"));
    CHECK(one == std::vector{7});
}
