// What a run says of itself while it goes on.
#include "examples/language_model/reporting.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "core/io/safetensors.hpp"
#include "examples/language_model/causal_task.hpp"
#include "examples/language_model/language_objective.hpp"
#include "tests/support/positions.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/tokenizers.hpp"

using namespace taper::tests;
using namespace taper::examples;

namespace {

// What the action writes on stdout.
std::string output_of(const std::function<void()>& action) {
    const Scratch scratch;
    const std::string path = scratch.file("stdout", "");
    const int usual = dup(STDOUT_FILENO);
    const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    dup2(file, STDOUT_FILENO);
    close(file);
    action();
    dup2(usual, STDOUT_FILENO);
    close(usual);
    return file_contents(path);
}

}  // namespace

TEST_CASE(
    "reporting: the time left is that of the steps, of the validations and of the saves to come") {
    TrainingOptions options;
    options.steps = 100;
    options.batch = 4;
    options.length = 20;
    options.eval_every = 10;
    options.save_every = 25;
    Reporter reporter(options);
    output_of([&] { reporter.begin(0, 1, {}, 24); });
    const auto left = [&] {
        const std::string line = output_of([&] { reporter.report(); });
        const std::size_t end = line.find(" left");
        REQUIRE(end != std::string::npos);
        const std::size_t begin = line.rfind(' ', end - 1) + 1;
        return line.substr(begin, end - begin);
    };
    StepMetrics metrics{};
    metrics.tokens_per_second = 80;
    for (metrics.step = 1; metrics.step < 21; ++metrics.step) reporter.trained(metrics, 1);
    // 80 steps of a second and 8 validations, of 6 batches each, forward alone: as long as two
    // steps.
    CHECK(left() == "1:36");
    reporter.validated(5);  // 8 of these
    CHECK(left() == "2:00");
    reporter.saved(3);  // at steps 25, 50, 75 and 100
    CHECK(left() == "2:12");
}

TEST_CASE(
    "reporting: a run begins with its parameters, its tokens, its steps and where it goes on") {
    TrainingOptions options;
    options.steps = 100;
    options.batch = 4;
    options.length = 20;
    const Positions text({3000});
    const Corpus corpus(*text.tokenizer, text.texts, 20);
    const CausalTask task(*text.tokenizer);
    const LanguageObjective objective(options, *text.tokenizer, corpus, task);
    const auto said = [&](std::uint64_t steps_done) {
        return output_of(
            [&] { Reporter(options).begin(steps_done, 1234, objective.outline(), 15); });
    };
    const std::string all =
        "1,234 parameters\n"
        "2,700 tokens train, 300 validate (15 windows of 20)\n"
        "100 steps of 4 windows: 8,000 tokens\n";
    CHECK(said(0) == all);
    CHECK(said(7) == all + "goes on after step 7\n");
}

TEST_CASE(
    "reporting: the parameters are counted, and the best step is that of the least validation "
    "loss") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(5000)), out = scratch.path("run");
    const Arguments options{"--steps", "40", "--lr", "0.1", "--warmup", "0", "--eval-every", "1"};
    const Result result = train(small_model() + options + Arguments{"--text", text, "--out", out});
    REQUIRE(result.status == 0);
    std::size_t parameters = 0;
    for (const auto& [name, tensor] : taper::load_safetensors(out + "/model.safetensors").tensors)
        parameters += std::get<taper::Array<float>>(tensor).size();
    CHECK(contains(result.out, "\n" + grouped(parameters) + " parameters\n"));
    const auto steps = metrics_of(out);
    const auto is_better = [](const nlohmann::json& a, const nlohmann::json& b) {
        return a.at("val_loss") < b.at("val_loss");
    };
    const nlohmann::json best = *std::min_element(steps.begin(), steps.end(), is_better);
    const std::uint64_t step = best.at("step");
    const double loss = best.at("val_loss");
    CHECK(step > 1);
    CHECK(step < 40);
    CHECK(contains(result.out, "\nbest validation loss: " + fixed(loss, 4) + " at step " +
                                   grouped(step) + "\n"));
}

TEST_CASE("reporting: a document's beginning is whole words on one line, and never empty") {
    const auto tokenizer = tokenizer_of(TokenizerKind::byte, "");
    const auto beginning = [&](const std::string& text) {
        return beginning_of(tokenizer->encode(text), *tokenizer);
    };
    CHECK(beginning("And it came to pass") == "And it came to pass");
    CHECK(beginning("\n  And it\ncame to pass") == "And it");
    CHECK(beginning("And it came\n" + std::string(80, 'x')) == "And it came");
    CHECK(beginning("And " + std::string(20, 'x') + " " + std::string(20, 'y')) ==
          "And " + std::string(20, 'x'));
    CHECK(beginning(std::string(50, 'x')) == std::string(40, 'x'));
    CHECK(beginning("\n\t") == "\n");
}
