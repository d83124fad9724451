// What a step of training learns from, and what validates: windows, targets, masks and dropout,
// which are others at each step and in each row, and validation that depends on neither seed nor
// batch.
#include "examples/language_model/batches.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "examples/language_model/causal_task.hpp"
#include "examples/language_model/language_objective.hpp"
#include "examples/language_model/masked_task.hpp"
#include "examples/language_model/training.hpp"
#include "tests/support/chance.hpp"
#include "tests/support/positions.hpp"
#include "tests/support/programs.hpp"

using namespace taper;
using namespace taper::tests;
using examples::Batch;
using examples::training_batch;
using examples::TrainingOptions;

namespace {

// A text and its task. Of a text with a single window every row of every step is the same.
struct TextAndTask {
    Positions text;
    examples::Corpus corpus;
    std::unique_ptr<examples::Task> task;

    TextAndTask(bool causal, std::size_t tokens, std::size_t length)
        : text({tokens}, !causal), corpus(*text.tokenizer, text.texts, length + causal) {
        if (causal) task = std::make_unique<examples::CausalTask>(*text.tokenizer);
        else task = std::make_unique<examples::MaskedTask>(*text.tokenizer, corpus);
    }
};

TrainingOptions training_options(std::size_t length, std::size_t batch, std::uint64_t seed = 0) {
    TrainingOptions options;
    options.length = length;
    options.batch = batch;
    options.seed = seed;
    return options;
}

// The lines of metrics.jsonl of a run whose weights stay as they are: the learning rate is less
// than a rounding.
std::vector<nlohmann::json> metrics_of_same_weights(const TextAndTask& learned,
                                                    TrainingOptions options,
                                                    const nn::Config& config) {
    const Scratch scratch;
    options.out = scratch.path("run");
    options.lr = 1e-30;
    options.warmup = 0;
    options.eval_every = 0;
    options.save_every = 0;
    const examples::RunIdentity identity{.options = "{}", .text_hashes = "", .tokenizer = "{}"};
    examples::LanguageObjective objective(options, *learned.text.tokenizer, learned.corpus,
                                          *learned.task);
    examples::Training training(options, nn::Linformer<float>(config), identity,
                                *learned.text.tokenizer, objective);
    CHECK(training.run() == 0);
    return metrics_of(options.out);
}

nn::Config small_config(std::size_t vocab_size, std::size_t length, bool causal) {
    return {.vocab_size = vocab_size,
            .length = length,
            .width = 8,
            .heads = 2,
            .layers = 1,
            .ffn_width = 16,
            .causal = causal,
            .k = 4};
}

}  // namespace

TEST_CASE(
    "batches: the target of a causal model is the next token, at every position of every row") {
    const TextAndTask learned(true, 2000, 20);
    for (std::uint64_t step = 1; step <= 200; ++step) {
        const Batch batch =
            training_batch(training_options(20, 8), learned.corpus, *learned.task, step);
        REQUIRE(batch.tokens.shape() == Shape{8, 20});
        REQUIRE(batch.targets.shape() == Shape{8, 20});
        for (std::size_t row = 0; row < 8; ++row)
            for (std::size_t t = 0; t < 20; ++t) {
                REQUIRE(batch.tokens(row, t) ==
                        batch.tokens(row, 0) + static_cast<std::int64_t>(t));
                REQUIRE(batch.targets(row, t) == batch.tokens(row, t) + 1);
            }
    }
}

TEST_CASE(
    "batches: a step has the same batch every time, and other steps, rows and seeds have other "
    "windows") {
    const TextAndTask learned(true, 2000, 20);
    const auto tokens = [&](std::uint64_t seed, std::uint64_t step) {
        return training_batch(training_options(20, 16, seed), learned.corpus, *learned.task, step)
            .tokens;
    };
    CHECK(tokens(0, 1) == tokens(0, 1));
    CHECK(tokens(0, 1) != tokens(0, 2));
    CHECK(tokens(0, 1) != tokens(1, 1));
    std::map<std::int64_t, std::size_t> starts;  // over steps and rows: as often as any other
    for (std::uint64_t step = 1; step <= 6400; ++step) {
        const Ids batch = tokens(0, step);
        for (std::size_t row = 0; row < 16; ++row) ++starts[batch(row, 0)];
    }
    CHECK(starts.size() == 1800 - 20);
    std::vector<std::size_t> counts;
    for (const auto& [start, count] : starts) counts.push_back(count);
    CHECK(are_even(counts));
}

TEST_CASE("batches: every row of every step has masks of its own, and another seed has others") {
    const TextAndTask learned(false, 64, 64);
    std::set<std::vector<std::int64_t>> masks;
    for (const std::uint64_t seed : {0U, 1U})
        for (const std::uint64_t step : {1U, 2U, 3U}) {
            const Batch batch =
                training_batch(training_options(64, 8, seed), learned.corpus, *learned.task, step);
            for (std::size_t row = 0; row < 8; ++row) {
                const std::int64_t* first = batch.targets.data() + row * 64;
                masks.insert(std::vector<std::int64_t>(first, first + 64));
            }
            CHECK(training_batch(training_options(64, 8, seed), learned.corpus, *learned.task, step)
                      .targets == batch.targets);
        }
    CHECK(masks.size() == 2 * 3 * 8);
}

// There is one window and the weights stay: nothing but dropout can change the loss.
TEST_CASE("batches: dropout is another at each step and for each seed") {
    const TextAndTask learned(true, 13, 12);
    nn::Config config = small_config(13, 12, true);
    std::set<double> losses;
    for (const double p : {0.0, 0.5})
        for (const std::uint64_t seed : {0U, 1U}) {
            config.dropout = p;
            TrainingOptions options = training_options(12, 3, seed);
            options.steps = 4;
            const auto metrics = metrics_of_same_weights(learned, options, config);
            REQUIRE(metrics.size() == 4);
            for (const auto& line : metrics) losses.insert(line.at("loss").get<double>());
        }
    CHECK(losses.size() == 1 + 2 * 4);
}

TEST_CASE("batches: dropout is another in each row") {
    nn::Config config = small_config(7, 12, true);
    config.dropout = 0.5;
    const nn::Linformer<float> model(config);
    const Ids tokens({4, 12}, 0);
    std::set<std::vector<float>> rows;
    const Array<float> logits = model(tokens, {.dropout = Random(0, "dropout")}).value();
    for (std::size_t row = 0; row < 4; ++row)
        rows.insert(std::vector<float>(logits.data() + row * 84, logits.data() + (row + 1) * 84));
    CHECK(rows.size() == 4);
}

TEST_CASE(
    "batches: the validation loss is the mean over all targets, whatever the batch and the seed") {
    for (const bool causal : {true, false}) {
        const TextAndTask learned(causal, 3000, 16);
        const std::size_t V = static_cast<std::size_t>(learned.text.tokenizer->vocab_size());
        const nn::Config config = small_config(V, 16, causal);
        double first = 0;
        for (const auto& [batch, seed] : {std::pair{1, 0}, {4, 0}, {7, 5}}) {
            TrainingOptions options = training_options(16, static_cast<std::size_t>(batch),
                                                       static_cast<std::uint64_t>(seed));
            options.steps = 1;
            const auto metrics = metrics_of_same_weights(learned, options, config);
            REQUIRE(metrics.size() == 1);
            const double loss = metrics[0].at("val_loss");
            CHECK(metrics[0].contains("val_bits_per_char") == causal);
            if (first == 0) first = loss;
            CHECK(loss == doctest::Approx(first).epsilon(2e-7));
        }
        if (!causal) continue;
        // every target is as much: one window after the other
        const nn::Linformer<double> model(config);
        const auto windows = learned.corpus.validation_windows(200);
        double total = 0;
        for (const auto window : windows) {
            Ids tokens = empty<std::int64_t>({1, 16}), targets = tokens;
            for (std::size_t t = 0; t < 16; ++t) {
                tokens(0, t) = window[t];
                targets(0, t) = window[t + 1];
            }
            total += cross_entropy(model(tokens), targets).item();
        }
        CHECK(windows.size() == 17);
        CHECK(first == doctest::Approx(total / 17).epsilon(1e-6));
    }
}
