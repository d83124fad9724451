// The names of variables and the lines of source: what is read of a text, and when a name is not
// given since it could be another's.
#include "core/show/variables.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>

#include "core/show/statement.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

struct OpAtLine {
    const char* op;
    int line;
};

// "y, -, x": of each call its variable.
std::string variables(const std::string& text, const std::vector<OpAtLine>& ops) {
    std::vector<Call> calls;
    for (const OpAtLine& op : ops) calls.push_back({op.op, {"a.cpp", op.line}});
    std::string names;
    for (const CalledLine& line : called_lines(calls, text))
        names += (names.empty() ? "" : ", ") + (line.variable.empty() ? "-" : line.variable);
    return names;
}

// The same of ops that one line records.
std::string of_line(const std::string& line, const std::vector<const char*>& ops) {
    std::vector<OpAtLine> calls;
    for (const char* op : ops) calls.push_back({op, 2});
    return variables("{\n    " + line + "\n}\n", calls);
}

}  // namespace

TEST_CASE("variables: the output of the outermost op of an assignment goes to its variable") {
    CHECK(of_line("const Var<double> scores = matmul(Q, K, {.transpose_b = true});", {"matmul"}) ==
          "scores");
    CHECK(of_line("Var<T> y = exp(x) + 1.0;", {"exp", "add"}) == "-, y");
    CHECK(of_line("y = x - a * b;", {"mul", "sub"}) == "-, y");
    CHECK(of_line("y = (a + b) * c;", {"add", "mul"}) == "-, y");
    CHECK(of_line("y = a * b / c;", {"mul", "div"}) == "-, y");
    CHECK(of_line("y = ((-x));", {"neg"}) == "y");
    CHECK(of_line("y += x;", {"add"}) == "y");
    CHECK(of_line("const auto y = taper::exp<double>(x), z = log(y);", {"exp", "log"}) == "y, z");
    CHECK(of_line("y = exp(x); z = y * 2e-5;", {"exp", "mul"}) == "y, z");
    CHECK(of_line("for (int i = 0; i < 3; ++i) x = x + 1.0;", {"add", "add", "add"}) == "x, x, x");
    CHECK(of_line("m = mean(x);", {"sum", "div"}) == "-, m");
    CHECK(of_line("heads = split_heads(Q, 2);", {"reshape", "transpose"}) == "-, heads");
    CHECK(of_line("y = swish(x);", {"swish"}) == "y");
    CHECK(of_line("for (int i = 0; i < 2; ++i) P = softmax(S);", {"softmax", "softmax"}) == "P, P");
    CHECK(of_line("y = x * 1'000; z = y + 2'000;", {"mul", "add"}) == "y, z");
    // over lines
    const std::string text = "Var<T> S =\n    matmul(Q,  // K = exp(x)\n       K) *\n    scale;\n";
    CHECK(variables(text, {{"matmul", 2}, {"mul", 3}}) == "-, S");
    CHECK(variables(text, {{"mul", 2}}) == "S");
}

TEST_CASE("variables: where several records may be the one, the last is or none") {
    CHECK(of_line("y = a * b * c;", {"mul", "mul"}) == "-, y");
    CHECK(of_line("y = a + f(b + c);", {"add", "add"}) == "-, y");
    CHECK(of_line("y = a * b * c;", {"mul", "mul", "mul", "mul"}) == "-, -, -, y");
    CHECK(of_line("y = a * b; return y * c;", {"mul", "mul"}) == "-, -");
    CHECK(of_line("y = a * b, z = c * d;", {"mul", "mul"}) == "-, -");
    CHECK(of_line("y = softmax(x, 0);", {"transpose", "softmax", "transpose"}) == "-, -, -");
    CHECK(of_line("y = variance(x);", {"sum", "div", "sub", "square", "sum", "div"}) ==
          "-, -, -, -, -, y");
    CHECK(of_line("y = x - variance(x);", {"sum", "div", "sub", "square", "sum", "div", "sub"}) ==
          "-, -, -, -, -, -, y");
}

TEST_CASE("variables: what is no assignment to a variable gives no name") {
    for (const std::string line :
         {"return exp(x);", "f(exp(x));", "state.y = exp(x);", "state->y = exp(x);",
          "y = a ? exp(x) : x;", "y = exp(x).value();", "y = table.exp(x);", "// y = exp(x);",
          "f(\"y = exp(x);\");", "y[0] = exp(x);", "if (y == exp(x)) {", "y = {exp(x)};",
          "y = composed::exp(x);", "y = exp(x", "y = exp", "y == exp(x);", "y = exp(x)) {"}) {
        CAPTURE(line);
        CHECK(of_line(line, {"exp"}) == "-");
    }
    CHECK(variables("", {{"exp", 1}, {"exp", 0}, {"exp", -1}, {"exp", 1000}}) == "-, -, -, -");
    CHECK(variables("y = exp(x);", {{"exp", 1}}) == "y");
    CHECK(variables("y = exp(x); /* z =", {{"exp", 1}}) == "y");
    CHECK(variables("y = f(R\"a(;\")a\") + x;", {{"add", 1}}) == "y");
    CHECK(variables("y = exp(x) * 1'000'000;", {{"mul", 1}}) == "y");
    CHECK(variables("c = '\\''; y = exp(x);", {{"exp", 1}}) == "y");
    // brackets that do not close, and a text without end of statement
    for (const char* text : {"((((((", "y = ((((exp(x)", "}}}}y = exp(x", "y = <<<<exp(x)", "'",
                             "\"", "R\"", "R\"x", "/*", "=", "y =", "= exp(x)", "y = 1e"})
        CHECK(variables(text, {{"exp", 1}}) == "-");
    const std::string longest(100'000, '(');
    CHECK(variables("y = exp" + longest, {{"exp", 1}}) == "-");
    CHECK(variables(longest + "\ny = exp(x);", {{"exp", 2}}) == "-");
}

TEST_CASE("variables: a file is read unless it is gone, changed since the build, or no file") {
    const Scratch scratch;
    const std::string path = scratch.file("a.cpp", "\n\t y = exp(x);  \r\n");
    const auto line_of = [](const std::string& file) {
        return called_lines({{"exp", {file.c_str(), 2}}}).at(0);
    };
    namespace fs = std::filesystem;
    const auto built = fs::last_write_time("/proc/self/exe");
    fs::last_write_time(path, built - std::chrono::hours(1));
    CHECK(line_of(path).text == "y = exp(x);");
    CHECK(line_of(path).variable == "y");
    fs::last_write_time(path, built + std::chrono::hours(1));
    CHECK(line_of(path).text == "");
    CHECK(line_of(path).variable == "");
    CHECK(line_of(scratch.path("none.cpp")).text == "");
    CHECK(line_of(scratch.path("")).text == "");
    CHECK(line_of("/dev/zero").text == "");
    CHECK(called_lines({{"exp", {nullptr, 2}}}).at(0).text == "");
}
