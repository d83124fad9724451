// C++ read by the statement, as far as it takes to see which variable an op's value goes to. It is
// not a parser: what it does not know has no variable.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace taper {

// The text with blanks for comments and for what stands in quotes. Every letter keeps its place.
std::string without_comments(const std::string& text);

// `y = x * w` of a statement.
struct Assignment {
    std::size_t begin;      // in the text
    std::string_view text;  // all of it, with the type if there is one
    std::string variable;
    std::string op;  // whose output it takes: "mul"; "" where that is not plain
};

struct Statement {
    std::string_view text;
    std::vector<Assignment> assignments;
};

// The statements that have a letter in [begin, end) of a text without comments.
std::vector<Statement> statements_in(std::string_view text, std::size_t begin, std::size_t end);

// How many records of an op the text may make, each time that it runs.
std::size_t times_spelled(std::string_view text, std::string_view op);

}  // namespace taper
