// A tape as a table, a graph and a page, and the names in them.
#include "core/show/inspect.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/kernels/map.hpp"
#include "core/ops.hpp"
#include "core/show/shown.hpp"
#include "core/show/utf8.hpp"
#include "examples/gradients/cases.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

// Those that end in a newline.
std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::size_t begin = 0;
    for (std::size_t end = text.find('\n'); end != text.npos; end = text.find('\n', begin)) {
        lines.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return lines;
}

// What the page's script shows.
nlohmann::json data_of(const std::string& page) {
    const std::string tag = "<script id=\"data\" type=\"application/json\">";
    const std::size_t begin = page.find(tag) + tag.size();
    const std::size_t end = page.find("</script>", begin);
    return nlohmann::json::parse(page.substr(begin, end - begin));
}

}  // namespace

TEST_CASE(
    "inspect: the table has a line for each record, with norms of value and gradient and the "
    "source line") {
    Parameter<double> w("w", Array<double>{3, 4});
    Tape<double> tape;
    const int line = __LINE__ + 1;
    const Var<double> y = w * w, loss = sum(y);
    const std::string before = as_table(tape);
    CHECK(lines_of(before).size() == 4);
    CHECK(contains(lines_of(before)[1], "0  w       "));
    CHECK(contains(before, "show/inspect.cpp:" + std::to_string(line)));
    tape.backward(loss, Keep::everything);
    const auto lines = lines_of(as_table(tape));
    CHECK(contains(lines[1], "5        10"));  // |(3,4)|, |(6,8)|
    CHECK(contains(lines[2], "mul  0 0  "));
    CHECK(contains(lines[2], "18.36    1.414"));  // |(9,16)|, |(1,1)|
    CHECK(contains(lines[3], "25       1  "));
}

TEST_CASE(
    "inspect: what nobody holds is shown as released, and so are gradients that were not kept") {
    Parameter<float> x("x", Array<float>{0.5F, 2});
    Tape<float> tape;
    const Var<float> loss = sum(x + 1.0F);  // sum's backward needs the shape only
    CHECK(contains(lines_of(as_table(tape))[2], "(2)    -"));
    CHECK(data_of(as_page(tape)).at("records").at(1).at("value").is_null());
    tape.backward(loss);
    const auto records = data_of(as_page(tape)).at("records");
    for (const auto& record : records) CHECK(record.at("gradient").is_null());
    CHECK(records.at(2).at("formula").get<std::string>().starts_with("y = sum of x"));
}

TEST_CASE(
    "inspect: the graph has a node for each record and an edge for each input, whatever a name "
    "contains") {
    Parameter<double> w("a \"quoted\\ name", Array<double>{1, 2});
    Tape<double> tape;
    const Var<double> y = sum(w * w);
    const std::string dot = as_dot(tape);
    CHECK(contains(dot, "n0 [label=\"a \\\"quoted\\\\ name (2)\""));
    CHECK(contains(dot, "n0 -> n1;\n    n0 -> n1;"));
    CHECK(contains(dot, "n1 -> n2;"));
}

TEST_CASE(
    "inspect: the page holds every number that it shows, NaN too, and closes no script early") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    Parameter<double> w("</script><b>\xff", Array<double>{{1, nan}, {-2.00049, 1e300}});
    Parameter<double> negative("negative", Array<double>{-3, 2});
    Parameter<double> large("large", zeros<double>({9, 70, 3}));
    Tape<double> tape;
    const Var<double> a = sum(w), b = sum(large), c = sum(negative);
    const std::string page = as_page(tape, "a <title>");
    const auto records = data_of(page).at("records");
    CHECK(data_of(page).at("title") == "a <title>");
    CHECK(records.at(0).at("name").get<std::string>().starts_with("</script><b>"));
    CHECK(records.at(0).at("value").at("values") == nlohmann::json({1.0, "nan", -2.0, 1e300}));
    CHECK(records.at(0).at("value").at("whole") == true);
    CHECK(records.at(4).at("value").at("largest") == 3);
    CHECK(records.at(2).at("value").at("matrices") == 8);
    CHECK(records.at(2).at("value").at("rows") == 64);
    CHECK(records.at(2).at("value").at("values").size() == 8 * 64 * 3);
    CHECK(records.at(2).at("value").at("whole") == false);
    Tape<double> empty;
    CHECK(as_page(empty).size() > 5000);
}

TEST_CASE("inspect: every op that is recorded has its formula") {
    for (const examples::GradientCase& test : examples::gradient_table()) {
        std::vector<Parameter<double>> parameters;
        std::vector<Var<double>> inputs;
        for (const Array<double>& input : test.inputs)
            inputs.push_back(parameters.emplace_back("x", input));
        Tape<double> tape;
        test.f.in_double(inputs);
        for (const auto& record : tape.records()) {
            CAPTURE(record.name);
            CHECK((record.leaf || contains(record.formula, "backward")));
        }
    }
}

TEST_CASE("inspect: a name is on one line and is cut, whatever it holds") {
    const std::string bad = "line\nbreak\ttab \x1b[31m\xff\xc3\x28 \xed\xa0\x80 &amp; \xc3\xbc";
    const std::string shown_bad =
        "line\\nbreak\\ttab \\x1B[31m\\xFF\\xC3( \\xED\\xA0\\x80 &amp; \xc3\xbc";
    CHECK(shown(bad, 100) == shown_bad);
    CHECK(shown(std::string("a\0b", 3), 10) == "a\\x00b");
    CHECK(shown("a\r\n", 10) == "a\\r\\n");
    CHECK(escaped(bad) == shown_bad);
    CHECK(escaped(shown_bad) == shown_bad);
    CHECK(shown("\xc3\xbc\xc3\xbc\xc3\xbc", 2) == "\xc3\xbc\xc3\xbc...");
    CHECK(shown("\xe2\x80\xa8\xc2\x85", 9) == "\\xE2\\x80\\xA8\\xC2\\x85");  // other ends of a line
    // What turns the order of the letters behind it, and its neighbours, which do not.
    CHECK(shown("\u202a\u202e\u2066\u2069", 9) ==
          "\\xE2\\x80\\xAA\\xE2\\x80\\xAE\\xE2\\x81\\xA6\\xE2\\x81\\xA9");
    CHECK(shown("\u05d0\u200f\u2027\u202f\u2065\u206a", 9) ==
          "\u05d0\u200f\u2027\u202f\u2065\u206a");
    CHECK(shown("\xf0\x9f\x98\x80\xf4\x90\x80\x80\xc0\xaf", 20) ==
          "\xf0\x9f\x98\x80\\xF4\\x90\\x80\\x80\\xC0\\xAF");
    Parameter<double> w(bad, Array<double>{1, 2});
    Parameter<double> u("\xc3\xbc", Array<double>{1, 2});
    Parameter<double> empty("", Array<double>{1, 2});
    Parameter<double> longest(std::string(10'000, 'x'), Array<double>{1, 2});
    Tape<double> tape;
    const Var<double> y = sum(w * u * empty * longest);
    const auto lines = lines_of(as_table(tape));
    CHECK(lines.size() == tape.records().size() + 1);
    const std::size_t column = code_point_count(lines[0].substr(0, lines[0].find("shape")));
    for (const std::string& line : lines) {
        CHECK(line.size() < 200);
        if (const std::size_t shape = line.find("(2)"); shape != std::string::npos)
            CHECK(code_point_count(line.substr(0, shape)) == column);
    }
    const std::string dot = as_dot(tape);
    CHECK(contains(dot, "line\\\\nbreak\\\\ttab \\\\x1B[31m\\\\xFF\\\\xC3( "));
    CHECK(contains(dot, "label=\"" + std::string(40, 'x') + "... (2)\""));
    Parameter<double> entity("&amp; <x|y>", Array<double>{1, 2});
    Tape<double> other;
    const Var<double> z = sum(entity);
    CHECK(contains(as_dot(other), "label=\"&amp;amp; <x|y> (2)\""));
    const auto records = data_of(as_page(tape)).at("records");
    CHECK(records.at(0).at("name") == shown_bad);
    CHECK(records.at(5).at("name").get<std::string>().size() == 203);
}

TEST_CASE(
    "inspect: the page of a long tape, or of large arrays, is bounded and says what it leaves "
    "out") {
    Parameter<double> w("w", Array<double>{1, 2});
    {
        Tape<double> tape;
        Var<double> x = w;
        for (int i = 0; i < 50'000; ++i) x = x + 1.0;
        x = x * w;
        tape.backward(sum(x), Keep::everything);
        const std::string page = as_page(tape);
        CHECK(page.size() < 2'000'000);
        const auto data = data_of(page), records = data.at("records");
        CHECK(data.at("note") == "Records 500 to 49502 of 50003 are left out. ");
        REQUIRE(records.size() == 1000);
        CHECK(records.at(499).at("number") == 499);
        CHECK(records.at(499).at("inputs") == nlohmann::json({498}));
        CHECK(records.at(500).at("number") == 49503);
        CHECK(records.at(500).at("inputs").empty());
        CHECK(records.at(500).at("left_out") == 1);
        CHECK(records.at(501).at("inputs") == nlohmann::json({500}));
        CHECK(records.at(998).at("inputs") == nlohmann::json({997, 0}));  // the product with w
        CHECK(records.at(998).at("left_out") == 0);
    }
    Parameter<double> large("large", zeros<double>({8, 64, 64}));
    std::vector<Var<double>> held;
    Tape<double> tape;
    held.push_back(large);
    for (int i = 0; i < 200; ++i) held.push_back(held.back() + 1.0);
    const std::string page = as_page(tape);
    CHECK(page.size() < 20'000'000);
    CHECK(data_of(page).at("note") ==
          "Of an array at most 32 rows and columns, and 4 matrices, are shown.");
    CHECK(data_of(page).at("records").at(7).at("value").at("rows") == 32);
    held.resize(10);
    CHECK(data_of(as_page(tape)).at("note") == "");  // the others are released
}

TEST_CASE(
    "inspect: a page counts what it shows: of many matrices the first, of few all, and gradients "
    "beside values") {
    const auto note = [](const Shape& shape, int sums, bool gradients) {
        Parameter<float> w("w", zeros<float>(shape));
        std::vector<Var<float>> held{w};
        Tape<float> tape;
        for (int i = 0; i < sums; ++i) held.push_back(held.back() + 1.0F);
        if (gradients) tape.backward(sum(held.back()), Keep::everything);
        return data_of(as_page(tape)).at("note").get<std::string>();
    };
    CHECK(note({1000, 10, 10}, 29, false) == "");  // 30 of 8 matrices of 1000
    CHECK(note({64, 64}, 69, false) == "");        // 70 of one matrix, where 8 would be too many
    CHECK(note({8, 64, 64}, 39, false) == "");     // 1.3 million numbers, and as many of gradients
    CHECK(note({8, 64, 64}, 39, true) ==
          "Of an array at most 32 rows and columns, and 4 matrices, are shown.");
}
