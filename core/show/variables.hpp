// What the source says of a tape's ops: the line that called each, and the variable that took its
// value, as `scores` in `const Var<double> scores = matmul(Q, K);`. This reads the files that the
// program was compiled from, if they are there.
#pragma once

#include <string>
#include <vector>

#include "core/engine/source.hpp"

namespace taper {

// An op and where it was called; of a Parameter line 0.
struct Call {
    const char* op;
    Source source;
};

// The line without the blanks around it, and the variable. Each is "" where it is not known: the
// file cannot be read, or has changed since the program was built; the value goes to no variable,
// or the line could mean another of its ops.
struct CalledLine {
    std::string text, variable;
};

// Of each call, in the order of a tape.
std::vector<CalledLine> called_lines(const std::vector<Call>& calls);

// The same of one text, as if it were the file of all calls.
std::vector<CalledLine> called_lines(const std::vector<Call>& calls, const std::string& file_text);

}  // namespace taper
