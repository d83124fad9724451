// train_lm and generate from outside; evaluate computes what they are compared with.
#include <doctest/doctest.h>

#include <cmath>
#include <span>

#include "core/io/safetensors.hpp"
#include "examples/common/tokenizer.hpp"
#include "tests/support/trained.hpp"

using namespace taper;
using namespace taper::tests;

TEST_CASE("programs lm: train_lm learns, with bits per character or byte, whatever the tokenizer") {
    const Scratch scratch;
    const std::string text =
        scratch.file("text.txt", prose(20000) + "\xC3\xA9\xE2\x82\xAC" + prose(10000));
    for (const std::string tokenizer : {"char", "byte", "bpe"}) {
        const std::string out = scratch.path(tokenizer);
        Arguments options =
            small_run() + Arguments{"--text", text, "--out", out, "--tokenizer", tokenizer};
        if (tokenizer == "bpe") options = options + Arguments{"--vocab", "300"};
        CHECK(train_lm(options).status == 0);
        const auto steps = metrics_of(out);
        CHECK(steps.size() == 20);
        CHECK(steps.back().at("loss") < steps.front().at("loss"));
        const double nats = steps.back().at("val_loss");
        if (tokenizer == "char")
            CHECK(steps.back().at("val_bits_per_char") == doctest::Approx(nats / std::log(2.0)));
        if (tokenizer == "byte")
            CHECK(steps.back().at("val_bits_per_byte") == doctest::Approx(nats / std::log(2.0)));
        if (tokenizer == "bpe")
            CHECK(steps.back().at("val_bits_per_char") < nats / std::log(2.0) / 1.5);
        CHECK(steps.back().contains("val_bits_per_char") != (tokenizer == "byte"));
        CHECK_FALSE(file_contents(out + "/samples.txt").empty());
        CHECK(contains(file_contents(out + "/config.json"), "\"causal\": true"));
    }
}

TEST_CASE("programs lm: train_lm ends in the same bytes resumed, and for every number of threads") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(20000));
    const std::string once = scratch.path("once");
    const std::string twice = scratch.path("twice");
    const Arguments model =
        small_model() + Arguments{"--text", text, "--dropout", "0.1", "--window", "4"};
    CHECK(train_lm(model + Arguments{"--out", once, "--steps", "30", "--threads", "1"}).status ==
          0);
    Process process("train_lm",
                    model + Arguments{"--out", twice, "--steps", "30", "--threads", "2"},
                    without_gnuplot);
    process.wait_for(
        [&] { return contains(file_contents(twice + "/metrics.jsonl"), "\"step\":5"); });
    process.kill(SIGINT);
    process.wait();
    CHECK(train_lm({"--resume", "--out", twice}).status == 0);
    CHECK(file_contents(once + "/model.safetensors") ==
          file_contents(twice + "/model.safetensors"));
}

TEST_CASE(
    "programs lm: train_lm, train_mlm, generate and fill_mask refuse models of the other kind") {
    Trained causal;
    const std::string masked = causal.scratch.path("masked");
    CHECK(train(small_run() + Arguments{"--text", causal.text, "--out", masked}).status == 0);
    check_refused(run("fill_mask", {"--model", causal.model, "--text", "[MASK]"}),
                  {"config.json: causal: ", "false"});
    check_refused(run("generate", {"--model", masked}), {"config.json: causal: ", "true"});
    check_refused(train_lm({"--resume", "--out", masked, "--steps", "40"}),
                  {"--out", masked, "masked"});
    check_refused(train({"--resume", "--out", causal.model, "--steps", "40"}),
                  {"--out", causal.model, "causal"});
}

TEST_CASE("programs lm: every variant trains, evaluates and generates") {
    for (const Arguments& options :
         std::vector<Arguments>{{"--sharing", "none"},
                                {"--sharing", "key-value", "--k", "8,4"},
                                {"--sharing", "layerwise", "--projection", "random"},
                                {"--attention", "full"},
                                {"--window", "5", "--norm", "post", "--tie-embeddings"}}) {
        Trained trained(options);
        CHECK(trained.generate({"--prompt", "the ", "--tokens", "50"}).status == 0);
        CHECK(trained.evaluate({{"tokens", ids({2, 7}, 1)}}).status == 0);
    }
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(20000));
    for (const std::string projection : {"mean", "max", "conv"})
        CHECK(train(small_run() + Arguments{"--text", text, "--out", scratch.path(projection),
                                            "--projection", projection})
                  .status == 0);
    check_refused(train_lm(small_run() + Arguments{"--text", text, "--out", scratch.path("no"),
                                                   "--projection", "max"}),
                  {"projection: a causal linformer must have linear or random"});
    check_refused(train_lm(small_run_with({"--k", "8,x"}) +
                           Arguments{"--text", text, "--out", scratch.path("no")}),
                  {"--k", "'x'"});
    check_refused(train_lm(small_run_with({"--k", "8,8,8"}) +
                           Arguments{"--text", text, "--out", scratch.path("no")}),
                  {"k: a list must have a number for each layer: k has 3, layers 2"});
}

TEST_CASE(
    "programs lm: generate at temperature 0 is the likeliest token after the window, for prompts "
    "of every length") {
    Trained trained;
    const auto tokenizer = nlohmann::json::parse(file_contents(trained.model + "/tokenizer.json"));
    const std::string characters = tokenizer.at("characters");
    for (const std::size_t length : {1U, 31U, 32U, 33U, 500U}) {
        const std::string prompt = prose(length);
        const Result result =
            trained.generate({"--prompt", prompt, "--tokens", "40", "--temperature", "0"});
        REQUIRE(result.status == 0);
        REQUIRE(result.out.size() == length + 41);  // and a newline
        CHECK(result.out.starts_with(prompt));
        std::size_t window = 0;  // of 32: when it is full and one more comes, 16 go
        for (std::size_t place = 1; place < result.out.size() - 1; ++place) {
            window = window == 32 ? 17 : window + 1;
            if (place < length) continue;
            Ids tokens = ids({1, window}, 0);
            for (std::size_t t = 0; t < window; ++t)
                tokens(0, t) =
                    static_cast<std::int64_t>(characters.find(result.out[place - window + t]));
            REQUIRE(trained.evaluate({{"tokens", tokens}}).status == 0);
            const TensorFile file = load_safetensors(trained.out);
            const auto& logits = file.get<float>("logits");
            std::size_t best = 0;
            for (std::size_t i = 0; i < characters.size(); ++i)
                if (logits(0, window - 1, i) > logits(0, window - 1, best)) best = i;
            CHECK(characters[best] == result.out[place]);
        }
    }
}

TEST_CASE("programs lm: generate draws by its seed, and starts with a newline") {
    Trained trained;
    const auto text = [&](const Arguments& options) { return trained.generate(options).out; };
    CHECK(text({"--seed", "1"}) == text({"--seed", "1", "--threads", "1"}));
    CHECK(text({"--seed", "1"}) != text({"--seed", "2"}));
    CHECK(text({}).starts_with("\n"));
    CHECK(text({}) == text({"--prompt", "\n"}));
    CHECK(text({"--top-k", "1"}) == text({"--temperature", "0"}));
    CHECK(text({"--top-k", "1000"}) == text({}));
    CHECK(text({"--top-p", "1"}) == text({}));
    CHECK(text({"--top-p", "1e-9"}) == text({"--temperature", "0"}));
    CHECK(text({"--top-p", "0.5"}) != text({}));
    CHECK(text({"--top-k", "2"}) != text({}));
    CHECK(text({"--temperature", "0.5"}) != text({}));
}

TEST_CASE(
    "programs lm: fill_mask shows for each mask the likeliest tokens by evaluate's logits there") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(5000)), model = scratch.path("model");
    REQUIRE(train(small_run() + Arguments{"--text", text, "--out", model}).status == 0);
    const std::string question = "the [MASK]ree[MASK] ri[MASK]";
    const std::string in = scratch.path("in");
    const std::string out = scratch.path("out");
    const auto tokenizer =
        examples::Tokenizer::from_json(file_contents(model + "/tokenizer.json"), model);
    const auto numbers = examples::encode_with_masks(*tokenizer, question, "question");
    Ids tokens = empty<std::int64_t>({1, numbers.size()});
    std::copy(numbers.begin(), numbers.end(), tokens.data());
    save_safetensors(in, {.tensors = {{"tokens", tokens}}});
    REQUIRE(run("evaluate", {"--model", model, "--tokens", in, "--out", out}).status == 0);
    const TensorFile evaluated = load_safetensors(out);
    const auto& logits = evaluated.get<float>("logits");

    std::istringstream shown(
        run("fill_mask", {"--model", model, "--text", question, "--top", "3"}).out);
    std::string line;
    for (std::size_t position = 0; position < numbers.size(); ++position) {
        if (numbers[position] != *tokenizer->mask_id()) continue;
        std::vector<std::pair<double, std::int32_t>> likeliest;
        double total = 0;
        for (std::int32_t token = 0; token < tokenizer->size(); ++token) {
            const double power = std::exp(logits(0, position, static_cast<std::size_t>(token)));
            total += power;
            likeliest.emplace_back(power, token);
        }
        std::sort(likeliest.rbegin(), likeliest.rend());
        std::getline(shown, line);
        CHECK(line.starts_with("mask "));
        for (std::size_t i = 0; i < 3; ++i) {
            std::getline(shown, line);
            CHECK(std::stod(line) == doctest::Approx(likeliest[i].first / total).epsilon(1e-4));
            CHECK(line.ends_with(" " + tokenizer->spelling(likeliest[i].second)));
        }
    }
}

TEST_CASE("programs lm: generate refuses prompts and numbers that make no sense") {
    Trained trained;
    check_refused(trained.generate({"--prompt", "th\xC2\xA7"}),
                  {"--prompt", "\xC2\xA7", "position 2"});
    for (const std::string prompt : {"--prompt", "--prompt="}) {
        const Arguments empty =
            prompt == "--prompt" ? Arguments{prompt, ""} : Arguments{prompt, "the"};
        check_refused(trained.generate(empty), {"--prompt"});
    }
    const std::vector<std::pair<std::string, std::string>> wrong_values = {
        {"--temperature", "-1"}, {"--temperature", "nan"}, {"--top-k", "0"},   {"--top-p", "0"},
        {"--top-p", "1.01"},     {"--tokens", "0"},        {"--tokens", "-1"},
    };
    for (const auto& [option, value] : wrong_values)
        check_refused(trained.generate({option, value}), {option, value});
    check_refused(run("generate", {"--prompt", "a"}), {"--model"});
}

TEST_CASE("programs lm: a text of one character is learned, and only it comes out") {
    const Scratch scratch;
    const std::string text = scratch.file("a.txt", std::string(5000, 'a'));
    const std::string out = scratch.path("run");
    CHECK(train_lm(small_model() + Arguments{"--text", text, "--out", out, "--steps", "300"})
              .status == 0);
    CHECK(metrics_of(out).back().at("loss") < 0.05);
    CHECK(run("generate", {"--model", out, "--prompt", "a", "--tokens", "40"}).out ==
          std::string(41, 'a') + "\n");
    check_refused(run("generate", {"--model", out}),
                  {"--prompt (not given: a newline)", "position 0"});  // it never saw a newline
}

TEST_CASE(
    "programs lm: validation bits are of characters, whatever the tokens are, and of bytes for "
    "byte") {
    using namespace taper::examples;
    const Scratch scratch;
    std::string text;
    for (const char c : prose(9000))
        text += c == 'e' ? "\u00E9" : c == 'i' ? "\U0001F600" : std::string(1, c);
    const std::string path = scratch.file("text.txt", text);
    for (const Arguments& tokenizer : {Arguments{"--tokenizer", "char"},
                                       {"--tokenizer", "byte"},
                                       {"--tokenizer", "bpe", "--vocab", "300"}}) {
        CAPTURE(tokenizer[1]);
        const std::string out = scratch.path(tokenizer[1]);
        const Arguments one_step{"--steps", "1", "--text", path, "--out", out};
        REQUIRE(train_lm(small_model() + one_step + tokenizer).status == 0);
        const TokenIds ids = Tokenizer::load(out + "/tokenizer.json")->encode(text);
        const std::span<const std::int32_t> held_out = std::span(ids).last(ids.size() / 10);
        const std::string validated = Tokenizer::load(out + "/tokenizer.json")->decode(held_out);
        const bool bytes = tokenizer[1] == "byte";
        const std::size_t symbols = bytes ? validated.size() : code_point_count(validated);
        const auto line = metrics_of(out)[0];
        const double expected = line.at("val_loss").get<double>() *
                                static_cast<double>(held_out.size()) /
                                (static_cast<double>(symbols) * std::log(2.0));
        CHECK(line.at(bytes ? "val_bits_per_byte" : "val_bits_per_char").get<double>() ==
              doctest::Approx(expected).epsilon(1e-12));
        CHECK(!line.contains(bytes ? "val_bits_per_char" : "val_bits_per_byte"));
    }
}
