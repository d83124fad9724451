// Drawing tokens: temperature, top-k and top-p, and reading past the end of the window.
#include <doctest/doctest.h>

#include <cmath>

#include "examples/common/program.hpp"
#include "examples/language_model/causal_task.hpp"
#include "examples/language_model/guessing.hpp"
#include "examples/language_model/sampling.hpp"
#include "tests/support/models.hpp"
#include "tests/support/positions.hpp"

using namespace taper;
using namespace taper::tests;
using namespace taper::examples;

namespace {

// How often each token comes over an even grid of random numbers: its probability.
std::vector<double> probabilities(const Array<float>& logits, const Sampling& sampling) {
    constexpr int grid = 10000;
    std::vector<double> p(logits.size(), 0);
    for (int i = 0; i < grid; ++i)
        p[static_cast<std::size_t>(draw_token(logits, sampling, (i + 0.5) / grid))] += 1.0 / grid;
    return p;
}
void check_near(const std::vector<double>& p, const std::vector<double>& expected) {
    REQUIRE(p.size() == expected.size());
    for (std::size_t i = 0; i < p.size(); ++i)
        CHECK(p[i] == doctest::Approx(expected[i]).epsilon(0.001));
}
const Array<float> logits{std::log(0.1F), std::log(0.4F), std::log(0.2F), std::log(0.3F)};

}  // namespace

TEST_CASE("generating: a number that is not finite is named as numbers are everywhere") {
    const float negative_nan = -std::numeric_limits<float>::quiet_NaN();
    const auto refusal_of = [](const std::function<void()>& action) -> std::string {
        try {
            action();
        } catch (const NotFinite& error) {
            return error.what();
        }
        return "";
    };
    CHECK(refusal_of([&] {
              draw_token(Array<float>{0, negative_nan}, {}, 0);
          }) == "logits: every number must be finite: token 1: nan");
    Array<float> rows = full<float>({1, 2, 3}, 0);
    rows(0, 1, 0) = negative_nan;
    CHECK(refusal_of([&] { best_guesses(rows, 1, 1); }) ==
          "logits: every number must be finite: position 1, token 0: nan");
}

TEST_CASE("generating: tokens come with their probabilities, and with temperature p^(1 / T)") {
    check_near(probabilities(logits, {}), {0.1, 0.4, 0.2, 0.3});
    const double total = 0.01 + 0.16 + 0.04 + 0.09;
    check_near(probabilities(logits, {.temperature = 0.5}),
               {0.01 / total, 0.16 / total, 0.04 / total, 0.09 / total});
    check_near(probabilities(logits, {.temperature = 0}), {0, 1, 0, 0});
    check_near(probabilities(logits, {.temperature = 1e-300}), {0, 1, 0, 0});
    CHECK(draw_token(Array<float>{1, 3, 3}, {.temperature = 0}, 0.9) == 1);
}

TEST_CASE("generating: top-k keeps the likeliest k, top-p the likeliest that reach p together") {
    check_near(probabilities(logits, {.top_k = 2}), {0, 4.0 / 7, 0, 3.0 / 7});
    check_near(probabilities(logits, {.top_k = 1}), {0, 1, 0, 0});
    check_near(probabilities(logits, {.top_k = 99}), {0.1, 0.4, 0.2, 0.3});
    check_near(probabilities(logits, {.top_p = 0.65}), {0, 4.0 / 7, 0, 3.0 / 7});
    check_near(probabilities(logits, {.top_p = 0.75}), {0, 4.0 / 9, 2.0 / 9, 3.0 / 9});
    check_near(probabilities(logits, {.top_p = 1e-9}), {0, 1, 0, 0});
    check_near(probabilities(logits, {.top_k = 3, .top_p = 0.75}), {0, 4.0 / 7, 0, 3.0 / 7});
    CHECK_THROWS_AS(draw_token(Array<float>{1, std::nanf("")}, {}, 0.5), NotFinite);
}

TEST_CASE("generating: past the window its older half is dropped and the rest read again") {
    for (const std::size_t length : {1U, 5U, 6U}) {
        nn::Config config = tiny;
        config.causal = true, config.length = length, config.k = 1;
        const nn::Linformer<float> model(config);
        Reader reader(model);
        for (std::int32_t i = 0; i < 40; ++i) {
            const Array<float> next = reader.read(i % 7);
            const TokenIds& window = reader.window();
            CHECK(window.size() <= length);
            if (i >= static_cast<std::int32_t>(length)) CHECK(window.size() > length / 2);
            Ids tokens = empty<std::int64_t>({1, window.size()});
            for (std::size_t t = 0; t < window.size(); ++t) {
                tokens(0, t) = window[t];
                CHECK(window[t] == (i - static_cast<std::int32_t>(window.size() - 1 - t)) % 7);
            }
            const Array<float> whole = model(tokens).value();
            for (std::size_t v = 0; v < 7; ++v)
                CHECK(next(v) == doctest::Approx(whole(0, window.size() - 1, v)).epsilon(1e-4));
        }
    }
}

TEST_CASE("generating: each token is drawn with a random number of its own") {
    nn::Config config = tiny;
    config.causal = true;
    // of small weights: each token is about as likely as any other
    nn::Linformer<float> model(config);
    std::vector<int> count(config.vocab_size);
    const TokenIds prompt{0};
    const auto tell = [&](std::int32_t token) { ++count[static_cast<std::size_t>(token)]; };
    generate(model, prompt, 700, {}, Random(1, "generate"), tell);
    for (const int times : count) CHECK(times > 60);  // of 100 expected, at a deviation of 9
}

TEST_CASE("generating: a sample is drawn at temperature 0.8, and is not the likeliest text") {
    const Positions text({40});
    nn::Config config = tiny;
    config.vocab_size = 40, config.causal = true;
    nn::Linformer<float> model(config);
    for (Parameter<float>* p : model.parameters())  // so that the temperature matters
        if (p->name() == "head.weight") p->mutable_value() *= 40;
    for (std::uint32_t stream = 0; stream < 5; ++stream) {
        const Random random = Random(0, "sample").substream(stream);
        const std::string sample = CausalTask(*text.tokenizer).sample(model, random);
        REQUIRE(sample.starts_with("  "));
        REQUIRE(sample.ends_with('\n'));
        const TokenIds tokens = text.tokenizer->encode(sample.substr(2, sample.size() - 3));
        REQUIRE(tokens.size() == 101);
        const auto at_temperature = [&](double T) {
            TokenIds all{tokens[0]};
            generate(model, std::span(tokens).first(1), 100, {.temperature = T}, random,
                     [&](std::int32_t token) { all.push_back(token); });
            return all;
        };
        CHECK(tokens == at_temperature(0.8));
        CHECK(tokens != at_temperature(0));
        CHECK(tokens != at_temperature(1));
    }
}
