// The loss over held-out text: the same hidden tokens, whatever the length of the sequences.
#include "examples/paper/held_out.hpp"

#include <doctest/doctest.h>

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
}

TEST_CASE("held out: a text whose tenth has no block is refused") {
    const Scratch scratch;
    const std::string words = prose(300);
    const std::string path = scratch.file("text", words);
    const auto tokenizer = tokenizer_of(TokenizerKind::character, words);
    CHECK_THROWS_WITH_AS(HeldOut({path}, *tokenizer, 32, 10), doctest::Contains("--text"), Error);
}
