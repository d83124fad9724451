// The numbers by which a classifier is judged, and the baselines beside it, by hand.
#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "examples/classifier/classifier_objective.hpp"
#include "examples/classifier/judging.hpp"
#include "examples/classifier/naive_bayes.hpp"

using namespace taper::examples;
using doctest::Approx;

namespace {

// Rows: true. The last class is never true and never predicted.
Confusion four_classes() {
    const std::vector<std::vector<std::size_t>> counts{
        {5, 1, 0, 0}, {2, 1, 0, 0}, {1, 0, 0, 0}, {0, 0, 0, 0}};
    Confusion confusion(4);
    for (std::size_t row = 0; row < 4; ++row)
        for (std::size_t column = 0; column < 4; ++column)
            for (std::size_t i = 0; i < counts[row][column]; ++i) confusion.add(row, column);
    return confusion;
}

const std::vector<std::string> names{"a", "b", "c", "d"};

}  // namespace

TEST_CASE("scores: accuracy, its standard error and F1 by hand") {
    const Confusion confusion = four_classes();
    CHECK(confusion.documents() == 10);
    CHECK(confusion.documents(0) == 6);
    CHECK(confusion.predicted(0) == 8);
    CHECK(confusion.accuracy() == Approx(0.6));
    CHECK(confusion.standard_error() == Approx(std::sqrt(0.6 * 0.4 / 10)));
    // precision 5/8, recall 5/6
    CHECK(*confusion.f1(0) == Approx(2 * (5.0 / 8) * (5.0 / 6) / (5.0 / 8 + 5.0 / 6)));
    CHECK(*confusion.f1(1) == Approx(2.0 / 5));
    CHECK(*confusion.f1(2) == 0);
    CHECK_FALSE(confusion.f1(3));
    CHECK(confusion.macro_f1() == Approx((10.0 / 14 + 0.4 + 0) / 3));
    CHECK(accuracy_text(confusion) == "0.6000 +- 0.1549");
    CHECK(table_of(confusion, names) ==
          "     a b c d      F1\n"
          "   a 5 1 0 0  0.7143\n"
          "   b 2 1 0 0  0.4000\n"
          "   c 1 0 0 0  0.0000\n"
          "   d 0 0 0 0       -\n");
    Confusion perfect(2);
    perfect.add(1, 1);
    CHECK(perfect.accuracy() == 1);
    CHECK(perfect.standard_error() == 0);
    CHECK(perfect.macro_f1() == 1);
}

TEST_CASE("scores: macro F1 is the mean over the classes that the test has") {
    Confusion confusion(3);
    confusion.add(0, 0);
    confusion.add(0, 2);  // a class that the test lacks: its F1 is 0
    confusion.add(1, 1);
    CHECK(*confusion.f1(2) == 0);
    CHECK(confusion.macro_f1() == Approx((2.0 / 3 + 1) / 2));
}

TEST_CASE("scores: rows and columns of the confusion matrix have names, cut and told apart") {
    const auto table = [](const std::vector<std::string>& class_names) {
        Confusion confusion(class_names.size());
        for (std::size_t c = 0; c < class_names.size(); ++c) confusion.add(c, 0);
        return table_of(confusion, class_names);
    };
    CHECK(table({"business", "\u65E5\u672C"}) ==
          "            business     \u65E5\u672C      F1\n"
          "   business        1        0  0.6667\n"
          "       \u65E5\u672C        1        0  0.0000\n");
    CHECK(table({"twelve_wide_", "thirteen_wide"}) ==
          "                twelve_wide_ thirteen_...      F1\n"
          "   twelve_wide_            1            0  0.6667\n"
          "   thirteen_...            1            0  0.0000  thirteen_wide\n");
    CHECK(table({"comp.windows.misc", "comp.windows.x", "sport"}) ==
          "                1 comp.wi... 2 comp.wi...        sport      F1\n"
          "   1 comp.wi...            1            0            0  0.5000  comp.windows.misc\n"
          "   2 comp.wi...            1            0            0  0.0000  comp.windows.x\n"
          "          sport            1            0            0  0.0000\n");
}

TEST_CASE("scores: the report says which model was judged, and what naive Bayes reads") {
    Confusion one(4);
    one.add(1, 1);
    const std::string text = report_of({one, 0.5}, {1, 1.0, one}, names, 1400);
    CHECK(text.starts_with("test: 1 document, judged after step 1,400, the last one\n"));
    CHECK(text.find("\n  naive Bayes          1.0000 +- 0.0000, macro F1 1.0000 "
                    "(over words, whole documents)\n") != text.npos);
    const std::string more = report_of({four_classes(), 0.5}, {1, 1.0, one}, names, 1);
    CHECK(more.starts_with("test: 10 documents, judged after step 1, the last one\n"));
}

TEST_CASE("scores: words stand between white space, in lower case") {
    CHECK(words_of("  The cat\tSAT.\r\n\u00C9a ") ==
          std::vector<std::string>{"the", "cat", "sat.", "\u00C9a"});
    CHECK(words_of(" \n").empty());
}

// Manning, Raghavan and Schuetze, example 13.1: class 0 is China.
TEST_CASE("scores: naive Bayes of the textbook's example") {
    NaiveBayes naive_bayes(2);
    naive_bayes.add("Chinese Beijing Chinese", 0);
    naive_bayes.add("Chinese Chinese Shanghai", 0);
    naive_bayes.add("Chinese Macao", 0);
    naive_bayes.add("Tokyo Japan Chinese", 1);
    // 3/4 (3/7)^3 (1/14)^2 = 0.0003 against 1/4 (2/9)^3 (2/9)^2 = 0.0001
    CHECK(naive_bayes.predict("Chinese Chinese Chinese Tokyo Japan") == 0);
    // 3/4 (3/7)(1/14)^2 = 0.0016 against 1/4 (2/9)^3 = 0.0027
    CHECK(naive_bayes.predict("chinese tokyo JAPAN") == 1);
    // 3/4 (3/7)^2 (1/14)^2 = 0.00070 against 1/4 (2/9)^4 = 0.00061: without the priors the other
    CHECK(naive_bayes.predict("chinese chinese tokyo japan") == 0);
    CHECK(naive_bayes.predict("words nobody knows") == 0);  // by the priors alone
    CHECK(naive_bayes.predict("tokyo unknown") == 1);       // 3/4 1/14 against 1/4 2/9
    NaiveBayes equal(2);
    equal.add("x", 1);
    equal.add("y", 0);
    CHECK(equal.predict("z") == 0);
}

TEST_CASE("scores: the baselines learn from what trains, and are judged on the test") {
    const std::vector<Document> train{
        {"a", "x", ""}, {"b", "y", ""}, {"b", "y", ""}, {"a", "x", ""}, {"a", "y y y", ""}};
    const std::vector<Document> test{{"a", "y", ""}, {"b", "y", ""}, {"a", "x", ""}};
    const std::vector<std::string> two{"a", "b"};
    const Baselines all = baselines_of(train, std::vector<bool>(5, false), test, two);
    CHECK(all.most_frequent == 0);
    CHECK(all.most_frequent_share == Approx(2.0 / 3));
    const Baselines part = baselines_of(train, {true, false, false, false, true}, test, two);
    CHECK(part.most_frequent == 1);
    CHECK(part.most_frequent_share == Approx(1.0 / 3));
    // what it takes y for: b, whose documents have nothing else
    CHECK(part.naive_bayes.counts() == std::vector<std::vector<std::size_t>>{{1, 1}, {0, 1}});
}

TEST_CASE("scores: results.json has all of them, and no number that is none") {
    Confusion words(4);
    words.add(0, 0);
    words.add(1, 0);
    const TestResults results{four_classes(), 0.75};
    const Baselines baselines{1, 0.3, words};
    const std::vector<std::string> paths{"/a \"b\".tsv"};
    const std::string text = results_json(results, baselines, names, paths, 42);
    CHECK(text.find("null") == std::string::npos);
    const auto json = nlohmann::json::parse(text);
    CHECK(json.at("test") == paths);
    CHECK(json.at("step") == 42);
    CHECK(json.at("documents") == 10);
    CHECK(json.at("accuracy") == Approx(0.6));
    CHECK(json.at("standard_error") == Approx(0.1549193));
    CHECK(json.at("macro_f1") == Approx(0.3714286));
    CHECK(json.at("loss") == 0.75);
    CHECK(json.at("classes").size() == 4);
    CHECK(json.at("classes")[0] ==
          nlohmann::json{{"name", "a"}, {"documents", 6}, {"predicted", 8}, {"f1", 10.0 / 14}});
    CHECK_FALSE(json.at("classes")[3].contains("f1"));
    CHECK(json.at("confusion")[1] == std::vector<int>{2, 1, 0, 0});
    CHECK(json.at("most_frequent") == nlohmann::json{{"name", "b"}, {"accuracy", 0.3}});
    CHECK(json.at("naive_bayes").at("accuracy") == 0.5);
    CHECK(json.at("naive_bayes").at("macro_f1") == Approx(1.0 / 3));
}

TEST_CASE("scores: the likeliest class and its probability, the first of equal ones") {
    const taper::Array<float> logits{{0, std::log(3.0f)}, {2, 2}, {-1e30f, 1e30f}};
    const auto found = predict(logits);
    REQUIRE(found.size() == 3);
    CHECK(found[0].label == 1);
    CHECK(found[0].probability == Approx(0.75));
    CHECK(found[1].label == 0);
    CHECK(found[1].probability == Approx(0.5));
    CHECK(found[2].label == 1);
    CHECK(found[2].probability == 1);
}
