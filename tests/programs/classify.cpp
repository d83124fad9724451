// What uses a classifier, from outside: classify and evaluate.
#include <doctest/doctest.h>

#include <cmath>

#include "core/io/safetensors.hpp"
#include "nn/model_directory.hpp"
#include "tests/support/classifier.hpp"

using namespace taper;
using namespace taper::tests;
using nlohmann::json;

TEST_CASE("programs classifier: classify lists the classes of a text with their probabilities") {
    const ClassifierData data;
    const auto of_text = [&](const std::string& text) {
        return run("classify", {"--model", data.out, "--text", text, "--threads", "1"});
    };
    const Result trained =
        train_classifier(with_defaults({"--steps", "40", "--lr", "3e-3"}, small_classifier()) +
                         Arguments{"--train", data.train, "--out", data.out});
    REQUIRE(trained.status == 0);
    // the command that the training ends with
    const std::string command = last_line(trained.out);
    CHECK(contains(trained.out, "\nnow try:\n" + command));
    CHECK(contains(command, "/classify --model " + data.out + " --text '"));
    const std::size_t quote = command.find('\'');
    const std::string text = command.substr(quote + 1, command.rfind('\'') - quote - 1);
    CHECK(contains(file_contents(data.train), "\t" + text));

    const Result result = of_text(text);
    CAPTURE(result.err);
    REQUIRE(result.status == 0);
    CHECK(result.err.empty());
    const auto model = nn::load_model<float>(data.out);
    const std::string characters =
        json::parse(file_contents(data.out + "/tokenizer.json")).at("characters");
    Ids tokens = empty<std::int64_t>({1, text.size()});
    for (std::size_t t = 0; t < text.size(); ++t)
        tokens(0, t) = static_cast<std::int64_t>(characters.find(text[t]));
    const Array<float> logits = model.classify(tokens).value();
    double sum = 0;
    for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
    std::istringstream listed(result.out);
    double probability = 0, before = 1, total = 0;
    std::string name, seen;
    while (listed >> probability >> name) {
        CHECK(probability <= before);
        before = probability;
        total += probability;
        seen += name;
        const auto label = name[0] - 'a';
        CHECK(probability ==
              doctest::Approx(std::exp(static_cast<double>(logits.data()[label])) / sum)
                  .epsilon(1e-4));
    }
    CHECK(seen.size() == 3);
    CHECK(total == doctest::Approx(1).epsilon(1e-4));

    // what is not read is said
    const std::string first(32, 'w');
    const Result longer = of_text(first + " a0 a1");
    CHECK(longer.out == of_text(first).out);
    CHECK(longer.err == "classify: --text: more than 32 tokens: the first 32 are read\n");
    const Result unknown = of_text("\u20ACw1 \u20ACa1");
    CHECK(unknown.out == of_text("w1 a1").out);
    CHECK(unknown.err ==
          "classify: --text: characters that are not in the vocabulary are left out: 2\n");
    check_refused(of_text("\u20AC"), {"--text: ", "a character of the vocabulary"});
    check_refused(of_text(""), {"--text: the text must not be empty"});
    check_refused(of_text("w\xFF"), {"--text: ", "UTF-8", "byte offset 1"});
}

TEST_CASE("programs classifier: classify refuses a directory without a classifier") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(3000));
    const auto refused = [&](const std::string& directory, const Arguments& words) {
        check_refused(run("classify", {"--model", directory, "--text", "the"}), words);
    };
    for (const char* program : {"train_mlm", "train_lm"}) {
        const std::string out = scratch.path(program);
        REQUIRE(run(program, small_run() + Arguments{"--text", text, "--out", out}, without_gnuplot)
                    .status == 0);
        refused(out, {"config.json: classes: ", "above 0", "train_classifier"});
    }
    refused(scratch.path("none"), {"/none/config.json: the file must exist"});
}

TEST_CASE(
    "programs classifier: --help says what is required, what is read, and where numbers are") {
    const std::string help = run("train_classifier", {"--help"}).out;
    for (const char* words :
         {"[required, except with --resume]", "tokens of a document that are read", "optional",
          "results.json in the --out directory", "the mean over the classes that the test has"})
        CHECK(contains(help, words));
}

TEST_CASE("programs classifier: evaluate computes class logits and their loss from labels") {
    const ClassifierData data;
    REQUIRE(train_classifier(short_classifier_run() + data.paths()).status == 0);
    const std::string in = data.scratch.path("in"), out = data.scratch.path("out");
    const auto evaluate = [&](std::vector<std::pair<std::string, Tensor>> tensors) {
        save_safetensors(in, {.tensors = std::move(tensors)});
        return run("evaluate", {"--model", data.out, "--tokens", in, "--out", out, "--gradients"});
    };
    const Ids tokens({2, 5}, 1);
    const Ids mask{{1, 1, 1, 0, 0}, {1, 0, 1, 1, 1}};
    REQUIRE(evaluate({{"tokens", tokens}, {"mask", mask}, {"labels", Ids{2, 0}}}).status == 0);
    const TensorFile found = load_safetensors(out);
    const auto model = nn::load_model<float>(data.out);
    Mask real({2, 5}, false);
    for (std::size_t i = 0; i < 10; ++i) real.data()[i] = mask.data()[i] == 1;
    const Var<float> logits = model.classify(tokens, {.real = real});
    CHECK(found.get<float>("class_logits") == logits.value());
    CHECK(found.get<float>("loss")() == cross_entropy(logits, Ids{2, 0}).item());
    CHECK(found.get<float>("logits").shape()[2] == model.config.vocab_size);
    CHECK(found.find("gradient.classifier.weight"));
    CHECK(found.get<float>("gradient.head.bias") == zeros<float>({model.config.vocab_size}));

    const Ids empty_row{{1, 1, 1, 0, 0}, {0, 0, 0, 0, 0}};
    check_refused(evaluate({{"tokens", tokens}, {"mask", empty_row}, {"labels", Ids{2, 0}}}),
                  {"tensor mask: with labels a row must have a real position: row 1"});
    check_refused(evaluate({{"tokens", tokens}, {"labels", Ids{2, 3}}}),
                  {"tensor labels", "0 to 2", "(1) is 3"});
    check_refused(evaluate({{"tokens", tokens}, {"labels", Ids{2}}}), {"tensor labels", "(1)"});
    check_refused(evaluate({{"tokens", tokens}, {"labels", Ids{2, 0}}, {"targets", tokens}}),
                  {"tensor labels", "one loss"});
    CHECK(evaluate({{"tokens", tokens}, {"targets", tokens}}).status == 0);
    CHECK_FALSE(load_safetensors(out).find("class_logits"));
}

TEST_CASE("programs classifier: a row is a document, whatever the batch pads it to") {
    const ClassifierData data({"a", "b", "c"}, 24);  // no class has ten: all train
    const auto losses_of = [&](const char* batch, const char* steps, const std::string& out) {
        REQUIRE(train_classifier(with_defaults({"--batch", batch}, small_classifier()) +
                                 Arguments{"--train", data.train, "--out", out, "--steps", steps,
                                           "--lr", "1e-30"})
                    .status == 0);
        double total = 0;
        for (const json& step : metrics_of(out)) total += step.at("loss").get<double>();
        return total / std::stod(steps);
    };
    CHECK(losses_of("24", "1", data.scratch.path("all")) ==
          doctest::Approx(losses_of("1", "24", data.scratch.path("each"))).epsilon(1e-6));

    const std::string train = data.scratch.file("more.tsv", lines_of({"a", "b", "c"}, 300));
    std::vector<double> losses;
    for (const char* batch : {"1", "4", "7"}) {
        const std::string out = data.scratch.path(batch);
        REQUIRE(train_classifier(with_defaults({"--batch", batch}, small_classifier()) +
                                 Arguments{"--train", train, "--test", data.test, "--out", out,
                                           "--steps", "1", "--lr", "1e-30"})
                    .status == 0);
        losses.push_back(metrics_of(out)[0].at("val_loss"));
        losses.push_back(results_of(out).at("loss"));
        CHECK(losses[losses.size() - 2] == doctest::Approx(losses[0]).epsilon(1e-6));
        CHECK(losses.back() == doctest::Approx(losses[1]).epsilon(1e-6));
    }
}
