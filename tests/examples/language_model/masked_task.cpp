// Masked language modelling: 15 % of the positions are told, of which 80 % are masked, 10 % random
// and 10 % as they were.
#include "examples/language_model/masked_task.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <sstream>

#include "examples/common/text.hpp"
#include "examples/language_model/guessing.hpp"
#include "tests/support/chance.hpp"
#include "tests/support/positions.hpp"

using namespace taper;
using namespace taper::tests;
using examples::Batch;

namespace {

// Rows of a masked task, each with a random stream of its own. Tokens 0 .. V - 1, the mask is V.
struct MaskedRows {
    Positions text;
    examples::Corpus corpus;
    examples::MaskedTask task;
    std::vector<std::int32_t> window;
    Batch batch;

    MaskedRows(std::size_t V, std::size_t n, std::size_t rows)
        : text({V}, true),
          corpus(*text.tokenizer, text.texts, 1),
          task(*text.tokenizer, corpus),
          batch{empty<std::int64_t>({rows, n}), empty<std::int64_t>({rows, n})} {
        for (std::size_t i = 0; i < n; ++i) window.push_back(static_cast<std::int32_t>(i % V));
        const Random random(0, "rows");
        for (std::size_t row = 0; row < rows; ++row)
            task.fill_row(batch, row, window, random.substream(static_cast<std::uint32_t>(row)));
    }

    std::size_t size() const { return batch.tokens.size(); }
    std::int64_t original(std::size_t i) const { return window[i % window.size()]; }
    std::int64_t token(std::size_t i) const { return batch.tokens.data()[i]; }
    bool is_told(std::size_t i) const { return batch.targets.data()[i] != ignore_index; }
    // The number of positions that are told and satisfy the condition.
    template <class F> std::size_t told(F condition) const {
        std::size_t found = 0;
        for (std::size_t i = 0; i < size(); ++i) found += is_told(i) && condition(i);
        return found;
    }
};

// What a sample shows: at each position the token, or none where the mask stands; what the model
// fills in; and the numbers of its last line.
struct ShownSample {
    std::vector<std::optional<std::int32_t>> masked;
    std::vector<std::int32_t> filled;
    std::size_t right = 0, masks = 0;

    ShownSample(const std::string& sample, const examples::Tokenizer& tokenizer) {
        std::istringstream lines(sample);
        std::string line;
        std::getline(lines, line);
        REQUIRE(line.starts_with("  masked: "));
        for (std::string rest = line.substr(10); !rest.empty();) {
            const bool is_mask = rest.starts_with("[MASK]");
            const std::string one = is_mask ? "[MASK]" : std::string(first_code_point(rest).bytes);
            masked.push_back(is_mask ? std::nullopt : std::optional(tokenizer.encode(one)[0]));
            rest.erase(0, one.size());
        }
        std::getline(lines, line);
        REQUIRE(line.starts_with("  filled: "));
        std::string filled_in;
        std::size_t marks = 0;
        for (const char c : line.substr(10))
            if (c == '<' || c == '>') ++marks;
            else filled_in += c;
        filled = tokenizer.encode(filled_in);
        REQUIRE(filled.size() == masked.size());
        CHECK(marks ==
              2 * static_cast<std::size_t>(std::count(masked.begin(), masked.end(), std::nullopt)));
        std::string word;
        lines >> word >> right >> word >> masks;
    }
};

}  // namespace

TEST_CASE(
    "masked task: a sample shows the model no answer, fills in its best guesses, and counts those "
    "that are right") {
    const std::size_t n = 20;
    const Positions text({200}, true);
    const examples::Corpus corpus(*text.tokenizer, text.texts, n);
    const examples::MaskedTask task(*text.tokenizer, corpus);
    nn::Linformer<float> model(
        {.vocab_size = 201, .length = n, .width = 16, .heads = 2, .layers = 1, .k = 4});
    std::size_t right_at_all = 0, wrong_at_all = 0;
    for (std::uint32_t stream = 0; stream < 40; ++stream) {
        if (stream == 20)  // from now on a model that knows a token of the text
            for (Parameter<float>* p : model.parameters())
                if (p->name() == "head.bias") p->mutable_value()(190) = 100;
        const ShownSample shown(task.sample(model, Random(0, "sample").substream(stream)),
                                *text.tokenizer);
        REQUIRE(shown.masked.size() == n);
        std::int32_t first = 0;  // token of the text, whose tokens are their own positions
        for (std::size_t i = 0; i < n; ++i)
            if (shown.masked[i]) first = *shown.masked[i] - static_cast<std::int32_t>(i);
        Ids tokens = empty<std::int64_t>({1, n});
        for (std::size_t i = 0; i < n; ++i) tokens(0, i) = shown.masked[i] ? *shown.masked[i] : 200;
        const Array<float> logits = model(tokens).value();
        std::size_t right = 0, masks = 0;
        for (std::size_t i = 0; i < n; ++i) {
            const std::int32_t original = first + static_cast<std::int32_t>(i);
            if (shown.masked[i]) {
                CHECK(shown.filled[i] == original);
                continue;
            }
            CHECK(shown.filled[i] == examples::best_guesses(logits, i, 1)[0].token);
            ++masks;
            right += shown.filled[i] == original;
        }
        CHECK(shown.masks == masks);
        CHECK(shown.right == right);
        right_at_all += right;
        wrong_at_all += masks - right;
    }
    CHECK(right_at_all > 0);
    CHECK(wrong_at_all > 0);
}

TEST_CASE(
    "masked task: 15 % of the positions are told, each as often as any other, as they were in the "
    "text") {
    const std::size_t n = 128;
    const MaskedRows rows(32, n, 1000);
    const std::size_t chosen = rows.told([](std::size_t) { return true; });
    CHECK(is_share(chosen, rows.size(), 0.15));
    std::vector<std::size_t> told_at(n, 0);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows.is_told(i)) {
            ++told_at[i % n];
            REQUIRE(rows.batch.targets.data()[i] == rows.original(i));
        } else {
            REQUIRE(rows.token(i) == rows.original(i));
        }
    }
    CHECK(are_even(told_at));
}

TEST_CASE(
    "masked task: of the positions that are told 80 % are masked, 10 % random and 10 % as they "
    "were") {
    const std::size_t V = 32;
    const MaskedRows rows(V, 128, 1000);
    const std::size_t chosen = rows.told([](std::size_t) { return true; });
    const std::size_t masked = rows.told([&](std::size_t i) { return rows.token(i) == V; });
    const std::size_t kept =
        rows.told([&](std::size_t i) { return rows.token(i) == rows.original(i); });
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
    const MaskedRows rows(1, 128, 1000);
    const std::size_t chosen = rows.told([](std::size_t) { return true; });
    CHECK(is_share(rows.told([&](std::size_t i) { return rows.token(i) == 1; }), chosen, 0.8));
}

TEST_CASE("masked task: every row tells a token, and where chance chose none, any position") {
    const std::size_t n = 3, count = 20'000;
    const MaskedRows rows(32, n, count);
    std::vector<std::size_t> only_at(n, 0);  // rows that tell one token, by its position
    std::size_t ones = 0;
    for (std::size_t row = 0; row < count; ++row) {
        std::size_t told = 0, position = 0;
        for (std::size_t i = 0; i < n; ++i)
            if (rows.is_told(row * n + i)) {
                ++told;
                position = i;
            }
        REQUIRE(told >= 1);
        if (told > 1) continue;
        ++only_at[position];
        ++ones;
    }
    CHECK(are_even(only_at));
    CHECK(is_share(ones, count, 0.85 * 0.85 * 0.85 + 3 * 0.15 * 0.85 * 0.85));
}
