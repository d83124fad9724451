// train_classifier from outside: what it learns and says of the test, and faulty data.
#include "tests/support/classifier.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "nn/model_directory.hpp"

using namespace taper;
using namespace taper::tests;
using nlohmann::json;

TEST_CASE("programs classifier: it learns, and says how good it is beside what is easy") {
    const ClassifierData data;
    const Result result =
        train_classifier(small_classifier() + data.paths() +
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
    CHECK(config.at("class_names") == ClassNames{"a", "b", "c"});
    const auto steps = metrics_of(data.out);
    CHECK(steps.size() == 150);
    CHECK(steps.back().at("val_loss") < steps[49].at("val_loss"));
    CHECK_FALSE(steps.back().contains("val_bits_per_char"));
    CHECK(contains(file_contents(data.out + "/samples.txt"), "right\n"));
    CHECK(nn::load_model<float>(data.out).classifier.has_value());
}

TEST_CASE("programs classifier: classes go by name, in whatever order their documents come") {
    const ClassNames names{"0", "1", "10", "11", "2", "3", "4", "5", "6", "7", "8", "9"};
    const ClassNames in_order{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"};
    const ClassifierData data(in_order, 240);
    REQUIRE(train_classifier(short_classifier_run() + data.paths()).status == 0);
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
    const Result result =
        train_classifier(short_classifier_run() + Arguments{"--train", folders.path("train"),
                                                            "--test", data.test, "--out", out});
    CAPTURE(result.err);
    REQUIRE(result.status == 0);
    CHECK(contains(result.out, "/train: 240 documents of 12 classes\n"));
    CHECK(json::parse(file_contents(out + "/config.json")).at("class_names") == names);
}

TEST_CASE("programs classifier: a test set may lack a class, and may have none that is new") {
    const ClassifierData data({"a", "b", "c", "d"}, 200);
    const std::string fewer = data.scratch.file("fewer.tsv", lines_of({"d", "a", "b"}, 30));
    const Result result =
        train_classifier(short_classifier_run() +
                         Arguments{"--train", data.train, "--test", fewer, "--out", data.out});
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
        train_classifier(short_classifier_run() +
                         Arguments{"--train", data.train, "--test", other, "--out", never}),
        {other + ":3", "'z'", "--train has 'a', 'b', 'c', 'd'"});
    CHECK_FALSE(std::filesystem::exists(never));
}

TEST_CASE("programs classifier: quotes are letters, and faulty lines are named") {
    const ClassifierData data;
    const std::string path =
        data.scratch.file("quotes.tsv", "a\t\"x\nb\the said \"no\r\na\ty\"\nb\tc\td\n\n");
    const Result result =
        train_classifier(short_classifier_run() + Arguments{"--train", path, "--out", data.out});
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
    check_refused(train_classifier(short_classifier_run() + Arguments{"--out", data.out}),
                  {"--train"});
    check_refused(train_classifier(short_classifier_run() +
                                   Arguments{"--train", "/no/such", "--out", data.out}),
                  {"/no/such"});
    const std::string bytes = data.scratch.file("bytes.tsv", "a\t\xFF\nb\tx\n");
    CHECK(train_classifier(short_classifier_run() +
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
    const Result result = train_classifier(
        short_classifier_run() + Arguments{"--train", train, "--test", test, "--out", out});
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
    check_refused(train_classifier({"--resume", "--out", out, "--test", none}),
                  {"none.tsv:1: ", "vocabulary", "leave it out", "--tokenizer byte"});
}
