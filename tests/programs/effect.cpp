// Options of a run that have an effect, and those that have none.
#include <set>

#include "core/io/safetensors.hpp"
#include "nn/optim/schedule.hpp"
#include "tests/support/programs.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

// Runs that differ in an option or two.
struct Runs {
    Scratch scratch;
    std::string text = scratch.file("text.txt", prose(20000));
    Arguments usual = small_model() + Arguments{"--text", text};
    int number = 0;

    std::string next_path() {
        ++number;
        return scratch.path(std::to_string(number));
    }

    // The directory of a run of 12 steps with these options in the place of the usual ones.
    std::string with(const Arguments& options) {
        const std::string out = next_path();
        const Arguments defaults = usual + Arguments{"--steps",   "12",  "--warmup",  "4",
                                                     "--dropout", "0.1", "--threads", "1"};
        CAPTURE(options);
        REQUIRE(train(with_defaults(options, defaults) + Arguments{"--out", out}).status == 0);
        return out;
    }
    std::string model(const Arguments& options) {
        return file_contents(with(options) + "/model.safetensors");
    }

    // What a program of training says first in a run of three steps.
    std::string first_line_of(const std::string& program, const Arguments& options,
                              int warmup = 3) {
        const Arguments small{"--width", "16", "--heads", "2", "--layers", "1",
                              "--batch", "2",  "--steps", "3", "--warmup", std::to_string(warmup)};
        const Arguments files{"--text", text, "--out", next_path()};
        const Result result = run(program, small + options + files, without_gnuplot);
        REQUIRE(result.status == 0);
        return result.out.substr(0, result.out.find('\n'));
    }
};

double sum_of_squares(const std::string& directory, const std::string& tensor) {
    double sum = 0;
    const TensorFile model = load_safetensors(directory + "/model.safetensors");
    for (const float x : model.get<float>(tensor)) sum += double(x) * x;
    return sum;
}

}  // namespace

TEST_CASE("programs effect: each option of training makes another model") {
    Runs runs;
    std::set<std::string> models{runs.model({})};
    const std::vector<Arguments> effective{{"--weight-decay", "0"},
                                           {"--clip", "0"},
                                           {"--clip", "0.1"},
                                           {"--warmup", "0"},
                                           {"--lr", "2e-3"},
                                           {"--seed", "1"},
                                           {"--dropout", "0"},
                                           {"--dropout", "0.2"},
                                           {"--batch", "5"},
                                           {"--steps", "13"},
                                           {"--projection-init", "normal"}};
    for (const Arguments& options : effective) {
        CAPTURE(options[0] + " " + options[1]);
        CHECK(models.insert(runs.model(options)).second);
    }
    const std::vector<Arguments> without_effect{
        {"--threads", "2"}, {"--eval-every", "5"}, {"--save-every", "5"}};
    for (const Arguments& options : without_effect) {
        CAPTURE(options[0]);
        CHECK_FALSE(models.insert(runs.model(options)).second);
    }
}

TEST_CASE(
    "programs effect: weight decay makes matrices smaller, clipping bounds what a step does") {
    Runs runs;
    const std::string undecayed = runs.with({"--weight-decay", "0"});
    const std::string decayed = runs.with({"--weight-decay", "20"});
    const std::string matrix = "layers.0.feed_forward.up.weight";
    CHECK(sum_of_squares(decayed, matrix) < 0.95 * sum_of_squares(undecayed, matrix));
    // What is recorded is the norm before it was clipped: the same in the first step, another in
    // the second.
    const auto tight = metrics_of(runs.with({"--clip", "1e-9"}));
    const auto loose = metrics_of(runs.with({"--clip", "0"}));
    CHECK(tight[0]["grad_norm"] == loose[0]["grad_norm"]);
    CHECK(tight[0]["grad_norm"] > 1e-9);
    CHECK(tight[11]["grad_norm"] != loose[11]["grad_norm"]);
}

TEST_CASE("programs effect: the learning rate of every step is that of the schedule, exactly") {
    Runs runs;
    for (const auto& [warmup, steps] :
         {std::pair<std::uint64_t, std::uint64_t>{4, 12}, {0, 3}, {5, 3}, {1, 1}}) {
        const auto metrics = metrics_of(runs.with({"--warmup", std::to_string(warmup), "--steps",
                                                   std::to_string(steps), "--lr", "0.003"}));
        REQUIRE(metrics.size() == steps);
        const nn::Schedule schedule{.lr = 0.003, .warmup = warmup, .steps = steps};
        for (std::uint64_t step = 1; step <= steps; ++step)
            CHECK(metrics[step - 1]["lr"] == schedule(step));
        const double first =
            warmup > 1 ? 0.003 / static_cast<double>(warmup) : metrics[0]["lr"].get<double>();
        CHECK(metrics.front()["lr"].get<double>() == doctest::Approx(first).epsilon(1e-12));
        if (steps > warmup)
            CHECK(metrics.back()["lr"].get<double>() == doctest::Approx(0.0003).epsilon(1e-12));
    }
}

TEST_CASE("programs effect: k is at most the length where none is given, and no window is empty") {
    Runs runs;
    runs.usual = {"--text", runs.text,  "--width", "16",      "--heads",
                  "2",      "--layers", "1",       "--batch", "2"};
    const auto k_of = [&](const Arguments& options) {
        return nlohmann::json::parse(file_contents(runs.with(options) + "/config.json"))
            .at("k")
            .get<int>();
    };
    CHECK(k_of({"--length", "64"}) == 32);
    CHECK(k_of({"--length", "20"}) == 20);
    CHECK(k_of({"--length", "33"}) == 32);
    CHECK(k_of({"--length", "33", "--projection", "mean"}) == 17);  // of two positions each
    check_refused(run("bench_step", {"--length", "8", "--k", "9"}), {"--k: ", "8", "9"});
    const Result bench =
        run("bench_step", {"--length", "8", "--width", "16", "--layers", "1", "--steps", "1"});
    CHECK(bench.status == 0);
    CHECK(bench.err == "bench_step: k 8 instead of 32, since a window has 8 tokens\n");
    CHECK(run("bench_step", small_model() + Arguments{"--steps", "1"}).err.empty());
}

TEST_CASE("programs effect: options that were given and have no effect under the others are said") {
    Runs runs;
    const auto said = [&](const std::string& program, const Arguments& options) {
        return runs.first_line_of(program, Arguments{"--length", "32"} + options);
    };
    const std::string reading = "reading " + runs.text;
    const Arguments full{"--attention", "full"};
    const Arguments mean{"--projection", "mean"};
    const Arguments random{"--projection", "random"};
    for (const char* program : {"train_lm", "train_mlm"}) {
        CHECK(said(program, full) == reading);
        CHECK(said(program, full + Arguments{"--k", "4"}) ==
              "--k: no effect with --attention full");
        CHECK(said(program,
                   full + mean + Arguments{"--projection-init", "window", "--sharing", "none"}) ==
              "--sharing, --projection, --projection-init: no effect with --attention full");
        CHECK(said(program, random + Arguments{"--projection-init", "window"}) ==
              "--projection-init: no effect with --projection random");
        CHECK(said(program, Arguments{"--sharing", "none", "--projection-init", "normal", "--k",
                                      "4"}) == reading);
    }
    CHECK(said("train_mlm", mean + Arguments{"--sharing", "key-value"}) ==
          "--sharing: no effect with --projection mean");
    CHECK(said("train_mlm", {"--projection", "max", "--projection-init", "normal"}) ==
          "--projection-init: no effect with --projection max");
    CHECK(said("train_mlm", {"--projection", "conv", "--projection-init", "normal", "--sharing",
                             "none"}) == reading);

    const std::string model = runs.scratch.path("1");  // of train_lm
    const auto noted = [&](const Arguments& options) {
        const Result result =
            run("generate", Arguments{"--model", model, "--tokens", "3"} + options);
        CHECK(result.status == 0);
        return result.err;
    };
    CHECK(noted({"--temperature", "0"}).empty());
    CHECK(noted({"--top-k", "1"}).empty());
    CHECK(noted({"--top-k", "2", "--top-p", "0.5", "--seed", "1", "--temperature", "0.5"}).empty());
    CHECK(noted({"--temperature", "0", "--top-k", "2", "--top-p", "0.5", "--seed", "1"}) ==
          "generate: --top-k, --top-p, --seed: no effect with --temperature 0\n");
    CHECK(noted({"--top-k", "1", "--temperature", "2", "--seed", "1"}) ==
          "generate: --temperature, --seed: no effect with --top-k 1\n");
}

TEST_CASE("programs effect: a run says first where k is not the default of --help, and why") {
    Runs runs;
    const auto said = [&](const std::string& program, const Arguments& options) {
        return runs.first_line_of(program, options);
    };
    const std::string reading = "reading " + runs.text;
    CHECK(said("train_lm", {"--length", "20"}) ==
          "k 20 instead of 32, since a window has 20 tokens");
    CHECK(said("train_mlm", {"--length", "33", "--projection", "mean"}) ==
          "k 17 instead of 32, since 17 windows of 2 positions hold all 33");
    CHECK(said("train_mlm", {"--length", "20", "--projection", "conv"}) ==
          "k 20 instead of 32, since a window has 20 tokens");
    CHECK(said("train_lm", {"--length", "32"}) == reading);
    CHECK(said("train_lm", {"--length", "20", "--k", "3"}) == reading);
    CHECK(said("train_lm", {"--length", "20", "--attention", "full"}) == reading);
    for (const char* program : {"train_lm", "train_mlm", "bench_step"})
        CHECK(contains(run(program, {"--help"}).out,
                       "by default less where n is less or, with mean, max and conv, a window "
                       "would be empty [32]"));
}

TEST_CASE(
    "programs effect: a run says first where its steps are too few to reach the learning rate") {
    Runs runs;
    const Arguments options{"--length", "32"};
    const std::string reading = "reading " + runs.text;
    for (const char* program : {"train_lm", "train_mlm"}) {
        CHECK(runs.first_line_of(program, options, 4) ==
              "--warmup 4: the learning rate does not reach --lr with --steps 3");
        CHECK(runs.first_line_of(program, options, 3) == reading);
    }
    const Arguments files{"--text", runs.text, "--out", runs.scratch.path("default")};
    CHECK(train_lm(small_model() + files + Arguments{"--steps", "1"})
              .out.starts_with(
                  "--warmup 100: the learning rate does not reach --lr with --steps 1\n"));
}

TEST_CASE("bench_step: an option that a forward pass does not use is said") {
    const auto noted = [](const Arguments& options) {
        return run("bench_step", small_model() + Arguments{"--steps", "1"} + options).err;
    };
    CHECK(noted({"--mode", "forward", "--dropout", "0.5"}) ==
          "bench_step: --dropout: no effect with --mode forward\n");
    CHECK(noted({"--mode", "train", "--dropout", "0.5"}).empty());
    CHECK(noted({"--mode", "forward"}).empty());
}
