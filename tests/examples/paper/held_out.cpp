// The loss over held-out text: the same hidden tokens, whatever the length of the sequences.
#include "examples/paper/held_out.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "core/error.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/tokenizers.hpp"

using namespace taper;
using namespace taper::examples;
using namespace taper::tests;

namespace {

// A model that gives each token its own probability, whatever the text.
nn::Linformer<float> deaf_model(const Tokenizer& tokenizer, std::size_t n) {
    nn::Linformer<float> model({.vocab_size = static_cast<std::size_t>(tokenizer.vocab_size()),
                                .length = n,
                                .width = 8,
                                .heads = 2,
                                .layers = 1,
                                .ffn_width = 8,
                                .k = 2,
                                .seed = {}});
    float bias = 0;
    for (float& entry : model.head_bias.mutable_value()) entry = bias += 0.25F;
    return model;
}

// What it gives depends on the token at the same place alone.
nn::Linformer<float> token_wise_model(const Tokenizer& tokenizer, std::size_t n) {
    nn::Linformer<float> model = deaf_model(tokenizer, n);
    for (Parameter<float>* weight : {&model.embedding.token, &*model.head_weight})
        weight->mutable_value() = normal<float>(Random(1, weight->name()), weight->shape(), 1);
    return model;
}

// Nats, by the frequencies of the characters.
double entropy_of(const std::string& text) {
    std::map<char, double> counts;
    for (const char c : text) counts[c] += 1;
    double entropy = 0;
    for (const auto& [c, count] : counts) {
        const double share = count / static_cast<double>(text.size());
        entropy -= share * std::log(share);
    }
    return entropy;
}

}  // namespace

TEST_CASE("held out: sequences of every length have the same targets") {
    const Scratch scratch;
    const std::string words = prose(100'000);
    const std::string path = scratch.file("text", words);
    const auto tokenizer = tokenizer_of(TokenizerKind::character, words);
    const HeldOut held_out({path}, *tokenizer, 48, 200);
    CHECK(held_out.targets() > 1000);  // of 9600 tokens, more than are read at once
    CHECK(held_out.targets() < 2000);
    const double loss = held_out.loss(deaf_model(*tokenizer, 48), 48);
    CHECK(loss > held_out.entropy());
    CHECK(held_out.loss(deaf_model(*tokenizer, 48), 16) == doctest::Approx(loss).epsilon(1e-6));
    CHECK(held_out.loss(deaf_model(*tokenizer, 16), 16) == doctest::Approx(loss).epsilon(1e-6));
    CHECK(held_out.entropy() == doctest::Approx(entropy_of(words)).epsilon(0.03));

    const nn::Linformer<float> token_wise = token_wise_model(*tokenizer, 48);
    const double of_tokens = held_out.loss(token_wise, 48);
    CHECK(of_tokens > 1.01 * loss);  // these are others' tokens
    CHECK(held_out.loss(token_wise, 16) == doctest::Approx(of_tokens).epsilon(1e-5));
}

// 8193 tokens, 8192 of them read at once: the last one is not hidden.
TEST_CASE("held out: sequences without a target are left out") {
    const Scratch scratch;
    const std::string words = prose(90'000);
    const std::string path = scratch.file("text", words);
    const auto tokenizer = tokenizer_of(TokenizerKind::character, words);
    const HeldOut held_out({path}, *tokenizer, 3, 2731);
    const nn::Linformer<float> model = deaf_model(*tokenizer, 3);
    CHECK(held_out.loss(model, 1) == doctest::Approx(held_out.loss(model, 3)).epsilon(1e-6));
}

TEST_CASE("held out: a text whose tenth has no block is refused") {
    const Scratch scratch;
    const std::string words = prose(300);
    const std::string path = scratch.file("text", words);
    const auto tokenizer = tokenizer_of(TokenizerKind::character, words);
    CHECK_THROWS_WITH_AS(HeldOut({path}, *tokenizer, 32, 10), doctest::Contains("--text"), Error);
}
