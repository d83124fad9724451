// A tape as a table, a graph and a page, and the names in them.
#include "core/show/inspect.hpp"

#include <doctest/doctest.h>

#include <cctype>
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
    CHECK(contains(lines[2], "y = mul     0 0  "));
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

// Does it stand in the text with no letter or digit before or after it?
static bool has_word(const std::string& text, const std::string& word) {
    const auto is_letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
    for (std::size_t i = text.find(word); i != text.npos; i = text.find(word, i + 1)) {
        const std::size_t end = i + word.size();
        const bool begins = i == 0 || (!is_letter(text[i - 1]) && text[i - 1] != '_');
        if (begins && (end == text.size() || !is_letter(text[end]))) return true;
    }
    return false;
}

TEST_CASE(
    "inspect: every op that is recorded has its formula, and names for its inputs that stand in "
    "it, as do those of their gradients") {
    for (const examples::GradientCase& test : examples::gradient_table()) {
        std::vector<Parameter<double>> parameters;
        std::vector<Var<double>> inputs;
        for (const Array<double>& input : test.inputs)
            inputs.push_back(parameters.emplace_back("x", input));
        Tape<double> tape;
        test.f.in_double(inputs);
        for (const auto& record : tape.records()) {
            CAPTURE(record.name);
            if (record.leaf) continue;
            const std::string formula = record.formula;
            CHECK(contains(formula, "backward"));
            CHECK(has_word(formula, name_of_output(record.formula)));
            CHECK(has_word(formula, "d" + name_of_output(record.formula)));
            const std::size_t inputs = record.inputs.size() + record.constants.size();
            for (std::size_t place = 0; place < inputs; ++place) {
                std::string name = name_of_input(record.input_names, place);
                CAPTURE(name);
                CHECK(!name.starts_with("input"));
                if (std::string(record.input_names).ends_with("_i")) name = "x_0";
                CHECK(has_word(formula, name));
                CHECK(has_word(formula, name == "x_0" ? "dx_i" : "d" + name));
            }
        }
    }
}

TEST_CASE("inspect: names of inputs and of the output") {
    CHECK(name_of_input("Q K V", 0) == "Q");
    CHECK(name_of_input("Q K V", 2) == "V");
    CHECK(name_of_input("Q K V", 3) == "input 3");
    CHECK(name_of_input("", 0) == "input 0");
    CHECK(name_of_input("x_i", 0) == "x_0");
    CHECK(name_of_input("axis x_i", 0) == "axis");
    CHECK(name_of_input("axis x_i", 12) == "x_11");
    CHECK(name_of_output("loss = 1/N sum") == "loss");
    CHECK(name_of_output("y_t = P_t") == "y");
    CHECK(name_of_output("") == "y");
}

TEST_CASE(
    "inspect: constants among the inputs are listed, with their numbers while something holds "
    "them") {
    Parameter<double> w("w", Array<double>{1, 2});
    const Parameter<double> fixed("fixed", Array<double>{3, 4}, false);
    const Var<double> held = Array<double>{5, 6};
    Tape<double> tape;
    const Var<double> y = (fixed * w + Array<double>{7, 8} + held) * 2.5 + 1.5;
    const auto lines = lines_of(as_table(tape));
    CHECK(contains(lines[2], "1  mul      const 0  "));
    CHECK(contains(lines[3], "2  add      1 const  "));
    const std::string dot = as_dot(tape);
    CHECK(contains(dot, "n1_0 [label=\"fixed (2)\", shape=plaintext];\n    n1_0 -> n1;\n"));
    CHECK(contains(dot, "n0 -> n1;\n"));
    CHECK(contains(dot, "n2_1 [label=\"constant (2)\""));
    const auto records = data_of(as_page(tape)).at("records");
    const auto input = [&](std::size_t record, std::size_t place) {
        return records.at(record).at("inputs").at(place);
    };
    CHECK(input(1, 0).at("name") == "a");
    CHECK(input(1, 0).at("constant") == "fixed");
    CHECK(input(1, 0).at("value").at("values") == nlohmann::json({3.0, 4.0}));
    CHECK(input(1, 1).at("name") == "b");
    CHECK(input(1, 1).at("record") == 0);
    CHECK(input(2, 1).at("constant") == "constant");
    CHECK(input(2, 1).at("shape") == "(2)");
    CHECK(input(2, 1).at("value").is_null());  // add needs no value
    CHECK(input(3, 1).at("value").at("values") == nlohmann::json({5.0, 6.0}));
    CHECK(input(4, 1).at("value").at("values") == nlohmann::json({2.5}));
    CHECK(input(5, 1).at("value").at("values") == nlohmann::json({1.5}));  // add holds no value
    CHECK(records.at(4).at("output") == "y");
}

TEST_CASE("inspect: an op has the name of the variable that took its value, and its source line") {
    Parameter<double> w("w", Array<double>{1, 2});
    Tape<double> tape;
    const Var<double> shifted = w + 1.0;
    const Var<double> loss = sum(shifted * w);
    CHECK(contains(as_table(tape), "1  shifted = add  0 const"));
    CHECK(contains(as_table(tape), "2  mul            1 0"));
    CHECK(contains(as_dot(tape), "n3 [label=\"loss = sum ()\""));
    const auto records = data_of(as_page(tape)).at("records");
    CHECK(records.at(0).at("variable") == "");
    CHECK(records.at(1).at("variable") == "shifted");
    CHECK(records.at(1).at("line") == "const Var<double> shifted = w + 1.0;");
}

TEST_CASE("inspect: the page has P of attention while the op is kept, and the tokens") {
    Parameter<double> Q("Q", full<double>({1, 70, 4}, 0.5));
    Tape<double> tape;
    const Var<double> y = attention<double>(Q, Q, Q, {.heads = 2, .causal = true});
    PageTokens tokens{std::vector<std::string>(70, "a\nb"), false};
    const auto data = data_of(as_page(tape, "t", tokens));
    const auto P = data.at("records").at(1).at("inner").at(0);
    CHECK(P.at("name") == "P");
    CHECK(P.at("shape") == "(1,2,70,70)");
    CHECK(P.at("value").at("matrices") == 2);
    CHECK(P.at("value").at("values").size() == 2 * 64 * 64);
    CHECK(P.at("value").at("values").at(0) == 1);
    CHECK(P.at("value").at("values").at(1) == 0);
    CHECK(P.at("value").at("values").at(64) == 0.5);
    CHECK(P.at("value").at("whole") == false);
    CHECK(P.at("value").at("norm") == "");
    CHECK(data.at("tokens").at("count") == 70);
    CHECK(data.at("tokens").at("keys") == false);
    CHECK(data.at("tokens").at("names").size() == 64);
    CHECK(data.at("tokens").at("names").at(0) == "a\\nb");
    tape.backward(y, zeros<double>(y.shape()));
    CHECK(data_of(as_page(tape)).at("records").at(1).at("inner").empty());
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
        const auto input = [&](std::size_t record, std::size_t place) {
            return records.at(record).at("inputs").at(place);
        };
        CHECK(input(499, 0).at("record") == 498);
        CHECK(records.at(500).at("number") == 49503);
        CHECK(!input(500, 0).contains("record"));
        CHECK(input(500, 0).at("left_out") == 49502);
        CHECK(input(501, 0).at("record") == 500);
        CHECK(input(998, 0).at("record") == 997);  // the product with w
        CHECK(input(998, 1).at("record") == 0);
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
