// Where in the user's source an op was called.
#pragma once

#include <string>

namespace taper {

// A line of the user's source.
struct Source {
    const char* file;
    int line;
};

// As a default argument: the caller's line.
constexpr Source here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
}

// "layers/attention.cpp:50": of the path its last two parts
std::string to_string(const Source& source);

}  // namespace taper
