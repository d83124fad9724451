// train_classifier from outside: what it learns and says of the test, faulty data and directories,
// and runs that are stopped and go on.
#include <doctest/doctest.h>

#include <cmath>

#include "core/io/safetensors.hpp"
#include "nn/model_directory.hpp"
#include "tests/support/programs.hpp"

using namespace taper;
using namespace taper::tests;
using nlohmann::json;

namespace {

using Lines = std::vector<std::string>;

Result classify(const Arguments& arguments) {
    return run("train_classifier", arguments, without_gnuplot);
}

Arguments small_classifier() {
    return {"--length", "32", "--k",      "8", "--width", "16",
            "--heads",  "2",  "--layers", "1", "--batch", "8"};
}
Arguments short_run() { return small_classifier() + Arguments{"--steps", "20", "--threads", "1"}; }

// Each line is of the next of these classes, of 2 to 8 words. Half of them are of that class alone.
std::string lines_of(const Lines& classes, std::size_t count, const char* stream = "lines") {
    const Random random(0, stream);
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string& label = classes[i % classes.size()];
        text += label + "\t";
        const std::uint64_t pairs = 1 + random.below(100 * i, 4);
        for (std::uint64_t pair = 1; pair <= pairs; ++pair) {
            const std::uint64_t n = random.below(100 * i + pair, 10);
            text += "w" + std::to_string(n) + " " + label + std::to_string(n % 3) + " ";
        }
        text += "\n";
    }
    return text;
}

json results_of(const std::string& directory) {
    return json::parse(file_contents(directory + "/results.json"));
}

struct Data {
    Scratch scratch;
    std::string train, test;
    std::string out = scratch.path("run");

    explicit Data(const Lines& classes = {"a", "b", "c"}, std::size_t count = 300)
        : train(scratch.file("train.tsv", lines_of(classes, count))),
          test(scratch.file("test.tsv", lines_of(classes, 60, "test"))) {}

    Arguments paths() const { return {"--train", train, "--test", test, "--out", out}; }
    void refused(const std::string& bytes, const Arguments& words) const {
        const std::string path = scratch.file("faulty.tsv", bytes);
        check_refused(classify(short_run() + Arguments{"--train", path, "--out", out}), words);
        CHECK_FALSE(std::filesystem::exists(out));
    }
};

}  // namespace

TEST_CASE("programs classifier: it learns, and says how good it is beside what is easy") {
    const Data data;
    const Result result =
        classify(small_classifier() + data.paths() +
                 Arguments{"--steps", "150", "--eval-every", "50", "--lr", "3e-3"});
    CAPTURE(result.err);
    REQUIRE(result.status == 0);
    CHECK(contains(result.out, "/train.tsv: 300 documents of 3 classes\n"));
    CHECK(contains(result.out, "/test.tsv: 60 documents of 3 classes\n"));
    CHECK(contains(result.out, "\nclasses: 'a' 100 documents, 'b' 100 documents, 'c' 100"));
    CHECK(contains(result.out, "\n270 documents train, 30 validate\n"));
    CHECK(contains(result.out, "\n150 steps of 8 documents: each is read 4.4 times\n"));

    const json results = results_of(data.out);
    CHECK(results.at("accuracy") > 0.9);
    CHECK(results.at("most_frequent").at("accuracy") == doctest::Approx(1.0 / 3));
    CHECK(results.at("naive_bayes").at("accuracy") > 0.9);
    CHECK(results.at("documents") == 60);
    CHECK(results.at("step") == 150);
    const double p = results.at("accuracy");
    CHECK(results.at("standard_error") == doctest::Approx(std::sqrt(p * (1 - p) / 60)));
    std::size_t right = 0, all = 0;
    for (std::size_t row = 0; row < 3; ++row)
        for (std::size_t column = 0; column < 3; ++column) {
            const std::size_t count = results.at("confusion")[row][column];
            all += count;
            right += row == column ? count : 0;
        }
    CHECK(all == 60);
    CHECK(p == doctest::Approx(static_cast<double>(right) / 60));
    CHECK(contains(result.out, "  accuracy             " + std::to_string(p).substr(0, 6)));
    CHECK(contains(result.out, "\ntest: 60 documents, judged after step 150, the last one\n"));
    CHECK(contains(result.out, "\nconfusion (a row is the true class, a column the predicted "));

    const json config = json::parse(file_contents(data.out + "/config.json"));
    CHECK(config.at("classes") == 3);
    CHECK(config.at("class_names") == Lines{"a", "b", "c"});
    const auto steps = metrics_of(data.out);
    CHECK(steps.size() == 150);
    CHECK(steps.back().at("val_loss") < steps[49].at("val_loss"));
    CHECK_FALSE(steps.back().contains("val_bits_per_char"));
    CHECK(contains(file_contents(data.out + "/samples.txt"), "right\n"));
    CHECK(nn::load_model<float>(data.out).classifier.has_value());
}

TEST_CASE("programs classifier: classes go by name, in whatever order their documents come") {
    const Lines names{"0", "1", "10", "11", "2", "3", "4", "5", "6", "7", "8", "9"};
    const Lines in_order{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"};
    const Data data(in_order, 240);
    REQUIRE(classify(short_run() + data.paths()).status == 0);
    CHECK(json::parse(file_contents(data.out + "/config.json")).at("class_names") == names);
    const json results = results_of(data.out);
    for (std::size_t c = 0; c < names.size(); ++c) {
        CHECK(results.at("classes")[c].at("name") == names[c]);
        CHECK(results.at("classes")[c].at("documents") == 5);
    }
    // The same documents in folders, made in another order.
    const Scratch folders;
    std::istringstream lines(lines_of(in_order, 240));
    std::vector<std::pair<std::string, std::string>> files;
    for (std::string line; std::getline(lines, line);) {
        const std::size_t tab = line.find('\t');
        files.emplace_back(line.substr(0, tab), line.substr(tab + 1));
    }
    for (std::size_t i = files.size(); i-- > 0;) {
        std::filesystem::create_directories(folders.path("train/" + files[i].first));
        folders.file("train/" + files[i].first + "/" + std::to_string(1000 + i), files[i].second);
    }
    const std::string out = folders.path("run");
    const Result result = classify(short_run() + Arguments{"--train", folders.path("train"),
                                                           "--test", data.test, "--out", out});
    CAPTURE(result.err);
    REQUIRE(result.status == 0);
    CHECK(contains(result.out, "/train: 240 documents of 12 classes\n"));
    CHECK(json::parse(file_contents(out + "/config.json")).at("class_names") == names);
}

TEST_CASE("programs classifier: a test set may lack a class, and may have none that is new") {
    const Data data({"a", "b", "c", "d"}, 200);
    const std::string fewer = data.scratch.file("fewer.tsv", lines_of({"d", "a", "b"}, 30));
    const Result result = classify(
        short_run() + Arguments{"--train", data.train, "--test", fewer, "--out", data.out});
    REQUIRE(result.status == 0);
    const json results = results_of(data.out);
    CHECK(results.at("classes")[2].at("documents") == 0);
    // The classes of the test, counted by hand from the model's own logits.
    const auto model = nn::load_model<float>(data.out);
    const auto tokenizer = json::parse(file_contents(data.out + "/tokenizer.json"));
    const std::string characters = tokenizer.at("characters");
    std::istringstream lines(file_contents(fewer));
    std::size_t right = 0;
    for (std::string line; std::getline(lines, line);) {
        const std::string text = line.substr(2).substr(0, 32);
        Ids tokens = empty<std::int64_t>({1, text.size()});
        for (std::size_t t = 0; t < text.size(); ++t)
            tokens(0, t) = static_cast<std::int64_t>(characters.find(text[t]));
        const Array<float> logits = model.classify(tokens).value();
        const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
        right += "abcd"[best] == line[0];
    }
    CHECK(results.at("accuracy").get<double>() ==
          doctest::Approx(static_cast<double>(right) / 30).epsilon(1e-12));

    const std::string other = data.scratch.file("other.tsv", lines_of({"a", "b", "z"}, 9));
    const std::string never = data.scratch.path("never");
    check_refused(
        classify(short_run() + Arguments{"--train", data.train, "--test", other, "--out", never}),
        {other + ":3", "'z'", "--train has 'a', 'b', 'c', 'd'"});
    CHECK_FALSE(std::filesystem::exists(never));
}

TEST_CASE("programs classifier: quotes are letters, and faulty lines are named") {
    const Data data;
    const std::string path =
        data.scratch.file("quotes.tsv", "a\t\"x\nb\the said \"no\r\na\ty\"\nb\tc\td\n\n");
    const Result result = classify(short_run() + Arguments{"--train", path, "--out", data.out});
    REQUIRE(result.status == 0);
    CHECK(contains(result.out, "/quotes.tsv: 4 documents of 2 classes\n"));
    CHECK(contains(result.out, "4 documents train, 0 validate: no class has 10 documents\n"));
    CHECK_FALSE(std::filesystem::exists(data.out + "/results.json"));  // no --test
    CHECK_FALSE(metrics_of(data.out).back().contains("val_loss"));
    const json tokenizer = json::parse(file_contents(data.out + "/tokenizer.json"));
    CHECK(contains(tokenizer.at("characters"), "\""));
    CHECK_FALSE(contains(tokenizer.at("characters"), "\r"));
    std::filesystem::remove_all(data.out);

    data.refused("a\tx\nno tab\n", {"faulty.tsv:2: ", "there is no tab"});
    data.refused("a\tx\nb\t\n", {"faulty.tsv:2: ", "must not be empty"});
    data.refused("a\tx\nb\t\xFF\n", {"faulty.tsv: ", "UTF-8", "byte offset 6"});
    data.refused("a\tx\na\ty\n", {"--train", "two classes", "'a'"});
    data.refused("", {"faulty.tsv: "});
    check_refused(classify(short_run() + Arguments{"--out", data.out}), {"--train"});
    check_refused(classify(short_run() + Arguments{"--train", "/no/such", "--out", data.out}),
                  {"/no/such"});
    const std::string bytes = data.scratch.file("bytes.tsv", "a\t\xFF\nb\tx\n");
    CHECK(classify(short_run() +
                   Arguments{"--train", bytes, "--out", data.out, "--tokenizer", "byte"})
              .status == 0);
}

TEST_CASE("programs classifier: long documents, unknown letters and rare classes are no trouble") {
    const Scratch scratch;
    const std::string longest(1 << 20, 'x');
    const std::string train = scratch.file(
        "train.tsv", lines_of({"o"}, 195) + "r\t" + longest + "\n" + lines_of({"r"}, 4));
    const std::string test = scratch.file("test.tsv", "o\tw1 \u20AC\nr\t" + longest + "\no\tw2\n");
    const std::string out = scratch.path("run");
    const Result result =
        classify(short_run() + Arguments{"--train", train, "--test", test, "--out", out});
    CAPTURE(result.err);
    REQUIRE(result.status == 0);
    CHECK(
        contains(result.out, "--train: 1 of 200 documents have more than 32 tokens: the first 32"));
    CHECK(contains(result.out, "--test: 1 of 3 documents have more than 32 tokens"));
    CHECK(contains(result.out,
                   "--test: characters that are not in the vocabulary are left out: 1\n"));
    CHECK(contains(result.out, "most frequent class  0.6667: always 'o'"));
    const json results = results_of(out);
    CHECK(results.at("most_frequent").at("name") == "o");
    CHECK(results.at("macro_f1") <= 1.0);
    const std::string none = scratch.file("none.tsv", "o\t\u20AC\n");
    check_refused(classify({"--resume", "--out", out, "--test", none}),
                  {"none.tsv:1: ", "vocabulary", "leave it out", "--tokenizer byte"});
}

TEST_CASE("programs classifier: stopped at many moments and resumed, it ends in the same bytes") {
    const Data data;
    const Arguments options =
        small_classifier() + Arguments{"--train",      data.train, "--test",       data.test,
                                       "--steps",      "60",       "--dropout",    "0.1",
                                       "--eval-every", "7",        "--save-every", "9",
                                       "--warmup",     "10"};
    const std::string whole = data.scratch.path("whole");
    REQUIRE(classify(options + Arguments{"--out", whole, "--threads", "1"}).status == 0);

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
    const Data data;
    REQUIRE(classify(short_run() + data.paths()).status == 0);
    const auto files = directory_contents(data.out);
    std::filesystem::remove(data.out + "/results.json");
    const Result again = classify({"--resume", "--out", data.out});
    CHECK(again.status == 0);
    CHECK(contains(again.out, "nothing to do"));
    CHECK(contains(again.out, "  accuracy  "));
    CHECK(directory_contents(data.out) == files);
    const std::string other = data.scratch.file("other.tsv", lines_of({"b"}, 7));
    REQUIRE(classify({"--resume", "--out", data.out, "--test", other}).status == 0);
    CHECK(results_of(data.out).at("documents") == 7);
    CHECK(file_contents(data.out + "/model.safetensors") ==
          files.at(data.out + "/model.safetensors"));
    const Result more = classify({"--resume", "--out", data.out, "--steps", "30"});
    CHECK(contains(more.out, "now follows 30 steps, before 20"));
    CHECK(metrics_of(data.out).size() == 30);
}

TEST_CASE("programs classifier: a run's directory, data and options are its own") {
    const Data data;
    REQUIRE(classify(short_run() + data.paths()).status == 0);
    const auto files = directory_contents(data.out);
    check_refused(classify(short_run() + data.paths()), {"--out", "--resume", data.out});
    check_refused(classify({"--resume", "--out", data.out, "--lr", "0.5"}), {"--lr", "0.5"});
    check_refused(classify({"--resume", "--out", data.out, "--width", "32"}), {"--width", "32"});
    check_refused(classify({"--resume", "--out", data.scratch.path("none")}), {"--resume"});
    check_refused(train({"--resume", "--out", data.out}), {"--out", "of a classifier"});
    const std::string masked = data.scratch.path("masked");
    const std::string text = data.scratch.file("text.txt", prose(3000));
    REQUIRE(train(small_run() + Arguments{"--text", text, "--out", masked}).status == 0);
    check_refused(classify({"--resume", "--out", masked}), {"--out", "of a masked model"});
    std::filesystem::rename(data.train, data.train + ".moved");
    check_refused(classify({"--resume", "--out", data.out, "--steps", "30"}), {data.train});
    data.scratch.file("train.tsv", lines_of({"a", "b", "c"}, 301));
    check_refused(classify({"--resume", "--out", data.out, "--steps", "30"}),
                  {data.train, "others"});
    CHECK(directory_contents(data.out) == files);
    CHECK(classify({"--resume", "--out", data.out, "--train", data.train + ".moved"}).status == 0);
}

TEST_CASE("programs classifier: a masked model is fine-tuned with its tokenizer and its shape") {
    const Data data;
    const std::string text = data.scratch.file("text.txt", file_contents(data.train));
    const std::string base = data.scratch.path("base");
    REQUIRE(train(small_run() + Arguments{"--text", text, "--out", base, "--dropout", "0.1",
                                          "--tokenizer", "bpe", "--vocab", "300", "--sharing",
                                          "key-value", "--tie-embeddings"})
                .status == 0);
    const Arguments fine_tune = data.paths() + Arguments{"--model", base, "--threads", "1"};
    const Result result =
        classify(fine_tune + Arguments{"--steps", "5", "--width", "64", "--lr", "1e-30"});
    CAPTURE(result.err);
    REQUIRE(result.status == 0);
    CHECK(contains(result.out, "--width: no effect with --model\n"));
    CHECK(file_contents(data.out + "/tokenizer.json") == file_contents(base + "/tokenizer.json"));
    json config = json::parse(file_contents(data.out + "/config.json"));
    const json before = json::parse(file_contents(base + "/config.json"));
    CHECK(config.at("class_names") == Lines{"a", "b", "c"});
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
        REQUIRE(classify({"--train", data.train, "--model", base, "--out", out, "--steps",
                          out == once ? "12" : "4", "--warmup", "3", "--dropout", "0.2"})
                    .status == 0);
    CHECK(json::parse(file_contents(once + "/config.json")).at("dropout") == 0.2);
    std::filesystem::remove_all(base);
    REQUIRE(classify({"--resume", "--out", twice, "--steps", "12"}).status == 0);
    CHECK(metrics_of(twice).size() == 12);
    check_refused(classify({"--resume", "--out", twice, "--model", "other"}), {"--model"});
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
    const Data data;
    const std::string text = data.scratch.file("text.txt", prose(3000));
    const std::string causal = data.scratch.path("causal");
    REQUIRE(train_lm(small_run() + Arguments{"--text", text, "--out", causal}).status == 0);
    check_refused(classify(data.paths() + Arguments{"--model", causal}),
                  {"config.json: causal: ", "must be false"});
    check_refused(classify(data.paths() + Arguments{"--model", "/no/such"}), {"/no/such"});
    check_refused(classify(data.paths() + Arguments{"--model", ""}), {"--model"});
    CHECK_FALSE(std::filesystem::exists(data.out));
}

TEST_CASE("programs classifier: classify lists the classes of a text with their probabilities") {
    const Data data;
    const auto of_text = [&](const std::string& text) {
        return run("classify", {"--model", data.out, "--text", text, "--threads", "1"});
    };
    const Result trained =
        classify(with_defaults({"--steps", "40", "--lr", "3e-3"}, small_classifier()) +
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
    const Data data;
    REQUIRE(classify(short_run() + data.paths()).status == 0);
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
    const Data data({"a", "b", "c"}, 24);  // no class has ten: all train
    const auto losses_of = [&](const char* batch, const char* steps, const std::string& out) {
        REQUIRE(classify(with_defaults({"--batch", batch}, small_classifier()) +
                         Arguments{"--train", data.train, "--out", out, "--steps", steps, "--lr",
                                   "1e-30"})
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
        REQUIRE(classify(with_defaults({"--batch", batch}, small_classifier()) +
                         Arguments{"--train", train, "--test", data.test, "--out", out, "--steps",
                                   "1", "--lr", "1e-30"})
                    .status == 0);
        losses.push_back(metrics_of(out)[0].at("val_loss"));
        losses.push_back(results_of(out).at("loss"));
        CHECK(losses[losses.size() - 2] == doctest::Approx(losses[0]).epsilon(1e-6));
        CHECK(losses.back() == doctest::Approx(losses[1]).epsilon(1e-6));
    }
}
