// What tests of files and messages share: a directory of their own, and the words of an Error.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "core/error.hpp"

namespace taper::tests {

// A directory for one test, gone after it.
class Scratch {
  public:
    Scratch() {
        std::string path = (std::filesystem::temp_directory_path() / "taper-test-XXXXXX").string();
        if (!mkdtemp(path.data()))
            throw std::runtime_error(path + ": the directory must be writable");
        path_ = path;
    }
    ~Scratch() { std::filesystem::remove_all(path_); }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    std::string path(const std::string& name) const { return (path_ / name).string(); }
    std::string file(const std::string& name, const std::string& bytes) const {
        std::ofstream(path(name), std::ios::binary) << bytes;
        return path(name);
    }

  private:
    std::filesystem::path path_;
};

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// The message of the Error that the action ends in; "" where it ends well.
inline std::string refusal(const std::function<void()>& action) {
    try {
        action();
    } catch (const taper::Error& error) {
        return error.what();
    }
    return "";
}

// The same message without what follows on the op's line and inputs:
// tests/core/engine/explain.cpp tests that.
inline std::string rule_of(const std::function<void()>& action) {
    const std::string message = refusal(action);
    return message.substr(0, message.find(" [at "));
}

}  // namespace taper::tests
