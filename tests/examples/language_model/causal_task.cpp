// What a run of a causal model shows of it: a sample.
#include "examples/language_model/causal_task.hpp"

#include <doctest/doctest.h>

#include <span>
#include <string>

#include "examples/language_model/sampling.hpp"
#include "tests/support/models.hpp"
#include "tests/support/positions.hpp"

using namespace taper;
using namespace taper::tests;
using namespace taper::examples;

TEST_CASE("causal task: a sample is drawn at temperature 0.8, and is not the likeliest text") {
    const Positions text({40});
    nn::Config config = tiny;
    config.vocab_size = 40;
    config.causal = true;
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
