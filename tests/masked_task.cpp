// Masked language modelling: 15 % of the positions are told, of which 80 % are masked, 10 % random
// and 10 % as they were.
#include <doctest/doctest.h>

#include <algorithm>

#include "examples/language_model/masking.hpp"
#include "tests/chance.hpp"
#include "tests/positions.hpp"

using namespace taper;
using namespace taper::tests;
using examples::Batch;

namespace {

// Rows of a masked task, each with a random stream of its own. Tokens 0 .. V - 1, the mask is V.
struct Masked {
    Positions text;
    examples::Corpus corpus;
    examples::MaskedTask task;
    std::vector<std::int32_t> window;
    Batch batch;

    Masked(std::size_t V, std::size_t n, std::size_t rows)
        : text({V}, true),
          corpus(*text.tokenizer, text.texts, 1),
          task(*text.tokenizer, corpus),
          batch{empty<std::int64_t>({rows, n}), empty<std::int64_t>({rows, n})} {
        for (std::size_t i = 0; i < n; ++i) window.push_back(static_cast<std::int32_t>(i % V));
        const Random random(0, "rows");
        for (std::size_t row = 0; row < rows; ++row)
            task.fill_row(batch, row, window, random.at(static_cast<std::uint32_t>(row)));
    }

    std::size_t size() const { return batch.tokens.size(); }
    std::int64_t original(std::size_t i) const { return window[i % window.size()]; }
    std::int64_t token(std::size_t i) const { return batch.tokens.data()[i]; }
    bool is_told(std::size_t i) const { return batch.targets.data()[i] != ignore_index; }
    // Positions that are told and where `is` holds.
    template <class F> std::size_t told(F is) const {
        std::size_t found = 0;
        for (std::size_t i = 0; i < size(); ++i) found += is_told(i) && is(i);
        return found;
    }
};

}  // namespace

TEST_CASE("masked task: 15 % of the positions are told, each as often as any other, as they were in the text") {
    const std::size_t n = 128;
    const Masked rows(32, n, 1000);
    const std::size_t chosen = rows.told([](std::size_t) { return true; });
    CHECK(is_share(chosen, rows.size(), 0.15));
    std::vector<std::size_t> at(n, 0);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows.is_told(i)) {
            ++at[i % n];
            REQUIRE(rows.batch.targets.data()[i] == rows.original(i));
        } else {
            REQUIRE(rows.token(i) == rows.original(i));
        }
    }
    CHECK(are_even(at));
}

TEST_CASE("masked task: of the positions that are told 80 % are masked, 10 % random and 10 % as they were") {
    const std::size_t V = 32;
    const Masked rows(V, 128, 1000);
    const std::size_t chosen = rows.told([](std::size_t) { return true; });
    const std::size_t masked = rows.told([&](std::size_t i) { return rows.token(i) == V; });
    const std::size_t kept = rows.told([&](std::size_t i) { return rows.token(i) == rows.original(i); });
    CHECK(is_share(masked, chosen, 0.8));
    CHECK(is_share(kept, chosen, 0.1 + 0.1 / V));  // a random token may be the one that stood there
    std::vector<std::size_t> of_token(V, 0);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (!rows.is_told(i) || rows.token(i) == V || rows.token(i) == rows.original(i)) continue;
        REQUIRE(rows.token(i) >= 0);
        REQUIRE(rows.token(i) < static_cast<std::int64_t>(V));
        ++of_token[static_cast<std::size_t>(rows.token(i))];
    }
    CHECK(are_even(of_token));
}

// Of a single token: one that may be the mask would make it 85 %.
TEST_CASE("masked task: a random token is never the mask") {
    const Masked rows(1, 128, 1000);
    const std::size_t chosen = rows.told([](std::size_t) { return true; });
    CHECK(is_share(rows.told([&](std::size_t i) { return rows.token(i) == 1; }), chosen, 0.8));
}

TEST_CASE("masked task: every row tells a token, and where chance chose none, any position") {
    const std::size_t n = 3, count = 20'000;
    const Masked rows(32, n, count);
    std::vector<std::size_t> only_at(n, 0);  // rows that tell one token, by its position
    std::size_t ones = 0;
    for (std::size_t row = 0; row < count; ++row) {
        std::size_t told = 0, where = 0;
        for (std::size_t i = 0; i < n; ++i)
            if (rows.is_told(row * n + i)) ++told, where = i;
        REQUIRE(told >= 1);
        if (told == 1) ++only_at[where], ++ones;
    }
    CHECK(are_even(only_at));
    CHECK(is_share(ones, count, 0.85 * 0.85 * 0.85 + 3 * 0.15 * 0.85 * 0.85));
}
