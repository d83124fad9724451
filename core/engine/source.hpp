// Where in the user's source an op was called.
#pragma once

#include <string>

namespace taper {

// A line of the user's source.
struct Source {
    const char* file;
    int line;
};

// The caller's line, where this is a default argument.
constexpr Source here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
}

// The last two parts of the path, and the line: "layers/attention.cpp:50".
std::string to_string(const Source& source);

}  // namespace taper
