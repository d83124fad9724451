// Runs: the same numbers every time, for any number of threads and whatever the batch validates in;
// texts too small to mask; numbers that are not finite.
#include <cmath>

#include "core/io/safetensors.hpp"
#include "tests/support/programs.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

Result train_into(const std::string& out, const std::string& text, const Arguments& more) {
    return train(small_model() + Arguments{"--text", text, "--out", out} + more);
}

void check_finite(const std::string& path) {
    for (const auto& tensor : load_safetensors(path).tensors) {
        CAPTURE(tensor.first);
        if (const auto* numbers = std::get_if<Array<float>>(&tensor.second))
            CHECK(std::all_of(numbers->begin(), numbers->end(),
                              [](float x) { return std::isfinite(x); }));
    }
}

}  // namespace

TEST_CASE("programs runs: the same bytes twice, and for every number of threads") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(20000));
    // Wide enough that products, rows and elements are cut into several chunks.
    const Arguments options{"--length",  "64",  "--k",         "16",   "--width", "96",
                            "--heads",   "3",   "--layers",    "1",    "--batch", "24",
                            "--dropout", "0.1", "--tokenizer", "byte", "--steps", "3"};
    std::vector<std::map<std::string, std::string>> runs;
    for (const char* threads : {"1", "2", "1", "5"}) {
        const std::string out = scratch.path("run" + std::to_string(runs.size()));
        CHECK(
            train(options + Arguments{"--text", text, "--out", out, "--threads", threads}).status ==
            0);
        runs.push_back({{"model", file_contents(out + "/model.safetensors")},
                        {"samples", file_contents(out + "/samples.txt")}});
        CHECK(runs.back()["model"].size() > 100000);
        CHECK(runs.back() == runs[0]);
    }
    const std::string other = scratch.path("other");
    CHECK(train(options + Arguments{"--text", text, "--out", other, "--seed", "1"}).status == 0);
    CHECK(file_contents(other + "/model.safetensors") != runs[0]["model"]);
}

TEST_CASE(
    "programs runs: the validation loss is of all targets alike, without dropout, whatever the "
    "batch") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(13000));  // 40 windows validate
    std::vector<double> losses;
    for (const Arguments& options : {Arguments{"--batch", "1"},
                                     {"--batch", "4"},
                                     {"--batch", "7"},
                                     {"--batch", "7", "--dropout", "0.5"}}) {
        const std::string out = scratch.path(std::to_string(losses.size()));
        CHECK(train(Arguments{"--length",     "32", "--k",      "8", "--width", "32",
                              "--heads",      "2",  "--layers", "2", "--text",  text,
                              "--out",        out,  "--steps",  "1", "--lr",    "1e-30",
                              "--eval-every", "1"} +
                    options)
                  .status == 0);
        losses.push_back(metrics_of(out)[0].at("val_loss"));
        CHECK(losses.back() == doctest::Approx(losses[0]).epsilon(1e-6));
    }
}

TEST_CASE("programs runs: 200 windows validate, of a text that has more") {
    const Scratch scratch;
    // 218 of 32
    const std::string text = scratch.file("text.txt", prose(70000)), out = scratch.path("run");
    const Result result = train_into(out, text, {"--steps", "1"});
    CHECK(result.status == 0);
    CHECK(contains(result.out, "7,000 validate (200 windows of 32)"));
}

TEST_CASE("programs runs: tokens a second are those of a step by the time it took") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(20000)), out = scratch.path("run");
    REQUIRE(train_into(out, text, {"--steps", "4"}).status == 0);
    double before = 0;
    for (const nlohmann::json& line : metrics_of(out)) {
        const double seconds = line.at("seconds"), speed = line.at("tokens_per_second");
        CHECK(speed * (seconds - before) == doctest::Approx(4 * 32).epsilon(1e-6));
        before = seconds;
    }
}

TEST_CASE("programs runs: rows that are too short for 15 % are masked all the same") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(20000));
    const Arguments tiny{"--width", "32", "--heads", "2",  "--layers",     "1",
                         "--batch", "1",  "--text",  text, "--eval-every", "0"};
    const std::string out = scratch.path("run"), single = scratch.path("single");
    CHECK(train(tiny + Arguments{"--length", "4", "--k", "2", "--steps", "3000", "--out", out})
              .status == 0);
    double first = 0, last = 0;
    const auto steps = metrics_of(out);
    REQUIRE(steps.size() == 3000);
    for (std::size_t i = 0; i < 200; ++i) {
        first += steps[i].at("loss").get<double>() / 200;
        last += steps[steps.size() - 1 - i].at("loss").get<double>() / 200;
    }
    CHECK(last < 0.9 * first);
    CHECK(last < std::log(22));  // the characters of the text
    CHECK(train(tiny + Arguments{"--length", "1", "--k", "1", "--steps", "50", "--out", single})
              .status == 0);
    CHECK(contains(file_contents(single + "/samples.txt"), "  masked: [MASK]\n"));
}

TEST_CASE(
    "programs runs: a run that is no longer finite stops with status 3 and keeps its last finite "
    "checkpoint") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(20000)), out = scratch.path("run");
    const Result result = train_into(out, text,
                                     {"--lr", "1e8", "--clip", "1e30", "--steps", "500",
                                      "--save-every", "1", "--eval-every", "50"});
    CAPTURE(result.err);
    CHECK(result.status == 3);
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
    CHECK(contains(result.err, "step "));
    CHECK(contains(result.err, "must be finite"));
    CHECK(contains(result.err, "every result must be finite: "));
    check_finite(out + "/checkpoint.safetensors");
    check_finite(out + "/model.safetensors");
    CHECK(metrics_of(out).size() < 500);
    CHECK_FALSE(contains(file_contents(out + "/metrics.jsonl"), "nan"));
    CHECK_FALSE(contains(file_contents(out + "/metrics.jsonl"), "null"));
    CHECK(train({"--out", out, "--resume"}).status == 3);  // from the checkpoint, to the same end
}

TEST_CASE("programs runs: a weight that is no number is named as numbers are everywhere") {
    const Scratch scratch;
    // The first token is in no window that is drawn: its gradient is 0, 0 times a rate that is
    // infinite is NaN, which is -nan to printf on x86.
    const std::string text = scratch.file("text.txt", "\t" + prose(5000));
    const Result result =
        train_into(scratch.path("run"), text,
                   {"--lr", "1e38", "--clip", "0", "--warmup", "0", "--steps", "20"});
    CAPTURE(result.err);
    CHECK(result.status == 3);
    CHECK(contains(result.err, ": a weight must be finite: "));
    CHECK(result.err.ends_with(" is nan\n"));
}

TEST_CASE("programs runs: a gradient whose square is not finite stops the run before it is saved") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(5000)), out = scratch.path("run");
    REQUIRE(train_into(out, text, {"--clip", "0", "--steps", "1"}).status == 0);
    TensorFile checkpoint = load_safetensors(out + "/checkpoint.safetensors");
    for (auto& [name, tensor] : checkpoint.tensors)
        if (name == "model.norm.weight") tensor = full<float>({32}, 1e25f);
    checkpoint.metadata.erase("hash");
    save_safetensors(out + "/checkpoint.safetensors", checkpoint);
    const Result result = train({"--resume", "--out", out, "--steps", "9", "--save-every", "1"});
    CAPTURE(result.err);
    CHECK(result.status == 3);
    CHECK(contains(result.err, "the square of a gradient must be finite: "));
    // with its new options
    const TensorFile left = load_safetensors(out + "/checkpoint.safetensors");
    CHECK(left.metadata.at("state") == checkpoint.metadata.at("state"));
    REQUIRE(left.tensors.size() == checkpoint.tensors.size());
    for (std::size_t i = 0; i < left.tensors.size(); ++i)
        CHECK(bytes_of(left.tensors[i].second) == bytes_of(checkpoint.tensors[i].second));
}
