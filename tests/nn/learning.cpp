// Models learn what can be learned, and nothing else.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "examples/language_model/batches.hpp"
#include "examples/language_model/causal_task.hpp"
#include "examples/language_model/masked_task.hpp"
#include "nn/linformer.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/clip.hpp"
#include "nn/optim/schedule.hpp"
#include "tests/support/sanitized.hpp"

using namespace taper;

namespace {

// The second half of a row repeats the first. One token is masked; its copy stands n / 2 away.
struct Copying {
    static constexpr std::size_t n = 16, V = 17, mask = 16, rows = 32;

    Ids tokens = empty<std::int64_t>({rows, n});
    Ids targets = full<std::int64_t>({rows, n}, ignore_index);

    // With shuffled labels the token to be told is drawn anew, so that nothing in the row tells it.
    Copying(std::uint64_t step, bool shuffled) {
        const Random random = Random(1, "copying").substream(static_cast<std::uint32_t>(step));
        for (std::size_t row = 0; row < rows; ++row) {
            for (std::size_t i = 0; i < n; ++i) tokens(row, i) = drawn(random, row, i % (n / 2));
            const std::size_t hidden = random.below(100 * row + 50, n);
            targets(row, hidden) = shuffled ? drawn(random, row, 60) : tokens(row, hidden);
            tokens(row, hidden) = mask;
        }
    }

  private:
    static std::int64_t drawn(const Random& random, std::size_t row, std::size_t number) {
        return static_cast<std::int64_t>(random.below(100 * row + number, mask));
    }
};

// What a model makes of fresh batches: the share of masked tokens told right, and the mean loss.
struct Score {
    double accuracy, loss;
};

Score score_of(const nn::Linformer<float>& model, bool shuffled) {
    constexpr std::uint64_t batches = 40;
    double right = 0, loss = 0;
    for (std::uint64_t batch = 0; batch < batches; ++batch) {
        const Copying task(1'000'000 + batch, shuffled);
        const Var<float> logits = model(task.tokens);
        loss += static_cast<double>(cross_entropy(logits, task.targets).item()) / batches;
        for (std::size_t i = 0; i < task.targets.size(); ++i) {
            if (task.targets.data()[i] == ignore_index) continue;
            const float* row = logits.value().data() + i * Copying::V;
            right += std::max_element(row, row + Copying::V) - row == task.targets.data()[i];
        }
    }
    return {right / (batches * Copying::rows), loss};
}

Score score_after_training(nn::AttentionKind attention, bool shuffled, std::uint64_t steps) {
    nn::Linformer<float> model({.vocab_size = Copying::V,
                                .length = Copying::n,
                                .width = 64,
                                .heads = 4,
                                .layers = 2,
                                .ffn_width = 128,
                                .attention = attention,
                                .k = 8});
    const auto parameters = model.parameters();
    nn::Adam<float> adam(parameters);
    const nn::Schedule schedule{.lr = 3e-3, .warmup = 50, .steps = steps};
    for (std::uint64_t step = 1; step <= steps; ++step) {
        const Copying task(step, shuffled);
        Tape<float> tape;
        tape.backward(cross_entropy(model(task.tokens), task.targets));
        nn::clip_gradients(parameters, 1.0);
        adam.step(schedule(step));
    }
    return score_of(model, shuffled);
}

}  // namespace

#ifndef TAPER_SANITIZED  // other tests take such a step, this one a thousand of them
TEST_CASE(
    "learning: a masked token that stands elsewhere in the window is copied, by both attentions") {
    for (const auto attention : {nn::AttentionKind::linformer, nn::AttentionKind::full}) {
        const auto [accuracy, loss] = score_after_training(attention, false, 500);
        MESSAGE("copying, " << nn::name_of(attention) << ": right " << accuracy << ", loss "
                            << loss);
        CHECK(accuracy >= 0.99);
    }
}
#endif

TEST_CASE("learning: shuffled labels stay at chance") {
    const auto [accuracy, loss] = score_after_training(nn::AttentionKind::linformer, true, 300);
    MESSAGE("shuffled labels: right " << accuracy << " (chance " << 1.0 / 16 << "), loss " << loss
                                      << " (ln 16 = " << std::log(16.0) << ")");
    CHECK(accuracy < 0.1);  // 1280 fresh tokens: chance is 0.0625 +- 0.007
    CHECK(loss > std::log(16.0) - 0.02);
}

namespace {

// Mean loss of the last 100 of 400 steps on so many letters, drawn at random: the text has about as
// many tokens as are read.
double loss_on_random_text(bool causal, std::uint64_t letters) {
    constexpr std::size_t length = 16, batch = 32;
    std::vector<examples::Text> texts{{.path = "letters", .bytes = ""}};
    const Random random(4, "letters");
    for (std::uint64_t i = 0; i < 200'000; ++i)
        texts[0].bytes += static_cast<char>('a' + random.below(i, letters));
    const auto built =
        examples::build_tokenizer(examples::TokenizerKind::character, texts, std::nullopt, !causal)
            .tokenizer;
    const examples::Corpus corpus(*built, texts, length + causal);
    std::unique_ptr<examples::Task> task;
    if (causal) task = std::make_unique<examples::CausalTask>(*built);
    else task = std::make_unique<examples::MaskedTask>(*built, corpus);
    examples::TrainingOptions options;
    options.length = length;
    options.batch = batch;
    nn::Linformer<float> model({.vocab_size = static_cast<std::size_t>(built->vocab_size()),
                                .length = length,
                                .width = 16,
                                .heads = 2,
                                .layers = 1,
                                .ffn_width = 32,
                                .causal = causal,
                                .k = 8});
    nn::Adam<float> adam(model.parameters());
    double mean = 0;
    for (std::uint64_t step = 1; step <= 400; ++step) {
        const examples::Batch read = training_batch(options, corpus, *task, step);
        Tape<float> tape;
        const Var<float> loss = cross_entropy(model(read.tokens), read.targets);
        tape.backward(loss);
        adam.step(3e-3);
        if (step > 300) mean += static_cast<double>(loss.item()) / 100;
    }
    return mean;
}

}  // namespace

TEST_CASE("learning: on letters at random a causal model stays at ln V") {
    const double loss = loss_on_random_text(true, 5), chance = std::log(5.0);
    CHECK_MESSAGE(loss > chance - 0.01, loss);
    CHECK_MESSAGE(loss < chance + 0.02, loss);
}

// Of the tokens to be told 80 % are hidden. The others show the right one in 0.1 of 0.2, and one at
// random in the rest: this much can be learned, and nothing more.
TEST_CASE(
    "learning: on letters at random a masked model learns that a token which is seen is likely the "
    "right one") {
    const double V = 5, right = 0.5 + 0.5 / V, wrong = 0.5 / V;
    const double seen = -right * std::log(right) - (V - 1) * wrong * std::log(wrong);
    const double possible = 0.8 * std::log(V) + 0.2 * seen, loss = loss_on_random_text(false, 5);
    CHECK_MESSAGE(loss > possible - 0.02, loss << std::string(", possible: ") << possible);
    CHECK_MESSAGE(loss < possible + 0.04, loss << std::string(", possible: ") << possible);
}
