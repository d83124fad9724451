// The windows that a model trains on and those that validate it. Every token of these texts is its
// own position, so a window tells where it stands.
#include "examples/language_model/corpus.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/support/chance.hpp"
#include "tests/support/positions.hpp"

using namespace taper;
using namespace taper::tests;
using examples::Corpus;

namespace {

using Window = std::span<const std::int32_t>;

// How often a window starts at each token, of so many that are drawn.
std::map<std::int32_t, std::size_t> starts(const Corpus& corpus, std::size_t draws) {
    std::map<std::int32_t, std::size_t> counts;
    const Random random(0, "windows");
    for (std::uint64_t i = 0; i < draws; ++i) ++counts[corpus.training_window(random, i)[0]];
    return counts;
}

// Three files, of which the last has no tenth that holds a window, and one too short for a window.
constexpr std::size_t window = 20;
const std::vector<std::size_t> sizes{1000, 437, 55, 7};

}  // namespace

TEST_CASE("corpus: a window is consecutive tokens of one file, of the asked length") {
    const Positions text(sizes);
    const Corpus corpus(*text.tokenizer, text.texts, window);
    const Random random(0, "windows");
    std::vector<Window> windows = corpus.validation_windows(1000);
    for (std::uint64_t i = 0; i < 20'000; ++i) windows.push_back(corpus.training_window(random, i));
    for (const Window& w : windows) {
        REQUIRE(w.size() == window);
        for (std::size_t i = 0; i < window; ++i)
            REQUIRE(w[i] == w[0] + static_cast<std::int32_t>(i));
        REQUIRE(text.file_of(w.front()) == text.file_of(w.back()));
    }
}

TEST_CASE("corpus: no window that trains reaches into text that validates, and no token is lost") {
    const Positions text(sizes);
    const Corpus corpus(*text.tokenizer, text.texts, window);
    std::set<std::int32_t> trains, validates;
    for (const auto& [start, count] : starts(corpus, 100'000))
        for (std::size_t i = 0; i < window; ++i)
            trains.insert(start + static_cast<std::int32_t>(i));
    for (const Window& w : corpus.validation_windows(1000))
        for (const std::int32_t token : w) {
            const bool is_new = validates.insert(token).second;  // windows do not overlap
            CHECK(is_new);
        }
    for (const std::int32_t token : validates) CHECK_FALSE(trains.contains(token));
    CHECK(trains.size() == corpus.training_tokens());
    CHECK(validates.size() <= corpus.validation_tokens());
    // The rest of each of two files is less than a window.
    CHECK(validates.size() + 2 * window > corpus.validation_tokens());
    CHECK(corpus.training_tokens() + corpus.validation_tokens() == 1000 + 437 + 55);
    CHECK(corpus.validation_tokens() == 100 + 43);
    CHECK(corpus.validation_symbols() == 100 + 43);
    CHECK(corpus.notices().size() == 2);
}

TEST_CASE("corpus: every training window is drawn, the last one too, each as often as any other") {
    const Positions text(sizes);
    const Corpus corpus(*text.tokenizer, text.texts, window);
    const auto counts = starts(corpus, 200'000);
    std::set<std::int32_t> trains;
    for (const auto& [start, count] : counts)
        for (std::size_t i = 0; i < window; ++i)
            trains.insert(start + static_cast<std::int32_t>(i));
    // A run of tokens that train, in one file, has a window at each token but its last window - 1.
    std::size_t expected = 0, run = 0;
    std::int32_t before = -2;
    for (const std::int32_t token : trains) {
        const bool goes_on = token == before + 1 && text.file_of(token) == text.file_of(before);
        run = goes_on ? run + 1 : 1;
        expected += run >= window;
        before = token;
    }
    CHECK(counts.size() == expected);
    std::vector<std::size_t> draws;
    for (const auto& [start, count] : counts) draws.push_back(count);
    CHECK(are_even(draws));
    CHECK(trains.contains(0));
    CHECK(trains.contains(1000 + 437 + 55 - 1));  // the last token of a file that does not validate
}

TEST_CASE(
    "corpus: some of the validation windows are spread evenly over all, the same ones every time") {
    const Positions text({4000, 1000});
    const Corpus corpus(*text.tokenizer, text.texts, window);
    const auto all = corpus.validation_windows(1000);
    CHECK(all.size() == 20 + 5);
    for (const std::size_t count : {1U, 2U, 7U, 12U, 24U, 25U}) {
        const auto some = corpus.validation_windows(count);
        const auto again = corpus.validation_windows(count);
        REQUIRE(some.size() == count);
        std::vector<std::size_t> ranks;
        for (std::size_t i = 0; i < count; ++i) {
            CHECK(some[i].data() == again[i].data());
            const auto same = [&](const Window& w) { return w.data() == some[i].data(); };
            const auto found = std::find_if(all.begin(), all.end(), same);
            ranks.push_back(static_cast<std::size_t>(found - all.begin()));
        }
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t next = i + 1 < count ? ranks[i + 1] : ranks[0] + all.size();
            CHECK(next - ranks[i] >= all.size() / count);
            CHECK(next - ranks[i] <= (all.size() + count - 1) / count);
        }
    }
}

TEST_CASE("corpus: a text as long as a window trains, one token less is refused") {
    const Positions text({window}), shorter({window - 1});
    const Corpus corpus(*text.tokenizer, text.texts, window);
    CHECK(corpus.training_window(Random(0, "windows"), 0).size() == window);
    CHECK(corpus.validation_windows(10).empty());
    CHECK(contains(refusal([&] { Corpus(*shorter.tokenizer, shorter.texts, window); }),
                   "longest 19, window 20"));
}
