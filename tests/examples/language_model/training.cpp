// What the training loop calls, and how often.
#include "examples/language_model/training.hpp"

#include "examples/common/program.hpp"
#include "examples/language_model/masked_task.hpp"
#include "examples/language_model/train_program.hpp"
#include "tests/support/gnuplot.hpp"
#include "tests/support/interrupted.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/thread_count.hpp"

using namespace taper;
using namespace taper::tests;

TEST_CASE("training: what is to be called after a step is called once for each") {
    const Scratch scratch;
    const FakeGnuplot gnuplot;
    const Threads unchanged(1);
    const examples::Quiet quiet;
    const std::string text = scratch.file("text", prose(3000)), out = scratch.path("run");
    const auto calls = [&](const Arguments& options) {
        std::size_t count = 0;
        const auto make_task = [](const examples::Tokenizer& tokenizer,
                                  const examples::Corpus& corpus) {
            return std::make_unique<examples::MaskedTask>(tokenizer, corpus);
        };
        const int status = examples::train_here(
            Arguments{"train", "--out", out, "--text", text, "--threads", "1"} + options, "train",
            "", examples::ModelKind::masked, make_task,
            [&](std::uint64_t, const nn::Linformer<float>&) { ++count; });
        CHECK(status == 0);
        return count;
    };
    CHECK(calls(small_model() + Arguments{"--steps", "4", "--eval-every", "2"}) == 4);
    CHECK(calls({"--resume", "--steps", "4"}) == 0);
    CHECK(calls({"--resume", "--steps", "7"}) == 3);
    // The step was trained before.
    interrupt_last_validation(out);
    CHECK(calls({"--resume", "--steps", "7"}) == 0);
    CHECK(calls({"--resume", "--steps", "9"}) == 2);
    CHECK(metrics_of(out).size() == 9);
    CHECK(metrics_of(out).at(6).contains("val_loss"));
}
