// train_classifier from outside: runs that are stopped and go on, their directories, and masked
// models that are fine-tuned.
#include <doctest/doctest.h>

#include "core/io/safetensors.hpp"
#include "tests/support/classifier.hpp"

using namespace taper;
using namespace taper::tests;
using nlohmann::json;

TEST_CASE("programs classifier: stopped at many moments and resumed, it ends in the same bytes") {
    const ClassifierData data;
    const Arguments options =
        small_classifier() + Arguments{"--train",      data.train, "--test",       data.test,
                                       "--steps",      "60",       "--dropout",    "0.1",
                                       "--eval-every", "7",        "--save-every", "9",
                                       "--warmup",     "10"};
    const std::string whole = data.scratch.path("whole");
    REQUIRE(train_classifier(options + Arguments{"--out", whole, "--threads", "1"}).status == 0);

    Process first("train_classifier", options + Arguments{"--out", data.out}, without_gnuplot);
    REQUIRE(first.wait_for([&] { return steps_logged(data.out) >= 1; }));
    first.kill(SIGINT);
    Result result = first.wait();
    for (std::uint64_t i = 0; i < 20 && result.status == 130; ++i) {
        Process process("train_classifier",
                        {"--resume", "--out", data.out, "--threads", i % 2 ? "1" : "3"},
                        without_gnuplot);
        const std::size_t before = steps_logged(data.out);
        if (i < 6) {
            process.wait_for([&] { return i % 3 == 0 || steps_logged(data.out) > before; });
            std::this_thread::sleep_for(std::chrono::milliseconds(3 * i));
            process.kill(i % 3 == 2 ? SIGKILL : SIGINT);
        }
        result = process.wait();
        if (result.status < 0) result.status = 130;
    }
    CAPTURE(result.err);
    REQUIRE(result.status == 0);
    for (const char* file :
         {"model.safetensors", "config.json", "tokenizer.json", "samples.txt", "results.json"}) {
        CAPTURE(file);
        CHECK(file_contents(data.out + "/" + file) == file_contents(whole + "/" + file));
    }
    auto steps = metrics_of(data.out), expected = metrics_of(whole);
    for (auto* lines : {&steps, &expected})
        for (json& line : *lines) {
            line.erase("seconds");
            line.erase("tokens_per_second");
        }
    CHECK(steps == expected);
}

TEST_CASE("programs classifier: a run that is done is judged again, also on other documents") {
    const ClassifierData data;
    REQUIRE(train_classifier(short_classifier_run() + data.paths()).status == 0);
    const auto files = directory_contents(data.out);
    std::filesystem::remove(data.out + "/results.json");
    const Result again = train_classifier({"--resume", "--out", data.out});
    CHECK(again.status == 0);
    CHECK(contains(again.out, "nothing to do"));
    CHECK(contains(again.out, "  accuracy  "));
    CHECK(directory_contents(data.out) == files);
    const std::string other = data.scratch.file("other.tsv", lines_of({"b"}, 7));
    REQUIRE(train_classifier({"--resume", "--out", data.out, "--test", other}).status == 0);
    CHECK(results_of(data.out).at("documents") == 7);
    CHECK(file_contents(data.out + "/model.safetensors") ==
          files.at(data.out + "/model.safetensors"));
    const Result more = train_classifier({"--resume", "--out", data.out, "--steps", "30"});
    CHECK(contains(more.out, "now follows 30 steps, before 20"));
    CHECK(metrics_of(data.out).size() == 30);
}

TEST_CASE("programs classifier: a run's directory, data and options are its own") {
    const ClassifierData data;
    REQUIRE(train_classifier(short_classifier_run() + data.paths()).status == 0);
    const auto files = directory_contents(data.out);
    check_refused(train_classifier(short_classifier_run() + data.paths()),
                  {"--out", "--resume", data.out});
    check_refused(train_classifier({"--resume", "--out", data.out, "--lr", "0.5"}),
                  {"--lr", "0.5"});
    check_refused(train_classifier({"--resume", "--out", data.out, "--width", "32"}),
                  {"--width", "32"});
    check_refused(train_classifier({"--resume", "--out", data.scratch.path("none")}), {"--resume"});
    check_refused(train({"--resume", "--out", data.out}), {"--out", "of a classifier"});
    const std::string masked = data.scratch.path("masked");
    const std::string text = data.scratch.file("text.txt", prose(3000));
    REQUIRE(train(small_run() + Arguments{"--text", text, "--out", masked}).status == 0);
    check_refused(train_classifier({"--resume", "--out", masked}), {"--out", "of a masked model"});
    std::filesystem::rename(data.train, data.train + ".moved");
    check_refused(train_classifier({"--resume", "--out", data.out, "--steps", "30"}), {data.train});
    data.scratch.file("train.tsv", lines_of({"a", "b", "c"}, 301));
    check_refused(train_classifier({"--resume", "--out", data.out, "--steps", "30"}),
                  {data.train, "others"});
    CHECK(directory_contents(data.out) == files);
    CHECK(train_classifier({"--resume", "--out", data.out, "--train", data.train + ".moved"})
              .status == 0);
}

TEST_CASE("programs classifier: a masked model is fine-tuned with its tokenizer and its shape") {
    const ClassifierData data;
    const std::string text = data.scratch.file("text.txt", file_contents(data.train));
    const std::string base = data.scratch.path("base");
    REQUIRE(train(small_run() + Arguments{"--text", text, "--out", base, "--dropout", "0.1",
                                          "--tokenizer", "bpe", "--vocab", "300", "--sharing",
                                          "key-value", "--tie-embeddings"})
                .status == 0);
    const Arguments fine_tune = data.paths() + Arguments{"--model", base, "--threads", "1"};
    const Result result =
        train_classifier(fine_tune + Arguments{"--steps", "5", "--width", "64", "--lr", "1e-30"});
    CAPTURE(result.err);
    REQUIRE(result.status == 0);
    CHECK(contains(result.out, "--width: no effect with --model\n"));
    CHECK(file_contents(data.out + "/tokenizer.json") == file_contents(base + "/tokenizer.json"));
    json config = json::parse(file_contents(data.out + "/config.json"));
    const json before = json::parse(file_contents(base + "/config.json"));
    CHECK(config.at("class_names") == ClassNames{"a", "b", "c"});
    config.erase("class_names");
    config["classes"] = 0;
    CHECK(config == before);
    // At this learning rate the weights are the base's.
    const TensorFile weights = load_safetensors(data.out + "/model.safetensors");
    const TensorFile base_weights = load_safetensors(base + "/model.safetensors");
    for (const auto& entry : base_weights.tensors) {
        const std::string& name = entry.first;
        const Tensor& tensor = entry.second;
        CAPTURE(name);
        const bool decays = shape_of(tensor).size() > 1;
        REQUIRE(weights.find(name));
        if (!decays) CHECK(bytes_of(*weights.find(name)) == bytes_of(tensor));
        else CHECK(weights.get<float>(name) == std::get<Array<float>>(tensor));
    }

    // It goes on without the model that it started from, which it also would not take back.
    const std::string twice = data.scratch.path("twice");
    const std::string once = data.scratch.path("once");
    for (const std::string& out : {once, twice})
        REQUIRE(train_classifier({"--train", data.train, "--model", base, "--out", out, "--steps",
                                  out == once ? "12" : "4", "--warmup", "3", "--dropout", "0.2"})
                    .status == 0);
    CHECK(json::parse(file_contents(once + "/config.json")).at("dropout") == 0.2);
    std::filesystem::remove_all(base);
    REQUIRE(train_classifier({"--resume", "--out", twice, "--steps", "12"}).status == 0);
    CHECK(metrics_of(twice).size() == 12);
    check_refused(train_classifier({"--resume", "--out", twice, "--model", "other"}), {"--model"});
    for (const char* program : {"fill_mask", "train_classifier"}) {
        const Arguments rest = program == std::string("fill_mask")
                                   ? Arguments{"--text", "[MASK]"}
                                   : Arguments{"--train", data.train, "--out", base};
        check_refused(run(program, Arguments{"--model", once} + rest),
                      {"config.json: classes: ", "3"});
    }
    CHECK_FALSE(std::filesystem::exists(base));
}

TEST_CASE("programs classifier: a causal model is refused, and a directory that is none") {
    const ClassifierData data;
    const std::string text = data.scratch.file("text.txt", prose(3000));
    const std::string causal = data.scratch.path("causal");
    REQUIRE(train_lm(small_run() + Arguments{"--text", text, "--out", causal}).status == 0);
    check_refused(train_classifier(data.paths() + Arguments{"--model", causal}),
                  {"config.json: causal: ", "must be false"});
    check_refused(train_classifier(data.paths() + Arguments{"--model", "/no/such"}), {"/no/such"});
    check_refused(train_classifier(data.paths() + Arguments{"--model", ""}), {"--model"});
    CHECK_FALSE(std::filesystem::exists(data.out));
}
